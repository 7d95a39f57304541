// What each operator of the opcode table means (RFC 9669), as specialisations on the table's enumerations: an operator that the table
// lost is undeclared here, one that is missing here has no `apply`.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "gen/opcodes.gen.h"

namespace skep::engine {

using namespace isa;

// T is uint64_t or uint32_t; results of 32 bits are zero-extended by the caller.
template <AluOp>
struct Alu;

#define SKEP_ALU_MEANS(name, expression)            \
  template <>                                       \
  struct Alu<op_##name> {                           \
    template <class T>                              \
    static T apply([[maybe_unused]] T a, [[maybe_unused]] T b) { \
      using S [[maybe_unused]] = std::make_signed_t<T>;          \
      constexpr T bits [[maybe_unused]] = 8 * sizeof(T);         \
      return static_cast<T>(expression);            \
    }                                               \
  };
SKEP_ALU_MEANS(add, a + b)
SKEP_ALU_MEANS(sub, a - b)
SKEP_ALU_MEANS(mul, a * b)
SKEP_ALU_MEANS(div, b == 0 ? 0 : a / b)
SKEP_ALU_MEANS(mod, b == 0 ? a : a % b)
// The least number divided by -1 is itself, and leaves nothing.
SKEP_ALU_MEANS(sdiv, b == 0 ? 0 : b == T(-1) ? T(0) - a : T(S(a) / S(b)))
SKEP_ALU_MEANS(smod, b == 0 ? a : b == T(-1) ? 0 : T(S(a) % S(b)))
SKEP_ALU_MEANS(or, a | b)
SKEP_ALU_MEANS(and, a & b)
SKEP_ALU_MEANS(xor, a ^ b)
SKEP_ALU_MEANS(lsh, a << (b & (bits - 1)))
SKEP_ALU_MEANS(rsh, a >> (b & (bits - 1)))
SKEP_ALU_MEANS(arsh, S(a) >> (b & (bits - 1)))
SKEP_ALU_MEANS(neg, T(0) - a)
SKEP_ALU_MEANS(mov, b)
SKEP_ALU_MEANS(movsx8, S(int8_t(b)))
SKEP_ALU_MEANS(movsx16, S(int16_t(b)))
SKEP_ALU_MEANS(movsx32, S(int32_t(b)))
#undef SKEP_ALU_MEANS

template <JumpOp>
struct Jump;

#define SKEP_JUMP_MEANS(name, condition)            \
  template <>                                       \
  struct Jump<op_##name> {                          \
    template <class T>                              \
    static bool taken(T a, T b) {                   \
      using S [[maybe_unused]] = std::make_signed_t<T>; \
      return condition;                             \
    }                                               \
  };
SKEP_JUMP_MEANS(jeq, a == b)
SKEP_JUMP_MEANS(jne, a != b)
SKEP_JUMP_MEANS(jgt, a > b)
SKEP_JUMP_MEANS(jge, a >= b)
SKEP_JUMP_MEANS(jlt, a < b)
SKEP_JUMP_MEANS(jle, a <= b)
SKEP_JUMP_MEANS(jset, (a & b) != 0)
SKEP_JUMP_MEANS(jsgt, S(a) > S(b))
SKEP_JUMP_MEANS(jsge, S(a) >= S(b))
SKEP_JUMP_MEANS(jslt, S(a) < S(b))
SKEP_JUMP_MEANS(jsle, S(a) <= S(b))
#undef SKEP_JUMP_MEANS

// `source` is src, `r0` is r0; an operation that fetches sets one of them. Aligned words are changed atomically, as other threads may
// have the same memory; unaligned ones, which the processor has no cheap atomic access to, are not.
template <AtomicOp>
struct Atomic;

inline constexpr int kOrder = __ATOMIC_SEQ_CST;

#define SKEP_ATOMIC_MEANS(name, aligned_old, plain_new, result)              \
  template <>                                                                \
  struct Atomic<op_atomic_##name> {                                          \
    template <class T>                                                       \
    static void apply(uint8_t* at, uint64_t& source, [[maybe_unused]] uint64_t& r0) { \
      const T value = static_cast<T>(source);                                \
      T old;                                                                 \
      if ((reinterpret_cast<uintptr_t>(at) & (sizeof(T) - 1)) == 0) {        \
        T* const p = reinterpret_cast<T*>(at);                               \
        old = aligned_old;                                                   \
      } else {                                                               \
        memcpy(&old, at, sizeof old);                                        \
        const T updated = plain_new;                                         \
        memcpy(at, &updated, sizeof updated);                                \
      }                                                                      \
      result;                                                                \
    }                                                                        \
  };
SKEP_ATOMIC_MEANS(add, __atomic_fetch_add(p, value, kOrder), old + value, (void)old)
SKEP_ATOMIC_MEANS(or, __atomic_fetch_or(p, value, kOrder), old | value, (void)old)
SKEP_ATOMIC_MEANS(and, __atomic_fetch_and(p, value, kOrder), old & value, (void)old)
SKEP_ATOMIC_MEANS(xor, __atomic_fetch_xor(p, value, kOrder), old ^ value, (void)old)
SKEP_ATOMIC_MEANS(fetch_add, __atomic_fetch_add(p, value, kOrder), old + value, source = old)
SKEP_ATOMIC_MEANS(fetch_or, __atomic_fetch_or(p, value, kOrder), old | value, source = old)
SKEP_ATOMIC_MEANS(fetch_and, __atomic_fetch_and(p, value, kOrder), old & value, source = old)
SKEP_ATOMIC_MEANS(fetch_xor, __atomic_fetch_xor(p, value, kOrder), old ^ value, source = old)
SKEP_ATOMIC_MEANS(xchg, __atomic_exchange_n(p, value, kOrder), value, source = old)
SKEP_ATOMIC_MEANS(cmpxchg, (old = static_cast<T>(r0), __atomic_compare_exchange_n(p, &old, value, false, kOrder, kOrder), old),
                  old == static_cast<T>(r0) ? value : old, r0 = old)
#undef SKEP_ATOMIC_MEANS

enum class Ordering { plain, ordered };

template <class T, Ordering kOrdering>
inline T load_from(const uint8_t* at) {
  if (kOrdering == Ordering::ordered && (reinterpret_cast<uintptr_t>(at) & (sizeof(T) - 1)) == 0)
    return __atomic_load_n(reinterpret_cast<const T*>(at), __ATOMIC_ACQUIRE);
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}

template <class T, Ordering kOrdering>
inline void store_to(uint8_t* at, T value) {
  if (kOrdering == Ordering::ordered && (reinterpret_cast<uintptr_t>(at) & (sizeof(T) - 1)) == 0) {
    __atomic_store_n(reinterpret_cast<T*>(at), value, __ATOMIC_RELEASE);
    return;
  }
  memcpy(at, &value, sizeof value);
}

// Byte order on a little-endian machine: `le` only cuts to the width, the others swap.
inline uint64_t swapped(uint64_t value, int width) {
  if (width == 16) return __builtin_bswap16(static_cast<uint16_t>(value));
  if (width == 32) return __builtin_bswap32(static_cast<uint32_t>(value));
  return __builtin_bswap64(value);
}
inline uint64_t end_le(uint64_t value, int width) {
  if (width == 16) return static_cast<uint16_t>(value);
  if (width == 32) return static_cast<uint32_t>(value);
  return value;
}
inline uint64_t end_be(uint64_t value, int width) { return swapped(value, width); }
inline uint64_t end_bswap(uint64_t value, int width) { return swapped(value, width); }

}  // namespace skep::engine
