#include "sys.h"

#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "bpf_attr.gen.h"

namespace skep::sys {
namespace {
long result(long value) { return value < 0 ? -errno : value; }
}  // namespace

long bpf(int command, void* attr, unsigned size) { return result(syscall(SYS_bpf, command, attr, size)); }

long perf_event_open(void* attr, pid_t pid, int cpu, int group_fd, unsigned long flags) {
  return result(syscall(SYS_perf_event_open, attr, pid, cpu, group_fd, flags));
}

long ioctl(int fd, unsigned long request, uint64_t argument) { return result(::ioctl(fd, request, argument)); }

long close(int fd) { return result(::close(fd)); }

long poll_readable(const int32_t* fds, size_t count, int timeout_ms, uint8_t* ready) {
  std::vector<pollfd> polled(count);
  for (size_t i = 0; i < count; i++) polled[i] = {fds[i], POLLIN, 0};
  const long found = result(::poll(polled.data(), count, timeout_ms));
  for (size_t i = 0; i < count; i++) ready[i] = found > 0 && polled[i].revents != 0;
  return found;
}

long map(size_t length, int protection, int flags, int fd, int64_t offset, void** address) {
  void* at = ::mmap(nullptr, length, protection, flags, fd, offset);
  if (at == MAP_FAILED) return -errno;
  *address = at;
  return 0;
}

long unmap(void* address, size_t length) { return result(::munmap(address, length)); }

}  // namespace skep::sys
