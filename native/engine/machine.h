// The engine on one linear memory. It is driven through a stretch of that memory (gen/layout.gen.h, printed from
// bindings/engine/state.ts): the caller writes what it wants into a level's block, rings, and reads there what came of it. What C++
// does not have (helpers other than lookups, tail calls, packets) makes `ring` return with registers and program counter; the caller
// does it and rings again. Nothing of the engine's own is kept in the linear memory: no program can damage it.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/program.h"
#include "gen/layout.gen.h"

namespace skep::engine {

class Machine {
 public:
  // `state`: offset of the block stretch.
  Machine(uint8_t* memory, uint64_t length, uint32_t state) : state_(state) { bind(memory, length); }

  // The memory has grown, or moved.
  void bind(uint8_t* memory, uint64_t length);
  // An id, or -1 for what is no program.
  int32_t load(const uint8_t* bytes, size_t size, std::vector<int32_t> probes, bool lookup);
  void unload(int32_t id);
  void ring();

 private:
  friend Labels labels(bool checked);

  // Where a BPF-to-BPF call came from.
  struct Frame {
    const Program* program;
    const Entry* next;
    uint32_t may_goto;
    // r6 to r10.
    uint64_t saved[5];
  };
  // A run, as far as it is not in its block.
  struct Level {
    const Program* program = nullptr;
    const Entry* ip = nullptr;
    uint32_t depth = 0;
    uint32_t may_goto = 0;
    uint32_t stack = 0;
    bool checked = false;
    // The batch.
    const Program* first = nullptr;
    const Entry* start = nullptr;
    uint32_t left = 0;
    uint32_t stride = 0;
    uint32_t result = 0;
    uint32_t ctx = 0;
    uint64_t r2 = 0;
    int64_t fuel = 0;
    // The doorbell's short way: the program and stack area (as they stand in the header) that this level is ready for, which it stays from one run to
    // the next. Null: for none.
    const Entry* ready_at = nullptr;
    const Program* ready_program = nullptr;
    uint64_t ready_for = 0;
    Frame frames[layout::kMaxFrames];
  };
  // What may be touched without asking: `count` addresses from `lo`, relative to the first mapped byte, at which eight bytes fit.
  struct Window {
    uint64_t lo = 0;
    uint64_t count = 0;
  };

  // The loop (loop.cc). With `labels`, only answers its handlers.
  // Writes the status into the block when it comes back.
  template <bool kChecked>
  static void run(const Machine* self, Level* at, uint8_t* block, Labels* labels);
  layout::Status begin(Level& level, uint8_t* block);
  // Makes level 0 ready for what the header says. False: there is no such thing.
  bool make_ready(Level& level);
  // Rung for a level of its own.
  void ring_level(uint32_t index);
  // Rung for anything but what level 0 is ready for. Kept out of the short way, which has registers enough without saving any.
  [[gnu::noinline]] void ring_otherwise();
  // Writes down where a run came to that is not over.
  [[gnu::noinline]] static void leave(Level& level, uint8_t* block, layout::Status status);
  // May `size` bytes at `at` (relative to the first mapped byte) be touched? Moves the window over what allows it.
  bool allow(const Level& level, const uint8_t* block, uint64_t at, uint32_t size, bool write, Window& read, Window& written) const;
  // bpf_map_lookup_elem. False for maps that only JavaScript knows.
  bool look_up(uint64_t map, uint64_t key, uint64_t& result) const;
  const Program* program(uint32_t id) const;
  // Are these bytes in the memory?
  bool holds(uint64_t offset, uint64_t size) const { return offset <= length_ && size <= length_ - offset; }
  uint32_t word(uint64_t offset) const;

  uint8_t* memory_ = nullptr;
  uint64_t length_ = 0;
  const uint32_t state_;
  // Where the block stretch is; null where the memory does not hold it.
  uint8_t* bells_ = nullptr;
  std::vector<std::unique_ptr<Program>> programs_;
  std::vector<int32_t> unused_;
  Level levels_[layout::kLevels];
};

}  // namespace skep::engine
