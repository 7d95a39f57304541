// Keeping a task that stops often on the tracer's CPU. A stop hands the CPU from task to tracer and back; on one CPU that costs a
// context switch, across CPUs two wake-ups of an idle CPU, several times as much. So a task that makes many stops in a short time is
// moved to the tracer's CPU, the tracer stays there meanwhile, and both get their masks back when the rate falls.
#pragma once
#include <sched.h>
#include <sys/types.h>

#include <cstdint>

namespace skep {

// Per task.
struct Pin {
  bool pinned = false;
  bool never = false;        // the task manages its own affinity
  uint32_t stops = 0;        // in the present window
  uint64_t window_ns = 0;    // when that began
  cpu_set_t before = {};     // its mask while pinned
};

// Per tracer.
class Affinity {
 public:
  // To be called at each stop; pins when the rate is high.
  void on_stop(pid_t tid, Pin& pin, uint64_t now_ns) {
    if (pin.window_ns == 0) pin.window_ns = now_ns;
    if (++pin.stops == kStops) decide(tid, pin, now_ns);
  }
  // Gives the task its mask back.
  void unpin(pid_t tid, Pin& pin);
  // A pinned task has ended.
  void forget(Pin& pin);
  // A child of a pinned task inherits the mask: give it its parent's own.
  void on_child(pid_t child, const Pin& parent);
  // From time to time: true if the task has fallen quiet and was unpinned.
  bool review(pid_t tid, Pin& pin, uint64_t now_ns);
  bool active() const { return pinned_ > 0; }

  // Not sooner: a short process makes some seventy stops in its dynamic linker alone, and moving it pays off later only.
  static constexpr uint32_t kStops = 128;
  static constexpr uint64_t kWindowNs = 100'000'000;

 private:
  void decide(pid_t tid, Pin& pin, uint64_t now_ns);
  void release_tracer();
  int pinned_ = 0;
  bool tracer_pinned_ = false;
  int cpu_ = -1;
  cpu_set_t tracer_before_ = {};
};

}  // namespace skep
