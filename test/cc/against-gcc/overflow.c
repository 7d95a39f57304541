#define TRY(op, X, Y, R) do { R r_; h = h * 31 + __builtin_##op##_overflow((X), (Y), &r_); h ^= (u64)r_; } while (0)
#define EACH(X, Y, R) TRY(add, X, Y, R); TRY(sub, X, Y, R); TRY(mul, X, Y, R)
/* Values that the optimiser knows nothing of, so that it does not keep every product for the next line. */
#define ALL(X, Y) do { asm volatile("" : "+r"(a), "+r"(b)); EACH(X, Y, u8); EACH(X, Y, s16); EACH(X, Y, u32); EACH(X, Y, s32); EACH(X, Y, u64); EACH(X, Y, s64); } while (0)
static u64 calls;
static u64 next(void) { calls += 5; return calls; }
u64 entry(u8 *mem, u64 len) {
  u64 h = 0; calls = len;
  for (u64 i = 0; i + 16 <= len; i += 7) {
    u64 a, b; __builtin_memcpy(&a, mem + i, 8); __builtin_memcpy(&b, mem + i + 8, 8);
    if (i & 1) { a >>= a & 63; b >>= b & 63; } if (i % 3 == 0) b = -b;
    ALL(a, b); ALL((s64)a, (s64)b); ALL((s64)a, b); ALL((u32)a, (s32)b); ALL((s32)a, (s32)b); ALL((u32)a, (u32)b); ALL((u8)a, (s16)b); ALL((s32)a, b); ALL(a, (s8)b);
    calls += next();
  }
  return h + calls;
}
