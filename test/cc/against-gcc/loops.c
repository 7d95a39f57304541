u64 entry(u8 *mem, u64 len) { u64 h = 0; int n = (int)len; 
#pragma unroll
  for (int i = 0; i < 8; i++) h = h * 3 + mem[i % n];
#pragma clang loop unroll(full)
  for (int i = 7; i >= 0; i--) h ^= (u64)mem[i % n] << i * 8;
  for (int i = n; i--;) { if (mem[i] == 7) continue; if (mem[i] == 255) break; h += i; }
  for (unsigned i = 0, j = n - 1; i < j; i++, j--) { u8 t = mem[i]; mem[i] = mem[j]; mem[j] = t; }
  int k = 0; while (1) { if (k++ > 20) break; int m = k; do { if (m == 3) goto next; h = h * 5 + m; m -= 2; } while (m > 0); next:; }
  for (;;) { if (h & 1) { h >>= 1; continue; } h += 3; if ((h & 0xff) < 40) break; h ^= h >> 7; if (k++ > 200) break; }
  for (s8 c = -3; c < 4; c++) h = h * 7 + (u8)c; for (u8 c = 250; c; c++) h ^= c; for (u16 s = 1; s; s <<= 1) h += s; for (s64 q = -1; q < 2; ++q) h += q * 1000; u64 x = 10; do x--, h += x; while (x); return h; }
