static __attribute__((noinline)) u64 mix(u64 a, u64 b, u32 c) { for (u32 i = 0; i < (c & 7); i++) a = a * 6364136223846793005ULL + b; return a ^ a >> 29; }
static __attribute__((noinline)) u32 sum(const u8 *p, u32 n) { u32 s = 0; while (n--) s += *p++; return s; }
static __attribute__((noinline)) int cmp(int a, int b) { return a < b ? -1 : a > b; }
static __attribute__((noinline)) void fill(u8 *p, u32 n, u8 v) { for (u32 i = 0; i < n; i++) p[i] = v + i; }
struct pair { u32 a, b; };
static __attribute__((noinline)) u8 narrow(u8 a, s16 b) { return a + b; }
static __attribute__((noinline)) s16 narrows(s16 a) { return a * 3; }
static __attribute__((noinline)) void upd(struct pair *p, u32 k) { p->a += k; p->b ^= p->a; }
u64 entry(u8 *mem, u64 len) { u64 h = len; u8 tmp[24]; struct pair p = { 1, 2 }; fill(tmp, sizeof tmp, mem[0]); for (u64 i = 0; i < len; i++) { h = mix(h, mem[i], (u32)i); h += cmp((s8)mem[i], mem[(i + 1) % len]); h += narrow(mem[i], -300); h += narrows(mem[i] << 7); upd(&p, mem[i]); } h += sum(mem, len) * sum(tmp, 24); return h + p.a * 3 + p.b; }
