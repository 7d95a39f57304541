// Questions about a task that stands still: its memory, its file descriptors, who it is. All of it from /proc and from system calls
// that need no more rights than ptrace itself.
#pragma once
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "record.h"

namespace skep {

// Reads up to `size` bytes at `address` of the task; stops short at the first page that cannot be read. Returns the bytes read (0 for
// -EFAULT) or -errno.
ssize_t read_memory(pid_t tid, uint64_t address, void* destination, size_t size);

// /proc/TID/status; false when the task is gone.
bool read_facts(pid_t tid, Facts* out);

// A descriptor of the process last asked about, kept since one asks about the same again and again.
class ProcessHandle {
 public:
  ~ProcessHandle() { forget(); }
  void forget();
  // A duplicate of the process's descriptor `fd`, to be closed at once, or -errno.
  int duplicate(pid_t tid, pid_t tgid, int fd);

 private:
  pid_t tgid_ = -1;
  int pidfd_ = -1;
};

// Returns 0 or -errno (-EBADF: no such descriptor); the path goes to `text`. A socket is looked at through a duplicate (pidfd_getfd, Linux
// 5.6) that is closed again before this returns, since an open duplicate would keep the peer from seeing the end of the connection.
int describe_fd(pid_t tid, pid_t tgid, int fd, ProcessHandle& process, FdAnswer* out, char* text, size_t text_size);

// The address this machine would send from towards `destination`: the route of a UDP socket of our own; nothing is sent. Returns the size of
// the address or -errno.
int source_address(const sockaddr* destination, socklen_t size, sockaddr_storage* out);

// The file name that execve was given, which the kernel leaves on the new stack (AT_EXECFN); "" when it cannot be read.
std::string exec_filename(pid_t tid);

// The CPU the task last ran on, from /proc/TID/stat, or -1.
int last_cpu(pid_t tid);

}  // namespace skep
