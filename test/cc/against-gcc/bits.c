struct bf { unsigned a : 3; signed b : 5; u64 c : 33; unsigned d : 1; _Bool e : 1; s64 f : 21; u8 g : 4, h : 4; u16 : 0; u16 i : 9; };
union u { struct bf b; u8 raw[sizeof(struct bf)]; };
u64 entry(u8 *mem, u64 len) {
  union u u = {}; u64 h = 0;
  for (u64 i = 0; i + 8 < len; i++) {
    u.b.a += mem[i]; u.b.b = mem[i + 1] - u.b.a; u.b.c = u.b.c * 3 + mem[i + 2]; u.b.d ^= mem[i + 3]; u.b.e = mem[i + 4] & 4; u.b.f -= mem[i + 5] * 1000; u.b.g |= mem[i + 6]; u.b.h &= mem[i + 7] | 1; u.b.i <<= 1; u.b.i |= mem[i] & 1;
    u.b.g++; u.b.b--; u.b.h = ~u.b.h;
    if (u.b.b < 0) h += 3; if (u.b.f < -5) h ^= u.b.f; h = h * 5 + u.b.a + u.b.b + u.b.c + u.b.d + u.b.e + u.b.f + u.b.g + u.b.h + u.b.i;
    h += (u.b.a = mem[i]) + (u.b.b = mem[i]) ;
  }
  for (unsigned i = 0; i < sizeof u.raw; i++) h = h * 7 + u.raw[i];
  return h + sizeof u;
}
