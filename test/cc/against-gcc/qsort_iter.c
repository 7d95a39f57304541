struct range { short lo, hi; };
u64 entry(u8 *mem, u64 len) {
  struct range stack[32]; int sp = 0;
  if (len < 2) return 0;
  stack[sp++] = (struct range){ 0, (short)(len - 1) };
  u32 swaps = 0;
  while (sp) {
    struct range r = stack[--sp];
    while (r.lo < r.hi) {
      u8 p = mem[(r.lo + r.hi) / 2]; short i = r.lo - 1, j = r.hi + 1;
      for (;;) { do i++; while (mem[i] < p); do --j; while (mem[j] > p); if (i >= j) break; u8 t = mem[i]; mem[i] = mem[j]; mem[j] = t; swaps++; }
      if (j - r.lo < r.hi - j - 1) { if (sp < 32) stack[sp++] = (struct range){ .lo = j + 1, .hi = r.hi }; r.hi = j; }
      else { if (sp < 32) stack[sp++] = (struct range){ .hi = j, .lo = r.lo }; r.lo = j + 1; }
    }
  }
  u64 h = swaps; for (u64 i = 0; i < len; i++) h = h * 131 + mem[i]; return h;
}
