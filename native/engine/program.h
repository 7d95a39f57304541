// Programs as the engine's loop wants them: one entry a slot, with the address of the code that carries it out, its operands widened, and
// its jump target as a pointer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace skep::engine {

struct Entry {
  // The handler in the loop.
  const void* label;
  union {
    // Arithmetic: the immediate. ld_imm64: the constant. Loads and stores: the offset, less the address of the first mapped byte.
    int64_t value;
    // Jumps and calls.
    const Entry* target;
  };
  // Jumps and stores: the immediate.
  int64_t imm;
  // Fuel that a taken jump or a call costs.
  uint32_t cost;
  uint8_t dst;
  uint8_t src;
};
static_assert(sizeof(Entry) == 32);

struct Form;
// Handlers by form index, then those without a form: see `Extra`.
using Labels = const void* const*;
enum Extra { kExtraUnreachable, kExtraTailCall, kExtraLookup, kExtras };

// Behind those: handlers of two instructions that compilers like to put one behind the other, on one register. A pair has the entry of its
// first instruction; that of the second stays as it is, for jumps that go there.
#define SKEP_PAIRS(MOV_ALU, ALU_JUMP, LOAD_JUMP) \
  MOV_ALU(add)                                   \
  MOV_ALU(and)                                   \
  MOV_ALU(lsh)                                   \
  MOV_ALU(rsh)                                   \
  ALU_JUMP(add, jne)                             \
  ALU_JUMP(sub, jne)                             \
  ALU_JUMP(and, jeq)                             \
  ALU_JUMP(and, jne)                             \
  LOAD_JUMP(b, uint8_t, jeq)                     \
  LOAD_JUMP(b, uint8_t, jne)                     \
  LOAD_JUMP(h, uint16_t, jeq)                    \
  LOAD_JUMP(h, uint16_t, jne)                    \
  LOAD_JUMP(w, uint32_t, jeq)                    \
  LOAD_JUMP(w, uint32_t, jne)                    \
  LOAD_JUMP(dw, uint64_t, jeq)                   \
  LOAD_JUMP(dw, uint64_t, jne)

class Program {
 public:
  // `probes`: slots of loads that give 0 where nothing is mapped. `lookup`: helper 1 is bpf_map_lookup_elem.
  Program(const uint8_t* bytes, size_t size, std::vector<int32_t> probes, bool lookup);

  // False when the bytes are no program. (JavaScript has said so with reasons before; nothing here relies on that.)
  bool valid() const { return valid_; }
  // Entries for unchecked or checked runs, made when first asked for. Behind the last slot stand an `exit` and a trap.
  const Entry* code(bool checked) const {
    const std::vector<Entry>& made = code_[checked ? 1 : 0];
    return made.empty() ? decoded(checked) : made.data();
  }
  const Entry* leave(bool checked) const { return code(checked) + slots_; }
  uint32_t slots() const { return slots_; }
  bool is_probe(uint32_t slot) const;

  int32_t id = -1;

 private:
  void decode(bool checked, Labels labels, std::vector<Entry>& out) const;
  bool check();
  const Entry* decoded(bool checked) const;

  std::vector<uint8_t> bytes_;
  std::vector<int32_t> probes_;
  // Index into the forms of each slot, -1 for the second slot of ld_imm64.
  std::vector<int16_t> forms_;
  // Length of the function that starts at a slot, 0 where none does.
  std::vector<uint32_t> length_;
  uint32_t slots_ = 0;
  bool lookup_ = false;
  bool valid_ = false;
  mutable std::vector<Entry> code_[2];
};

// The loop's handlers.
Labels labels(bool checked);

}  // namespace skep::engine
