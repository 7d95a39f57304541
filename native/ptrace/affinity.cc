#include "affinity.h"

namespace skep {

void Affinity::decide(pid_t tid, Pin& pin, uint64_t now_ns) {
  const bool often = now_ns - pin.window_ns < kWindowNs;
  pin.stops = 0;
  pin.window_ns = now_ns;
  if (!often || pin.pinned || pin.never) return;
  if (!tracer_pinned_) {
    if (sched_getaffinity(0, sizeof tracer_before_, &tracer_before_) != 0) return;
    cpu_ = sched_getcpu();
    if (cpu_ < 0 || cpu_ >= CPU_SETSIZE || !CPU_ISSET(cpu_, &tracer_before_)) return;
  }
  if (sched_getaffinity(tid, sizeof pin.before, &pin.before) != 0) return;
  if (!CPU_ISSET(cpu_, &pin.before)) return;  // somebody has put it elsewhere
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu_, &one);
  if (!tracer_pinned_) {
    if (sched_setaffinity(0, sizeof one, &one) != 0) return;
    tracer_pinned_ = true;
  }
  if (sched_setaffinity(tid, sizeof one, &one) == 0) {
    pin.pinned = true;
    pinned_++;
  }
  release_tracer();
}

void Affinity::release_tracer() {
  if (!tracer_pinned_ || pinned_ > 0) return;
  sched_setaffinity(0, sizeof tracer_before_, &tracer_before_);
  tracer_pinned_ = false;
}

void Affinity::unpin(pid_t tid, Pin& pin) {
  if (!pin.pinned) return;
  sched_setaffinity(tid, sizeof pin.before, &pin.before);
  forget(pin);
}

void Affinity::forget(Pin& pin) {
  if (!pin.pinned) return;
  pin.pinned = false;
  pinned_--;
  release_tracer();
}

void Affinity::on_child(pid_t child, const Pin& parent) {
  if (parent.pinned) sched_setaffinity(child, sizeof parent.before, &parent.before);
}

bool Affinity::review(pid_t tid, Pin& pin, uint64_t now_ns) {
  if (!pin.pinned) return false;
  // `stops` counts since the window began: a quiet task has neither filled a window lately nor made many stops in this one.
  if (now_ns - pin.window_ns < 2 * kWindowNs) return false;
  if (pin.stops * kWindowNs >= kStops / 4 * (now_ns - pin.window_ns)) return false;
  unpin(tid, pin);
  pin.stops = 0;
  pin.window_ns = now_ns;
  return true;
}

}  // namespace skep
