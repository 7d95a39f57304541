// The loop: computed goto from handler to handler, one handler a form of the opcode table (gen/opcodes.gen.h). It exists twice: for
// verified programs, where an access needs one comparison with the end of the memory, and for others, where it must lie in a window
// (machine.h). In both no program reaches beyond the linear memory.
//
// Compiled with -fno-gcse and -fno-crossjumping: the compiler must not merge the jumps at the ends of the handlers into one.
#include "engine/machine.h"
#include "engine/semantics.h"

namespace skep::engine {

using namespace layout;

static_assert(static_cast<int>(Status::k_done) == 0);

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define DISPATCH() goto *ip->label
#define NEXT() \
  do {         \
    ip++;      \
    DISPATCH(); \
  } while (0)
#define TAKE()                                   \
  do {                                           \
    fuel -= ip->cost;                            \
    if (UNLIKELY(fuel < 0)) goto out_of_fuel;    \
    ip = ip->target;                             \
    DISPATCH();                                  \
  } while (0)

// The second operand of arithmetic, jumps and stores.
#define ALU_OPERAND_k static_cast<uint64_t>(ip->value)
#define ALU_OPERAND_x r[ip->src]
#define IMM_OPERAND_k static_cast<uint64_t>(ip->imm)
#define IMM_OPERAND_x r[ip->src]

template <int kWidth>
struct Unsigned;
template <>
struct Unsigned<64> {
  using type = uint64_t;
};
template <>
struct Unsigned<32> {
  using type = uint32_t;
};

// For verified programs the windows are constants but for the end of the memory.
#define READ_AT(a) (kChecked ? (a) - read.lo : (a))
#define WRITE_AT(a) (kChecked ? (a) - written.lo : (a))
#define READ_COUNT (kChecked ? read.count : count)
#define WRITE_COUNT (kChecked ? written.count : count)

// The memory's base and length are looked at once: nothing but the caller makes it grow, between two rings.
template <bool kChecked>
void Machine::run(const Machine* self, Level* at, uint8_t* block, Labels* labels) {
  static const void* const kLabels[] = {
#define LABEL(name, ...) &&L_##name,
      SKEP_FORMS(LABEL)
#undef LABEL
      &&unreachable, &&tail_call, &&lookup,
#define MOV_ALU(name) &&P_mov_##name,
#define ALU_JUMP(name, jump) &&P_##name##_##jump,
#define LOAD_JUMP(size, type, jump) &&P_ldx_##size##_##jump,
      SKEP_PAIRS(MOV_ALU, ALU_JUMP, LOAD_JUMP)
#undef MOV_ALU
#undef ALU_JUMP
#undef LOAD_JUMP
  };
  if (labels) {
    *labels = kLabels;
    return;
  }

  Level& level = *at;
  auto* const r = reinterpret_cast<uint64_t*>(block + block::k_regs);
  const Entry* ip = level.ip;
  int64_t fuel;
  memcpy(&fuel, block + block::k_fuel, 8);
  uint8_t* const m = self->memory_ + kFirstMapped;
  const uint64_t count = self->length_ >= kFirstMapped + 8 ? self->length_ - kFirstMapped - 7 : 0;
  Window read, written;
  Status status;
  DISPATCH();

#define ALU(form, width, name, source)                                              \
  L_##form : {                                                                      \
    using T = Unsigned<width>::type;                                                \
    r[ip->dst] = Alu<op_##name>::template apply<T>(static_cast<T>(r[ip->dst]), static_cast<T>(ALU_OPERAND_##source)); \
    NEXT();                                                                         \
  }
  SKEP_ALU(ALU)
#undef ALU

#define END(form, kind, width)                   \
  L_##form : {                                   \
    r[ip->dst] = end_##kind(r[ip->dst], width);  \
    NEXT();                                      \
  }
  SKEP_END(END)
#undef END

#define CONSTANT(form)                               \
  L_##form : {                                       \
    r[ip->dst] = static_cast<uint64_t>(ip->value);   \
    ip += 2;                                         \
    DISPATCH();                                      \
  }
  SKEP_CONSTANTS(CONSTANT)
#undef CONSTANT

#define LOAD(form, type, ordering)                                                     \
  L_##form : {                                                                         \
    const uint64_t a = r[ip->src] + static_cast<uint64_t>(ip->value);                  \
    if (UNLIKELY(READ_AT(a) >= READ_COUNT) && !self->allow(level, block, a, sizeof(type), false, read, written)) { \
      if (!level.program->is_probe(static_cast<uint32_t>(ip - level.program->code(kChecked)))) goto no_access;     \
      r[ip->dst] = 0;                                                                  \
      NEXT();                                                                          \
    }                                                                                  \
    r[ip->dst] = static_cast<uint64_t>(load_from<type, Ordering::ordering>(m + a));         \
    NEXT();                                                                            \
  }
  SKEP_LOADS(LOAD)
#undef LOAD

#define STORE(form, type, source, ordering)                                            \
  L_##form : {                                                                         \
    const uint64_t a = r[ip->dst] + static_cast<uint64_t>(ip->value);                  \
    if (UNLIKELY(WRITE_AT(a) >= WRITE_COUNT) && !self->allow(level, block, a, sizeof(type), true, read, written)) \
      goto no_access;                                                                  \
    store_to<type, Ordering::ordering>(m + a, static_cast<type>(IMM_OPERAND_##source));   \
    NEXT();                                                                            \
  }
  SKEP_STORES(STORE)
#undef STORE

#define ATOMIC(form, type, name)                                                       \
  L_##form : {                                                                         \
    const uint64_t a = r[ip->dst] + static_cast<uint64_t>(ip->value);                  \
    if (UNLIKELY(WRITE_AT(a) >= WRITE_COUNT) && !self->allow(level, block, a, sizeof(type), true, read, written)) \
      goto no_access;                                                                  \
    Atomic<op_atomic_##name>::template apply<type>(m + a, r[ip->src], r[0]);           \
    NEXT();                                                                            \
  }
  SKEP_ATOMICS(ATOMIC)
#undef ATOMIC

#define JUMP(form, width, name, source)                                                \
  L_##form : {                                                                         \
    using T = Unsigned<width>::type;                                                   \
    if (Jump<op_##name>::template taken<T>(static_cast<T>(r[ip->dst]), static_cast<T>(IMM_OPERAND_##source))) TAKE(); \
    NEXT();                                                                            \
  }
  SKEP_JUMPS(JUMP)
#undef JUMP

  // Pairs: of the second instruction, what differs from the first is in its own entry.
#define JUMP_SECOND(jump, value)                                                             \
  if (Jump<op_##jump>::template taken<uint64_t>(value, static_cast<uint64_t>(ip[1].imm))) {  \
    ip++;                                                                                    \
    TAKE();                                                                                  \
  }                                                                                          \
  ip += 2;                                                                                   \
  DISPATCH();
#define MOV_ALU(name)                                                                                          \
  P_mov_##name : {                                                                                             \
    r[ip->dst] = Alu<op_##name>::template apply<uint64_t>(r[ip->src], static_cast<uint64_t>(ip[1].value));     \
    ip += 2;                                                                                                   \
    DISPATCH();                                                                                                \
  }
#define ALU_JUMP(name, jump)                                                                                   \
  P_##name##_##jump : {                                                                                        \
    const uint64_t v = Alu<op_##name>::template apply<uint64_t>(r[ip->dst], static_cast<uint64_t>(ip->value)); \
    r[ip->dst] = v;                                                                                            \
    JUMP_SECOND(jump, v)                                                                                       \
  }
#define LOAD_JUMP(size, type, jump)                                                    \
  P_ldx_##size##_##jump : {                                                            \
    const uint64_t a = r[ip->src] + static_cast<uint64_t>(ip->value);                  \
    if (UNLIKELY(READ_AT(a) >= READ_COUNT) && !self->allow(level, block, a, sizeof(type), false, read, written)) \
      goto no_access;                                                                  \
    const uint64_t v = load_from<type, Ordering::plain>(m + a);                        \
    r[ip->dst] = v;                                                                    \
    JUMP_SECOND(jump, v)                                                               \
  }
  SKEP_PAIRS(MOV_ALU, ALU_JUMP, LOAD_JUMP)
#undef MOV_ALU
#undef ALU_JUMP
#undef LOAD_JUMP
#undef JUMP_SECOND

L_ja:
L_gotol:
  TAKE();

L_may_goto:
  if (level.may_goto == 0) TAKE();
  level.may_goto--;
  NEXT();

L_call_local: {
  fuel -= ip->cost;
  if (UNLIKELY(fuel < 0)) goto out_of_fuel;
  if (UNLIKELY(level.depth + 1 >= kMaxFrames)) {
    status = Status::k_too_deep;
    goto leave;
  }
  Frame& frame = level.frames[level.depth++];
  frame.program = level.program;
  frame.next = ip + 1;
  frame.may_goto = level.may_goto;
  for (int k = 0; k < 5; k++) frame.saved[k] = r[6 + k];
  level.may_goto = kMayGotoBudget;
  r[kFramePointer] = kKernelBase + level.stack + kFrameBytes * (level.depth + 1);
  if (kChecked) {
    r[0] = r[6] = r[7] = r[8] = r[9] = 0;
    memset(self->memory_ + level.stack + kFrameBytes * level.depth, 0, kFrameBytes);
    read.count = written.count = 0;
  }
  ip = ip->target;
  DISPATCH();
}

L_exit: {
  if (level.depth != 0) {
    const Frame& frame = level.frames[--level.depth];
    for (int k = 0; k < 5; k++) r[6 + k] = frame.saved[k];
    level.program = frame.program;
    level.may_goto = frame.may_goto;
    ip = frame.next;
    if (kChecked) {
      r[1] = r[2] = r[3] = r[4] = r[5] = 0;
      read.count = written.count = 0;
    }
    DISPATCH();
  }
  if (level.left == 0) goto done;
  if (level.result != 0) {
    memcpy(self->memory_ + level.result, &r[0], 4);
    level.result += 4;
  }
  if (--level.left == 0) goto done;
  // The next run of the batch.
  level.ctx += level.stride;
  if (kChecked) {
    memset(r, 0, 8 * kFramePointer);
    memset(self->memory_ + level.stack, 0, kFrameBytes);
    // What helpers handed out was the last run's.
    memcpy(block + block::k_region_count, block + block::k_region_base, 4);
    read.count = written.count = 0;
  }
  r[1] = kKernelBase + level.ctx;
  r[2] = level.r2;
  fuel = level.fuel;
  level.program = level.first;
  level.may_goto = kMayGotoBudget;
  memset(block + block::k_tail_calls, 0, 4);
  ip = level.start;
  DISPATCH();
}

lookup:
  if (self->look_up(r[1], r[2], r[0])) NEXT();
L_call_helper:
L_call_kfunc:
  status = Status::k_call;
  goto leave;

tail_call:
  status = Status::k_tail_call;
  goto leave;

#define PACKET(form) L_##form:
  SKEP_PACKET_LOADS(PACKET)
#undef PACKET
  status = Status::k_packet;
  goto leave;

unreachable:
  status = Status::k_unreachable;
  goto leave;
out_of_fuel:
  status = Status::k_out_of_fuel;
  goto leave;
no_access:
  status = Status::k_no_access;
leave:
  level.ip = ip;
  memcpy(block + block::k_fuel, &fuel, 8);
  return leave(level, block, status);

done:
  // Of a run that is over nobody asks where it was.
  level.program = nullptr;
  memcpy(block + block::k_fuel, &fuel, 8);
  memset(block + block::k_status, 0, 4);
}

Labels labels(bool checked) {
  Labels found = nullptr;
  if (checked) Machine::run<true>(nullptr, nullptr, nullptr, &found);
  else Machine::run<false>(nullptr, nullptr, nullptr, &found);
  return found;
}

template void Machine::run<false>(const Machine*, Level*, uint8_t*, Labels*);
template void Machine::run<true>(const Machine*, Level*, uint8_t*, Labels*);

}  // namespace skep::engine
