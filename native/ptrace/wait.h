// A wait for traced tasks that another thread, a signal handler or a timer can break off without a lost wake-up.
//
// The kernel's wait4(2) has no time limit and sleeps on even when the flag that should end it was set a moment before the call. So
// the check of the flags and the call are one stretch of code with known ends, and the handler of the kick signal, when it finds the
// thread inside that stretch, moves it past the call. Once the call sleeps, the signal ends it with EINTR as usual.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace skep {

// Ignored by default and used by nobody, so that a kick that comes too late harms nothing.
int kick_signal();

// Installs the handler; idempotent. Returns 0 or an errno.
int install_kick_handler();

// Breaks off the wait of thread `tid` of this process. Set a flag that it checks first. Returns 0 or an errno.
int kick(pid_t tid);

// For a program that waits on its main thread, where no JavaScript handler can run: from now on the first `signo` sets flag[0] to 1 and kicks
// the thread whose id is in flag[1]; the next, while flag[0] is still set, does what the signal did before. Returns 0 or an errno.
int catch_signal(int signo, std::atomic<int32_t>* flag);
// Puts back what was there before.
void release_signal(int signo);

// wait4(-1, status, options | __WALL | __WNOTHREAD): only children and tracees of the calling thread, so that nobody else's are
// stolen. Returns a tid, 0 (WNOHANG and nothing there), or -errno; -EINTR when a flag is set or a signal came.
long wait_any(int* status, int options, const std::atomic<int32_t>* flag, const std::atomic<int32_t>* other);

// A one-shot timer whose expiry sets `fired` and kicks the thread that made it.
class WakeTimer {
 public:
  ~WakeTimer();
  // Makes sure that the timer fires at `deadline_ns` (CLOCK_MONOTONIC) or before; cheap when it is already set to do so.
  void fire_by(uint64_t deadline_ns);
  // Whether it fired since the last call; if so it is no longer set.
  bool take();
  std::atomic<int32_t> fired{0};

 private:
  void* timer_ = nullptr;
  bool made_ = false;
  uint64_t armed_for_ = 0;
};

uint64_t now_ns();

}  // namespace skep
