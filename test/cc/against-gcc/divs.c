u64 entry(u8 *mem, u64 len) {
  u64 h = 1;
  for (u64 i = 0; i + 16 <= len; i += 4) {
    s64 a, b; s32 c, d; s16 e, f; s8 g, k; u32 uc, ud; u64 ua, ub;
    __builtin_memcpy(&a, mem + i, 8); __builtin_memcpy(&b, mem + i + 8, 8); c = (s32)a; d = (s32)b; e = (s16)a; f = (s16)b; g = (s8)a; k = (s8)b; uc = c; ud = d; ua = a; ub = b;
    if (b && !(a == (s64)0x8000000000000000ULL && b == -1)) h = h * 31 + a / b + a % b;
    if (d && !(c == (-2147483647 - 1) && d == -1)) h = h * 31 + c / d - c % d;
    if (f) h = h * 31 + e / f + e % f; if (k) h = h * 31 + (g / k ^ g % k);
    if (ud) h += uc / ud + uc % ud; if (ub) h += ua / ub + ua % ub; if (d) h += a / (d | 1) ; h += ua / 10 + a / 10 + a % 1000 + uc / 7 + c / -3 + c % 7 + a / 8 + c / 16 + a % 16 + c % -32 + uc % 64 + ua / 4096 + a / -1 + c / 1;
    h ^= a >> (b & 63); h += (u64)c >> (d & 31); h ^= ua << (ub & 63); h += uc << (ud & 31); h -= c >> (ud & 31); h ^= e >> 3; h += (u16)e >> 3; h += g << 4; e >>= 2; e *= f; e -= 7; h += e; g += k; g ^= 0x55; h += g; c <<= 3; h ^= c; f %= 13; h += f; k /= 3; h -= k; ud += a; h ^= ud; e += a; h += (u64)e;
  }
  return h;
}
