// Decoding by the table of forms (native/gen/opcodes.gen.h). RFC 9669.
#include "engine/program.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "gen/layout.gen.h"
#include "gen/opcodes.gen.h"
#if defined(__linux__)
#include "gen/opcodes_linux.gen.h"
static_assert(BPF_FUNC_map_lookup_elem == skep::layout::kHelperMapLookup && BPF_FUNC_tail_call == skep::layout::kHelperTailCall);
static_assert(BPF_MAP_TYPE_HASH == skep::layout::kMapTypeHash && BPF_MAP_TYPE_ARRAY == skep::layout::kMapTypeArray);
static_assert(BPF_MAP_TYPE_LRU_HASH == skep::layout::kMapTypeLruHash);
#endif

namespace skep::engine {

using isa::kAny;

struct Form {
  uint8_t opcode;
  int32_t src, off, imm;
};

namespace {

constexpr Form kForms[] = {
#define FORM(name, opcode, src, off, imm) {opcode, src, off, imm},
    SKEP_FORMS(FORM)
#undef FORM
};
enum FormIndex {
#define INDEX(name, opcode, src, off, imm) form_##name,
  SKEP_FORMS(INDEX)
#undef INDEX
  kFormCount
};

struct Fields {
  uint8_t opcode, dst, src;
  int16_t off;
  int32_t imm;
};

Fields fields_at(const uint8_t* at) {
  Fields f;
  f.opcode = at[0];
  f.dst = at[1] & 15;
  f.src = at[1] >> 4;
  memcpy(&f.off, at + 2, 2);
  memcpy(&f.imm, at + 4, 4);
  return f;
}

int find_form(const Fields& f) {
  // First form of each opcode byte; forms of one byte need not be neighbours.
  static const auto first = [] {
    std::array<int16_t, 256> index;
    index.fill(kFormCount);
    for (int i = kFormCount - 1; i >= 0; i--) index[kForms[i].opcode] = static_cast<int16_t>(i);
    return index;
  }();
  const auto fits = [](int32_t wanted, int32_t is) { return wanted == kAny || wanted == is; };
  for (int i = first[f.opcode]; i < kFormCount; i++) {
    const Form& form = kForms[i];
    if (form.opcode == f.opcode && fits(form.src, f.src) && fits(form.off, f.off) && fits(form.imm, f.imm)) return i;
  }
  return -1;
}

bool is_conditional(int form) {
  switch (form) {
#define CASE(name, ...) case form_##name:
    SKEP_JUMPS(CASE)
#undef CASE
    return true;
    default:
      return false;
  }
}

bool is_constant(int form) {
  switch (form) {
#define CASE(name) case form_##name:
    SKEP_CONSTANTS(CASE)
#undef CASE
    return true;
    default:
      return false;
  }
}

// Where the instruction goes when it does not go on; -1 for those that always go on.
int64_t target_of(int form, const Fields& f, int64_t slot) {
  if (form == form_gotol || form == form_call_local || form == form_ld_imm64_func) return slot + 1 + f.imm;
  if (form == form_ja || form == form_may_goto || is_conditional(form)) return slot + 1 + f.off;
  return -1;
}

struct Pair {
  int first, second;
};
constexpr Pair kPairs[] = {
#define MOV_ALU(name) {form_alu64_mov_x, form_alu64_##name##_k},
#define ALU_JUMP(name, jump) {form_alu64_##name##_k, form_jmp_##jump##_k},
#define LOAD_JUMP(size, type, jump) {form_ldx_##size, form_jmp_##jump##_k},
    SKEP_PAIRS(MOV_ALU, ALU_JUMP, LOAD_JUMP)
#undef MOV_ALU
#undef ALU_JUMP
#undef LOAD_JUMP
};

bool goes_somewhere(int form) {
  return form == form_gotol || form == form_call_local || form == form_ld_imm64_func || form == form_ja ||
         form == form_may_goto || is_conditional(form);
}

}  // namespace

Program::Program(const uint8_t* bytes, size_t size, std::vector<int32_t> probes, bool lookup)
    : bytes_(bytes, bytes + size), probes_(std::move(probes)), slots_(static_cast<uint32_t>(size / 8)), lookup_(lookup) {
  std::sort(probes_.begin(), probes_.end());
  valid_ = size % 8 == 0 && size > 0 && size / 8 <= (1u << 24) && check();
}

bool Program::is_probe(uint32_t slot) const {
  return std::binary_search(probes_.begin(), probes_.end(), static_cast<int32_t>(slot));
}

// What the loop relies on: known forms, registers that exist, targets inside the program. Whatever else is wrong with a program
// ends in a trap entry.
bool Program::check() {
  forms_.assign(slots_, -1);
  length_.assign(slots_, 0);
  length_[0] = 1;
  for (uint32_t slot = 0; slot < slots_; slot++) {
    const Fields f = fields_at(&bytes_[8 * slot]);
    const int form = find_form(f);
    if (form < 0 || f.dst >= layout::kRegisters) return false;
    // Elsewhere the field is a kind, not a register.
    const bool constant = is_constant(form);
    const bool call = form == form_call_helper || form == form_call_local || form == form_call_kfunc;
    if (f.src >= layout::kRegisters && !constant && !call) return false;
    forms_[slot] = static_cast<int16_t>(form);
    if (goes_somewhere(form)) {
      const int64_t target = target_of(form, f, slot);
      if (target < 0 || target >= slots_) return false;
      if (form == form_call_local || form == form_ld_imm64_func) length_[target] = 1;
    }
    if (constant && ++slot >= slots_) return false;
  }
  uint32_t end = slots_;
  for (uint32_t slot = slots_; slot-- > 0;) {
    if (length_[slot] == 0) continue;
    length_[slot] = end - slot;
    end = slot;
  }
  return true;
}

const Entry* Program::decoded(bool checked) const {
  auto& code = code_[checked ? 1 : 0];
  decode(checked, labels(checked), code);
  return code.data();
}

void Program::decode(bool checked, Labels labels, std::vector<Entry>& out) const {
  const void* const* extra = labels + kFormCount;
  out.assign(slots_ + 2, Entry{extra[kExtraUnreachable], {0}, 0, 0, 0, 0});
  out[slots_].label = labels[form_exit];
  for (uint32_t slot = 0; slot < slots_; slot++) {
    const int form = forms_[slot];
    const Fields f = fields_at(&bytes_[8 * slot]);
    Entry& e = out[slot];
    e.label = labels[form];
    e.dst = f.dst;
    e.src = f.src;
    e.imm = f.imm;
    if (is_constant(form)) {
      const Fields second = fields_at(&bytes_[8 * (slot + 1)]);
      if (form == form_ld_imm64_func) {
        e.value = static_cast<int64_t>(layout::kFunctionBase + static_cast<uint64_t>(target_of(form, f, slot)));
      } else {
        e.value = static_cast<int64_t>((static_cast<uint64_t>(static_cast<uint32_t>(second.imm)) << 32) |
                                       static_cast<uint32_t>(f.imm));
      }
      slot++;
      continue;
    }
    if (goes_somewhere(form)) {
      const auto target = static_cast<uint32_t>(target_of(form, f, slot));
      e.target = &out[target];
      if (form == form_call_local) e.cost = length_[target];
      else if (target <= slot) e.cost = slot - target + 1;
      continue;
    }
    switch (f.opcode & 7) {
      case isa::class_ldx:
      case isa::class_st:
      case isa::class_stx:
        e.value = static_cast<int64_t>(static_cast<uint64_t>(static_cast<int64_t>(f.off)) - layout::kKernelBase -
                                       layout::kFirstMapped);
        break;
      default:
        e.value = f.imm;
    }
    if (form == form_call_helper) {
      if (f.imm == layout::kHelperTailCall) e.label = extra[kExtraTailCall];
      // The arguments of unverified programs are JavaScript's to check.
      if (f.imm == layout::kHelperMapLookup && lookup_ && !checked) e.label = extra[kExtraLookup];
    }
  }
  for (uint32_t slot = 0; slot + 1 < slots_; slot++) {
    // What a probe that fails leaves in the register is for its own handler to say.
    if (out[slot].dst != out[slot + 1].dst || is_probe(slot)) continue;
    for (size_t pair = 0; pair < std::size(kPairs); pair++) {
      if (forms_[slot] == kPairs[pair].first && forms_[slot + 1] == kPairs[pair].second) out[slot].label = extra[kExtras + pair];
    }
  }
}

}  // namespace skep::engine
