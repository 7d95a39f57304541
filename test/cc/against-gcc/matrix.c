static const s8 kernel[3][3] = { { -1, 0, 1 }, { [0] = -2, [2] = 2 }, { -1, 0, 1 } };
u64 entry(u8 *mem, u64 len) {
  s32 a[5][5], b[5][5], c[5][5] = {{0}};
  for (int i = 0; i < 5; i++) for (int j = 0; j < 5; j++) { a[i][j] = (s8)mem[(i * 5 + j) % len]; b[j][i] = mem[(i * 7 + j * 3) % len] - 128; }
  for (int i = 0; i < 5; i++) for (int j = 0; j < 5; j++) { s32 (*row)[5] = &a[i]; for (int k = 0; k < 5; k++) c[i][j] += (*row)[k] * b[k][j]; }
  s32 (*p)[5] = c; s64 trace = 0; for (int i = 0; i < 5; i++) trace += p[i][i] * (i & 1 ? -1 : 1);
  s32 conv = 0;
  for (int y = 1; y < 4; y++) for (int x = 1; x < 4; x++) { s32 s = 0; for (int dy = -1; dy <= 1; dy++) for (int dx = -1; dx <= 1; dx++) s += kernel[dy+1][dx+1] * c[y+dy][x+dx]; conv ^= s * (y * 3 + x); }
  s32 *flat = &c[0][0]; u64 h = 0; for (s32 *q = flat; q < flat + 25; q++) h = h * 37 + (u32)*q;
  return h ^ (u64)trace ^ (u64)(u32)conv << 20 ^ (u64)(&c[3][2] - &c[0][4]) ^ (sizeof c / sizeof *c) ^ sizeof(a[0]);
}
