// The seccomp filter of a traced command: system calls that somebody hooked stop the task (RET_TRACE), all others run on at full speed.
// https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
#pragma once
#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <vector>

namespace skep {

constexpr int kMaxSyscalls = 512;

// Why a call stops the task.
enum Interest : uint8_t {
  kEnter = 1,   // somebody hooked its entry (or its exit, which needs the entry)
  kExit = 2,    // somebody hooked its return
  kOurs = 4,    // the tracer itself must know: a fact that it caches may change
};

using InterestTable = std::array<uint8_t, kMaxSyscalls>;

// Adds the calls that the tracer watches for its own sake.
void add_own_interest(InterestTable& table);

// Empty when nothing at all would stop.
std::vector<sock_filter> build_filter(const InterestTable& table);

// Installs the filter on the calling thread; async-signal-safe. NO_NEW_PRIVS is set only where the kernel insists (it breaks setuid
// children of a privileged command). Returns 0 or an errno.
int install_filter(const sock_filter* filter, unsigned short length);

}  // namespace skep
