struct w { unsigned __int128 a; __int128 b; };
u64 entry(u8 *mem, u64 len) {
  unsigned __int128 a = len, b = 0; u64 h = 0; __int128 s = -1;
  for (u64 i = 0; i < len; i++) {
    a = a * 3 + mem[i]; b ^= a << 5; b += a >> 3; h += (u64)(a >> 64) + (u64)b; h += a > b;
    s = s * (s8)mem[i] - a; s >>= mem[i] & 127; s ^= (__int128)a << (mem[i] >> 1); h ^= (u64)(s >> 64) + (u64)s; h += s < 0; b = b << (mem[i] & 63) | b >> 64;
    h += (u64)(((unsigned __int128)h * (a | 1)) >> 64); a = a >> mem[i] % 128; b -= a;
  }
  struct w w = { a, -(__int128)5 }; h += (u64)(w.a ^ w.b) + (u64)(w.b >> 100); return h;
}
