static u8 sbox[256];
static u8 xt(u8 x) { return (u8)(x << 1) ^ ((x >> 7) * 0x1b); }
static u8 mul(u8 a, u8 b) { u8 r = 0; while (b) { if (b & 1) r ^= a; a = xt(a); b >>= 1; } return r; }
static void mksbox(void) { u8 p = 1, q = 1; do { p = p ^ (p << 1) ^ (p & 0x80 ? 0x1b : 0); q ^= q << 1; q ^= q << 2; q ^= q << 4; if (q & 0x80) q ^= 0x09; u8 x = q ^ (u8)(q << 1 | q >> 7) ^ (u8)(q << 2 | q >> 6) ^ (u8)(q << 3 | q >> 5) ^ (u8)(q << 4 | q >> 4); sbox[p] = x ^ 0x63; } while (p != 1); sbox[0] = 0x63; }
u64 entry(u8 *mem, u64 len) {
  u8 s[4][4], k[16]; mksbox();
  for (int i = 0; i < 16; i++) { s[i & 3][i >> 2] = mem[i % len]; k[i] = mem[(i + 16) % len]; }
  for (int r = 1; r <= 10; r++) {
    for (int i = 0; i < 16; i++) s[i & 3][i >> 2] = sbox[s[i & 3][i >> 2] ^ k[i]];
    for (int y = 1; y < 4; y++) { u8 t[4]; for (int x = 0; x < 4; x++) t[x] = s[y][(x + y) & 3]; for (int x = 0; x < 4; x++) s[y][x] = t[x]; }
    if (r < 10) for (int x = 0; x < 4; x++) { u8 a = s[0][x], b = s[1][x], c = s[2][x], d = s[3][x]; s[0][x] = mul(a, 2) ^ mul(b, 3) ^ c ^ d; s[1][x] = a ^ mul(b, 2) ^ mul(c, 3) ^ d; s[2][x] = a ^ b ^ mul(c, 2) ^ mul(d, 3); s[3][x] = mul(a, 3) ^ b ^ c ^ mul(d, 2); }
    u8 rc = 1; for (int i = 1; i < r; i++) rc = xt(rc);
    for (int i = 0; i < 4; i++) k[i] ^= sbox[k[12 + ((i + 1) & 3)]] ^ (i ? 0 : rc); for (int i = 4; i < 16; i++) k[i] ^= k[i - 4];
  }
  u64 a = 0, b = 0; for (int i = 0; i < 16; i++) { u8 v = s[i & 3][i >> 2] ^ k[i]; if (i < 8) a = a << 8 | v; else b = b << 8 | v; } return a ^ b * 3;
}
