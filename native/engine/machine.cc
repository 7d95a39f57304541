// What the engine does once a run, or rarely: programs, commands, accesses outside the window, map lookups.
#include "engine/machine.h"

#include <bit>
#include <cstring>

namespace skep::engine {

using namespace layout;

static_assert(std::endian::native == std::endian::little, "registers and packets are read as little-endian words");

namespace {

uint32_t load32(const uint8_t* at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return value;
}

uint64_t load64(const uint8_t* at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}

void store32(uint8_t* at, uint32_t value) { memcpy(at, &value, 4); }

}  // namespace

void Machine::bind(uint8_t* memory, uint64_t length) {
  memory_ = memory;
  length_ = length;
  bells_ = holds(state_, kStateBytes) ? memory + state_ : nullptr;
  levels_[0].ready_at = nullptr;
}

int32_t Machine::load(const uint8_t* bytes, size_t size, std::vector<int32_t> probes, bool lookup) {
  auto made = std::make_unique<Program>(bytes, size, std::move(probes), lookup);
  if (!made->valid()) return -1;
  if (unused_.empty()) {
    unused_.push_back(static_cast<int32_t>(programs_.size()));
    programs_.emplace_back();
  }
  const int32_t id = unused_.back();
  unused_.pop_back();
  made->id = id;
  programs_[static_cast<size_t>(id)] = std::move(made);
  return id;
}

void Machine::unload(int32_t id) {
  if (id < 0 || static_cast<size_t>(id) >= programs_.size() || !programs_[static_cast<size_t>(id)]) return;
  programs_[static_cast<size_t>(id)].reset();
  unused_.push_back(id);
  // A run that was given up (its helper threw) must not be resumed in what is gone.
  for (auto& level : levels_) level.program = nullptr;
  levels_[0].ready_at = nullptr;
}

const Program* Machine::program(uint32_t id) const { return id < programs_.size() ? programs_[id].get() : nullptr; }

uint32_t Machine::word(uint64_t offset) const { return holds(offset, 4) ? load32(memory_ + offset) : 0; }

bool Machine::make_ready(Level& level) {
  const Program* program = this->program(load32(bells_ + bell::k_program));
  const uint32_t stack = load32(bells_ + bell::k_stack);
  level.ready_at = nullptr;
  level.program = nullptr;
  if (!program || !holds(stack, kStackArea)) return false;
  level.ready_at = program->code(false);
  level.ready_program = program;
  level.ready_for = load64(bells_ + bell::k_program);
  // A run that is over has left these as they were.
  level.checked = false;
  level.depth = 0;
  level.stack = stack;
  level.left = 0;
  return true;
}

void Machine::ring() {
  uint8_t* const bells = bells_;
  if (!bells) return;
  Level& level = levels_[0];
  uint8_t* const block = bells + kHeaderBytes;
  static_assert(bell::k_stack == bell::k_program + 4);
  const bool ready = level.ready_at && level.ready_for == load64(bells + bell::k_program);
  if (load32(bells + bell::k_level) != kOutermost || !ready) return ring_otherwise();
  level.program = level.ready_program;
  level.ip = level.ready_at;
  level.may_goto = kMayGotoBudget;
  auto* r = reinterpret_cast<uint64_t*>(block + block::k_regs);
  const uint32_t ctx = load32(bells + bell::k_ctx);
  r[0] = r[6] = r[7] = r[8] = r[9] = 0;
  r[1] = ctx == 0 ? 0 : kKernelBase + ctx;
  r[2] = load32(bells + bell::k_r2);
  r[kFramePointer] = kKernelBase + level.stack + kFrameBytes;
  memcpy(block + block::k_fuel, bells + bell::k_fuel, 8);
  store32(block + block::k_tail_calls, 0);
  run<false>(this, &level, block, nullptr);
}

void Machine::ring_otherwise() {
  const uint32_t index = load32(bells_ + bell::k_level);
  if (index != kOutermost) return ring_level(index);
  if (make_ready(levels_[0])) return ring();
  store32(bells_ + kHeaderBytes + block::k_status, static_cast<uint32_t>(Status::k_bad_request));
}

void Machine::ring_level(uint32_t index) {
  if (index >= kLevels) return;
  Level& level = levels_[index];
  uint8_t* const block = bells_ + kHeaderBytes + index * kBlockBytes;
  level.ready_at = nullptr;
  const Status status = begin(level, block);
  if (status != Status::k_done) {
    level.program = nullptr;
    return store32(block + block::k_status, static_cast<uint32_t>(status));
  }
  if (level.checked) run<true>(this, &level, block, nullptr);
  else run<false>(this, &level, block, nullptr);
}

void Machine::leave(Level& level, uint8_t* block, Status status) {
  store32(block + block::k_pc, static_cast<uint32_t>(level.ip - level.program->code(level.checked)));
  store32(block + block::k_program, static_cast<uint32_t>(level.program->id));
  store32(block + block::k_depth, level.depth);
  store32(block + block::k_batch_count, level.left);
  store32(block + block::k_status, static_cast<uint32_t>(status));
  level.ready_at = nullptr;
  // What has ended cannot be resumed.
  const bool waits = status == Status::k_call || status == Status::k_tail_call || status == Status::k_packet;
  if (!waits) level.program = nullptr;
}

// Puts the level where the command says the run goes on. k_done: it can.
Status Machine::begin(Level& level, uint8_t* block) {
  auto* r = reinterpret_cast<uint64_t*>(block + block::k_regs);
  switch (static_cast<Command>(load32(block + block::k_command))) {
    case Command::k_start: {
      const Program* program = this->program(load32(block + block::k_program));
      const uint32_t slot = load32(block + block::k_pc);
      const uint32_t stack = load32(block + block::k_stack);
      if (!program || slot >= program->slots() || !holds(stack, kStackArea)) return Status::k_bad_request;
      level.program = level.first = program;
      level.checked = load32(block + block::k_checked) != 0;
      level.ip = level.start = program->code(level.checked) + slot;
      level.depth = 0;
      level.may_goto = kMayGotoBudget;
      level.stack = stack;
      r[0] = r[6] = r[7] = r[8] = r[9] = 0;
      r[kFramePointer] = kKernelBase + stack + kFrameBytes;
      if (level.checked) memset(memory_ + stack, 0, kFrameBytes);
      level.left = load32(block + block::k_batch_count);
      if (level.left == 0) return Status::k_done;
      level.stride = load32(block + block::k_batch_stride);
      level.result = load32(block + block::k_batch_result);
      if (level.result != 0 && !holds(level.result, uint64_t{4} * level.left)) return Status::k_bad_request;
      level.ctx = static_cast<uint32_t>(r[1]);
      level.r2 = r[2];
      memcpy(&level.fuel, block + block::k_fuel, 8);
      return Status::k_done;
    }
    case Command::k_resume:
      if (!level.program) return Status::k_bad_request;
      level.ip++;
      return Status::k_done;
    case Command::k_leave:
      if (!level.program) return Status::k_bad_request;
      level.ip = level.program->leave(level.checked);
      return Status::k_done;
    case Command::k_tail: {
      const Program* program = this->program(load32(block + block::k_program));
      if (!program || !level.program) return Status::k_bad_request;
      level.program = program;
      level.ip = program->code(level.checked);
      level.may_goto = kMayGotoBudget;
      const uint64_t ctx = r[1];
      memset(r, 0, 8 * kFramePointer);
      r[1] = ctx;
      return Status::k_done;
    }
  }
  return Status::k_bad_request;
}

bool Machine::allow(const Level& level, const uint8_t* block, uint64_t at, uint32_t size, bool write, Window& read,
                    Window& written) const {
  const uint64_t offset = at + kFirstMapped;
  if (offset < at) return false;
  if (!level.checked) return at < length_ && offset >= kFirstMapped && holds(offset, size);
  const auto open = [&](uint64_t from, uint64_t bytes, bool writable) {
    if (offset < from || !holds(from, bytes) || offset - from > bytes || bytes - (offset - from) < size) return false;
    if (write && !writable) return false;
    const Window window{from - kFirstMapped, bytes >= 8 ? bytes - 7 : 0};
    read = window;
    if (writable) written = window;
    return true;
  };
  if (open(level.stack, uint64_t{kFrameBytes} * (level.depth + 1), true)) return true;
  const uint32_t table = load32(block + block::k_regions);
  const uint32_t count = load32(block + block::k_region_count);
  // What was handed out last stands at the end.
  for (uint32_t i = count; i-- > 0;) {
    const uint64_t row = table + uint64_t{kRegionBytes} * i;
    if (open(word(row), word(row + 4), word(row + 8) != 0)) return true;
  }
  return false;
}

namespace {

// A word of a key, zero-padded at its end.
uint32_t key_word(const uint8_t* key, uint32_t at, uint32_t size) {
  uint32_t word = 0;
  memcpy(&word, key + at, size - at < 4 ? size - at : 4);
  return word;
}

// The hash of core/maps/layout.ts.
uint32_t hash_key(const uint8_t* key, uint32_t size, uint32_t seed) {
  uint32_t h = seed ^ size;
  const auto mix = [&h](uint32_t word) {
    h = (h ^ word) * 0x9e3779b1u;
    h ^= h >> 15;
  };
  uint32_t at = 0;
  for (; at + 4 <= size; at += 4) mix(load32(key + at));
  if (at < size) mix(key_word(key, at, size));
  h *= 0x85ebca6bu;
  return h ^ (h >> 13);
}

}  // namespace

bool Machine::look_up(uint64_t map, uint64_t key, uint64_t& result) const {
  const uint64_t header = map - kKernelBase;
  const uint64_t key_at = key - kKernelBase;
  if (header < kFirstMapped || !holds(header, kMapHeaderBytes)) return false;
  const uint8_t* const h = memory_ + header;
  const uint32_t type = load32(h + map::k_type);
  if (type == kMapTypeArray) {
    if (!holds(key_at, 4)) return false;
    const uint32_t index = load32(memory_ + key_at);
    result = index < load32(h + map::k_max_entries)
                 ? kKernelBase + load32(h + map::k_data) + index * load32(h + map::k_elem_size)
                 : 0;
    return true;
  }
  if (type != kMapTypeHash && type != kMapTypeLruHash) return false;
  const uint32_t size = load32(h + map::k_key_size);
  if (!holds(key_at, size)) return false;
  const uint8_t* const wanted = memory_ + key_at;
  const uint32_t hash = hash_key(wanted, size, load32(h + map::k_seed));
  const uint32_t stored_at = load32(h + map::k_key_at);
  const uint32_t value_at = load32(h + map::k_value_at);
  uint32_t node = word(load32(h + map::k_buckets) + uint64_t{4} * (hash & load32(h + map::k_bucket_mask)));
  while (node != 0) {
    if (!holds(node, value_at) || stored_at + size > value_at) return false;
    uint8_t* const n = memory_ + node;
    if (load32(n + node::k_hash) == hash) {
      const uint8_t* const stored = n + stored_at;
      const bool same = size == 4 ? load32(wanted) == load32(stored) : memcmp(wanted, stored, size) == 0;
      if (same) {
        if (type == kMapTypeLruHash) store32(n + node::k_state, load32(n + node::k_state) | kNodeReferenced);
        result = kKernelBase + node + value_at;
        return true;
      }
    }
    node = load32(n + node::k_next);
  }
  result = 0;
  return true;
}

}  // namespace skep::engine
