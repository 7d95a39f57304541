static int classify(int c) {
  switch (c) {
  case 0: return 1; case 1: return 5; case 2: case 3: case 4: return 9; case 7: return -1; case 8: return -2; case 10 ... 20: return c * 2; case 21: return 7; case 22: return 8; case 25: return 3; case 33: return 2; case 35: return 4; case 36: return 11; case 37: return 12; case 38: return 13;
  case 64: return 14; case 65 ... 90: return c - 'A' + 100; case 95: return 15; case 97 ... 122: return c - 'a' + 200; case 127: return 16; case 128 ... 191: return 300; case 200: return 1000; case 201: return 1001; case 202: return 1002; case 203: return 1003; case 255: return -255; }
  return 0;
}
static u32 wide(u64 v) { switch (v) { case 0: return 1; case 0x100000000ULL: return 2; case 0xffffffffffffffffULL: return 3; case 0x8000000000000000ULL: return 4; case 5 ... 0xffffffffULL: return 5; default: return 6; } }
static int sgn(s8 v) { switch (v) { case -128: return 1; case -5 ... -1: return 2; case 0: return 3; case 100 ... 127: return 4; } return 5; }
static int inner(u32 a, u32 b) { int r = 0; switch (a & 3) { case 0: for (int i = 0; i < 5; i++) { switch (b & 3) { case 1: continue; case 2: break; default: r += i; } r += 10; } break; case 1: default: r = 7; case 2: r += 3; break; case 3: if (b) { case 9: r = 99; } } return r; }
u64 entry(u8 *mem, u64 len) { u64 h = 0; for (u64 i = 0; i < len; i++) { h = h * 31 + classify(mem[i]); h = h * 7 + wide((u64)mem[i] << (mem[(i + 1) % len] & 63)) + wide(mem[i] & 1 ? ~0ULL : 1ULL << 63) + sgn((s8)mem[i]) + inner(mem[i], mem[(i + 3) % len]); } return h; }
