typedef s32 fx; 
static fx fmul(fx a, fx b) { return (fx)(((s64)a * b) >> 16); }
static fx fdiv(fx a, fx b) { return b ? (fx)(((s64)a << 16) / b) : 0x7fffffff; }
static u32 isqrt(u64 n) { u64 r = 0, bit = 1ULL << 62; while (bit > n) bit >>= 2; while (bit) { if (n >= r + bit) { n -= r + bit; r = (r >> 1) + bit; } else r >>= 1; bit >>= 2; } return (u32)r; }
static u64 gcd(u64 a, u64 b) { while (b) { u64 t = a % b; a = b; b = t; } return a; }
static u64 modpow(u64 b, u64 e, u64 m) { u64 r = 1; b %= m; for (; e; e >>= 1) { if (e & 1) r = r * b % m; b = b * b % m; } return r; }
static u64 mulhi(u64 a, u64 b) { u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32; u64 m = ah * bl + (al * bl >> 32), n = al * bh + (u32)m; return ah * bh + (m >> 32) + (n >> 32); }
u64 entry(u8 *mem, u64 len) { u64 h = 0; for (u64 i = 0; i + 16 <= len; i += 8) { s32 a, b; u64 u, v; __builtin_memcpy(&a, mem + i, 4); __builtin_memcpy(&b, mem + i + 4, 4); __builtin_memcpy(&u, mem + i, 8); __builtin_memcpy(&v, mem + i + 8, 8); h = h * 31 + (u32)fmul(a, b) + (u32)fdiv(a, b) + isqrt(u) + gcd(u, v) + modpow(u & 0xffff, v & 0xfff, 65521) + mulhi(u, v); } return h; }
