// A thin door to the system calls that the live backend needs. Nothing is interpreted here: arguments go in as they are, results come
// out as the kernel gives them, failures as -errno.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace skep::sys {

// https://man7.org/linux/man-pages/man2/bpf.2.html
long bpf(int command, void* attr, unsigned size);
// https://man7.org/linux/man-pages/man2/perf_event_open.2.html
long perf_event_open(void* attr, pid_t pid, int cpu, int group_fd, unsigned long flags);
long ioctl(int fd, unsigned long request, uint64_t argument);
long close(int fd);
// Waits for any of `count` descriptors to be readable; `ready` gets one byte each. Returns how many are, 0 when time is up, or -errno
// (-EINTR: a signal came).
long poll_readable(const int32_t* fds, size_t count, int timeout_ms, uint8_t* ready);
// *address is where the mapping lies. Returns 0 or -errno.
long map(size_t length, int protection, int flags, int fd, int64_t offset, void** address);
long unmap(void* address, size_t length);

}  // namespace skep::sys
