/* Big integers, polynomial arithmetic, Floyd-Warshall, Bloom filter, xorshift, date arithmetic. */
typedef struct { u32 d[6]; } big;
static big badd(big a, big b) { big r; u64 c = 0; for (int i = 0; i < 6; i++) { c += (u64)a.d[i] + b.d[i]; r.d[i] = (u32)c; c >>= 32; } return r; }
static big bmul(const big *a, const big *b) { big r = { { 0 } }; for (int i = 0; i < 6; i++) { u64 c = 0; for (int j = 0; i + j < 6; j++) { c += (u64)a->d[i] * b->d[j] + r.d[i + j]; r.d[i + j] = (u32)c; c >>= 32; } } return r; }
static u32 bmod(big a, u32 m) { u64 r = 0; for (int i = 5; i >= 0; i--) r = (r << 32 | a.d[i]) % m; return (u32)r; }
static s32 days(s32 y, u32 m, u32 d) { y -= m <= 2; s32 era = (y >= 0 ? y : y - 399) / 400; u32 yoe = (u32)(y - era * 400), doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy; return era * 146097 + (s32)doe - 719468; }
u64 entry(u8 *mem, u64 len) {
  big a = { { 1 } }, b; __builtin_memset(&b, 0x5a, sizeof b); for (u64 i = 0; i < len; i++) { a.d[i % 6] ^= mem[i] << (i & 23); if (i % 7 == 0) a = bmul(&a, &b); else b = badd(a, b); }
  u64 h = bmod(a, 1000003) + ((u64)bmod(b, 65521) << 32);
  u8 dist[6][6]; for (int i = 0; i < 6; i++) for (int j = 0; j < 6; j++) dist[i][j] = i == j ? 0 : mem[(i * 6 + j) % len] % 100 + 1; for (int k = 0; k < 6; k++) for (int i = 0; i < 6; i++) for (int j = 0; j < 6; j++) if (dist[i][k] + dist[k][j] < dist[i][j]) dist[i][j] = dist[i][k] + dist[k][j]; for (int i = 0; i < 36; i++) h = h * 3 + (&dist[0][0])[i];
  u64 bloom[4] = {}; u32 x = 2463534242u, hits = 0; for (u64 i = 0; i < len; i++) { x ^= x << 13; x ^= x >> 17; x ^= x << 5; u32 k = (x ^ mem[i] * 2654435761u) >> 24; hits += bloom[k >> 6] >> (k & 63) & 1; bloom[k >> 6] |= 1ull << (k & 63); } h += (u64)hits << 50;
  for (u64 i = 0; i + 4 <= len; i += 4) h += days((s16)(mem[i] << 8 | mem[i + 1]), mem[i + 2] % 12 + 1, mem[i + 3] % 28 + 1); return h ^ bloom[1] ^ bloom[3]; }
