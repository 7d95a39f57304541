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

struct FdDescription {
  uint32_t mode = 0;  // st_mode
  uint64_t inode = 0;
  std::string path;  // what the link /proc/TID/fd/N says
  bool is_socket = false;
  int domain = -1, type = -1, protocol = -1;  // -1: the kernel would not say
  sockaddr_storage local = {}, peer = {};
  socklen_t local_size = 0, peer_size = 0;  // 0: the call failed
};

// Returns 0 or -errno (-EBADF: no such descriptor). A socket is looked at through a duplicate (pidfd_getfd, Linux 5.6) that is closed
// again before this returns, since an open duplicate would keep the peer from seeing the end of the connection.
int describe_fd(pid_t tid, pid_t tgid, int fd, FdDescription* out);

// The address this machine would send from towards `destination`: the route of a UDP socket of our own; nothing is sent. Returns the size of
// the address or -errno.
int source_address(const sockaddr* destination, socklen_t size, sockaddr_storage* out);

// The file name that execve was given, which the kernel leaves on the new stack (AT_EXECFN); "" when it cannot be read.
std::string exec_filename(pid_t tid);

// The CPU the task last ran on, from /proc/TID/stat, or -1.
int last_cpu(pid_t tid);

}  // namespace skep
