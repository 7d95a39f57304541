#include "inspect.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

namespace skep {
namespace {

constexpr unsigned kPidfdThread = O_EXCL;  // PIDFD_THREAD, Linux 6.9
constexpr size_t kPage = 4096;

// The whole of a small file of /proc, NUL-terminated; the length or -1.
ssize_t slurp(const char* path, char* buffer, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t got = 0;
  while (static_cast<size_t>(got) < size - 1) {
    ssize_t n = read(fd, buffer + got, size - 1 - static_cast<size_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    got += n;
  }
  close(fd);
  buffer[got] = 0;
  return got;
}

long field(const char* status, const char* name) {
  const char* at = strstr(status, name);
  return at ? strtol(at + strlen(name), nullptr, 10) : -1;
}

}  // namespace

ssize_t read_memory(pid_t tid, uint64_t address, void* destination, size_t size) {
  auto* to = static_cast<char*>(destination);
  size_t done = 0;
  while (done < size) {
    // One element a page: the kernel gives up at the first element that it cannot read wholly.
    constexpr int kMost = 64;
    iovec remote[kMost];
    int count = 0;
    size_t wanted = 0;
    while (count < kMost && done + wanted < size) {
      const uint64_t at = address + done + wanted;
      const size_t step = std::min<size_t>(kPage - at % kPage, size - done - wanted);
      remote[count++] = {reinterpret_cast<void*>(at), step};
      wanted += step;
    }
    iovec local = {to + done, wanted};
    const ssize_t got = process_vm_readv(tid, &local, 1, remote, static_cast<unsigned long>(count), 0);
    if (got < 0) {
      if (done > 0 || errno == EFAULT) break;
      return -errno;
    }
    done += static_cast<size_t>(got);
    if (static_cast<size_t>(got) < wanted) break;
  }
  return static_cast<ssize_t>(done);
}

bool read_facts(pid_t tid, Facts* out) {
  char path[64], status[4096];
  snprintf(path, sizeof path, "/proc/%d/status", tid);
  if (slurp(path, status, sizeof status) <= 0) return false;
  *out = {};
  // "Name:\tCOMM\n", where a newline, a backslash (and so on) in the name are escaped as \n, \\ and \ooo.
  const char* name = strstr(status, "Name:\t");
  size_t length = 0;
  if (name) {
    for (name += 6; *name && *name != '\n' && length < sizeof out->comm - 1; name++) {
      char c = *name;
      if (c == '\\' && name[1] == 'n') c = '\n', name++;
      else if (c == '\\' && name[1] == '\\') name++;
      out->comm[length++] = c;
    }
  }
  out->tgid = static_cast<int32_t>(field(status, "\nTgid:"));
  out->ppid = static_cast<int32_t>(field(status, "\nPPid:"));
  out->uid = static_cast<int32_t>(field(status, "\nUid:"));
  out->gid = static_cast<int32_t>(field(status, "\nGid:"));
  return true;
}

void ProcessHandle::forget() {
  if (pidfd_ >= 0) close(pidfd_);
  pidfd_ = tgid_ = -1;
}

int ProcessHandle::duplicate(pid_t tid, pid_t tgid, int fd) {
  // A handle of a process that is gone fails with ESRCH, also when its number was given away again.
  for (int attempt = 0; attempt < 2; attempt++) {
    if (tgid_ != tgid) {
      forget();
      pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, tgid, 0));
      if (pidfd_ < 0) break;
      tgid_ = tgid;
    }
    const int copy = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd_, fd, 0));
    if (copy >= 0) return copy;
    if (errno == ENOSYS || errno == EPERM) return -errno;
    forget();
  }
  // The leader's files are the thread's, but a leader that has exited has none any more.
  const int thread = static_cast<int>(syscall(SYS_pidfd_open, tid, kPidfdThread));
  if (thread < 0) return -errno;
  const int copy = static_cast<int>(syscall(SYS_pidfd_getfd, thread, fd, 0));
  const int result = copy >= 0 ? copy : -errno;
  close(thread);
  return result;
}

int describe_fd(pid_t tid, pid_t tgid, int fd, ProcessHandle& process, FdAnswer* out, char* text, size_t text_size) {
  *out = {};
  out->domain = out->type = out->protocol = -1;
  if (fd < 0) return -EBADF;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", tid, fd);
  const ssize_t length = readlink(path, text, text_size - 1);
  if (length < 0) return errno == ENOENT ? -EBADF : -errno;
  text[length] = 0;
  out->path_size = static_cast<uint32_t>(length);
  constexpr char kSocket[] = "socket:[";
  if (strncmp(text, kSocket, sizeof kSocket - 1) != 0) {
    struct stat info;
    if (stat(path, &info) == 0) {
      out->mode = info.st_mode;
      out->inode = info.st_ino;
    }
    return 0;
  }
  out->mode = S_IFSOCK;
  out->inode = strtoull(text + sizeof kSocket - 1, nullptr, 10);
  const int copy = process.duplicate(tid, tgid, fd);
  if (copy < 0) return 0;
  const std::pair<int, int32_t*> options[] = {
      {SO_DOMAIN, &out->domain}, {SO_TYPE, &out->type}, {SO_PROTOCOL, &out->protocol}};
  for (const auto& [option, value] : options) {
    socklen_t size = sizeof *value;
    if (getsockopt(copy, SOL_SOCKET, option, value, &size) != 0) *value = -1;
  }
  if (out->protocol == IPPROTO_TCP && (out->domain == AF_INET || out->domain == AF_INET6)) {
    // The state is the first byte of struct tcp_info; the kernel fills what there is room for.
    uint8_t state = 0;
    socklen_t one = sizeof state;
    if (getsockopt(copy, IPPROTO_TCP, TCP_INFO, &state, &one) == 0) out->tcp_state = state;
  }
  socklen_t size = sizeof out->local;
  if (getsockname(copy, reinterpret_cast<sockaddr*>(out->local), &size) == 0)
    out->local_size = std::min<socklen_t>(size, sizeof out->local);
  size = sizeof out->peer;
  if (getpeername(copy, reinterpret_cast<sockaddr*>(out->peer), &size) == 0)
    out->peer_size = std::min<socklen_t>(size, sizeof out->peer);
  close(copy);
  return 0;
}

int source_address(const sockaddr* destination, socklen_t size, sockaddr_storage* out) {
  if (size < sizeof(sa_family_t)) return -EINVAL;
  if (destination->sa_family != AF_INET && destination->sa_family != AF_INET6) return -EAFNOSUPPORT;
  const int fd = socket(destination->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  socklen_t got = sizeof *out;
  int result;
  if (connect(fd, destination, size) != 0 || getsockname(fd, reinterpret_cast<sockaddr*>(out), &got) != 0) result = -errno;
  else result = static_cast<int>(got);
  close(fd);
  return result;
}

std::string exec_filename(pid_t tid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/auxv", tid);
  Elf64_auxv_t entries[64];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  const ssize_t got = read(fd, entries, sizeof entries);
  close(fd);
  for (ssize_t i = 0; (i + 1) * static_cast<ssize_t>(sizeof entries[0]) <= got && entries[i].a_type != AT_NULL; i++) {
    if (entries[i].a_type != AT_EXECFN) continue;
    char name[kTextCapacity];
    const ssize_t length = read_memory(tid, entries[i].a_un.a_val, name, sizeof name);
    if (length <= 0) return "";
    return std::string(name, strnlen(name, static_cast<size_t>(length)));
  }
  return "";
}

int last_cpu(pid_t tid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", tid);
  if (slurp(path, text, sizeof text) <= 0) return -1;
  // The name, field 2, may hold anything, a parenthesis too; field 39 is `processor`.
  const char* at = strrchr(text, ')');
  if (!at) return -1;
  for (int fieldNumber = 2; fieldNumber < 39; fieldNumber++) {
    at = strchr(at + 1, ' ');
    if (!at) return -1;
  }
  return atoi(at + 1);
}

}  // namespace skep
