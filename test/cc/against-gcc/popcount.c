u64 entry(u8 *mem, u64 len) {
  u64 h = 0;
  for (u64 i = 0; i + 8 <= len; i += 8) {
    u64 v; __builtin_memcpy(&v, mem + i, 8); u32 w = (u32)v, x = (u32)(v >> 32);
    h = h * 31 + __builtin_popcountll(v) + __builtin_popcount(w) * 3;
    if (v) h += __builtin_clzll(v) * 5 + __builtin_ctzll(v) * 7 + __builtin_ffsll(v);
    if (w) h += __builtin_clz(w) + __builtin_ctz(w) * 11 + __builtin_ffs(w);
    h ^= __builtin_bswap64(v) + __builtin_bswap32(w) + __builtin_bswap16((u16)x);
    h += __builtin_parityll(v) + __builtin_parity(w) + __builtin_abs((s32)x) + __builtin_labs((long)v % 1000000007);
    u64 r; h += __builtin_add_overflow(v, h, &r); h ^= r; s32 q; h += __builtin_mul_overflow((s32)w, (s32)x, &q); h += (u32)q; h += __builtin_sub_overflow((s32)w, (s32)x, &q); h ^= (u64)q;
    u8 sm; h += __builtin_add_overflow(w, x, &sm); h += sm; __builtin_memcpy(mem + i, &h, 8);
  }
  return h;
}
