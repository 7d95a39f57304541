#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include <limits.h>
#include <string.h>
#define TYPE(x) _Generic((x), int: 1, unsigned: 2, long: 3, unsigned char: 4, char *: 5, default: 9)
struct flex { uint16_t n; uint32_t items[]; };
struct outer { int a; struct { int b, c; } in[2]; union { uint64_t w; uint8_t by[8]; }; };
static_assert(sizeof(struct flex) == 4, "flex");
typedef int (*fn)(int);
static int dbl(int x) { return 2 * x; }
__attribute__((always_inline)) static inline uint64_t rot(register uint64_t v, const unsigned k) { return v << k | v >> (64 - k); }
uint64_t entry(uint8_t *restrict mem, uint64_t len) {
  struct outer o = { .in[1].c = 7, .in[0] = { 1, 2 }, .a = -1, .w = 0x0102030405060708 };
  struct outer arr[] = { [1] = o, [0].in[1].b = 5 };
  struct flex *f = (struct flex *)mem; uint64_t h = 0;
  __auto_type z = o.in[0].b + 1LL; typeof(z) y = z * 2;
  for (size_t i = 0; i < (len - 4) / 4; i++) h += f->items[i];
  h += TYPE(1) + TYPE(1u) * 10 + TYPE(1L) * 100 + TYPE(mem[0]) * 1000 + TYPE((char *)0) * 10000 + TYPE(1ULL) * 100000;
  h += _Alignof(struct outer) + sizeof(arr) + __alignof__(uint16_t) + offsetof(struct outer, in[1].c) + INT64_C(5) + UINT32_C(7);
  h += __builtin_types_compatible_p(int, int32_t) + __builtin_choose_expr(sizeof(int) == 4, 3, mem) + __builtin_constant_p(4);
  h += arr[1].in[1].c + arr[0].in[1].b + o.by[2] + y + rot(h, 7) + ((struct { int x; }){ .x = 9 }).x;
  h += (bool)len ?: 3; h += INT_MAX + UINT_MAX + (uint64_t)LONG_MIN + SCHAR_MIN + USHRT_MAX;
  char s[] = "hello"; h += strlen("abc") + sizeof s; memmove(mem + 1, mem, 8); h += memcmp(mem, mem + 1, 8) != 0;
  [[maybe_unused]] int q = 3; _Static_assert(1); 
  int m[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } }; int (*pm)[3] = m; h += pm[1][2] + (*pm)[1] + sizeof *pm;
  do { if (len & 1) continue; h++; } while (0);
  switch (len) { int t; case 1: t = 3; h += t; break; default: t = 5; h += t; }
  { typedef uint8_t u8x; u8x v = 255; v++; h += v; enum { LOCAL = 77 }; h += LOCAL; extern int nothing; struct loc { int k; } l = { 4 }; h += l.k; }
  for (int i = 0, *p = &i; i < 3; ++*p) h = h * 3 + i;
  h ^= L'x' + u8"z"[0] + 'ab' + '\e' + 0B11;
  return h + dbl(4);
}
