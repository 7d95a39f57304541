#define ROTL(x, b) (u64)(((x) << (b)) | ((x) >> (64 - (b))))
#define ROUND do { v0 += v1; v1 = ROTL(v1, 13); v1 ^= v0; v0 = ROTL(v0, 32); v2 += v3; v3 = ROTL(v3, 16); v3 ^= v2; v0 += v3; v3 = ROTL(v3, 21); v3 ^= v0; v2 += v1; v1 = ROTL(v1, 17); v1 ^= v2; v2 = ROTL(v2, 32); } while (0)
u64 entry(u8 *mem, u64 len) {
  u64 k0 = 0x0706050403020100ULL, k1 = 0x0f0e0d0c0b0a0908ULL;
  u64 v0 = 0x736f6d6570736575ULL ^ k0, v1 = 0x646f72616e646f6dULL ^ k1, v2 = 0x6c7967656e657261ULL ^ k0, v3 = 0x7465646279746573ULL ^ k1;
  const u8 *in = mem, *end = mem + len - (len % sizeof(u64)); const int left = len & 7; u64 b = (u64)len << 56;
  for (; in != end; in += 8) { u64 m = *(u64 *)in; v3 ^= m; for (int i = 0; i < 2; ++i) ROUND; v0 ^= m; }
  switch (left) {
  case 7: b |= ((u64)in[6]) << 48; __attribute__((fallthrough)); case 6: b |= ((u64)in[5]) << 40; case 5: b |= ((u64)in[4]) << 32; case 4: b |= ((u64)in[3]) << 24; case 3: b |= ((u64)in[2]) << 16; case 2: b |= ((u64)in[1]) << 8; case 1: b |= ((u64)in[0]); break; case 0: break; }
  v3 ^= b; ROUND; ROUND; v0 ^= b; v2 ^= 0xff; for (int i = 0; i < 4; ++i) ROUND; return v0 ^ v1 ^ v2 ^ v3;
}
