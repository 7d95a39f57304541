#define MAX(a,b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))
#define CAT(a, b) a##b
#define STR(x) #x
#define XSTR(x) STR(x)
#define VA(fmt, ...) (sizeof(fmt) + VA2(0, ##__VA_ARGS__))
#define VA2(...) VA3(__VA_ARGS__, 3, 2, 1, 0)
#define VA3(a, b, c, d, n, ...) n
static u64 CAT(do, it)(u64 a) { return a ? : 77; }
_Static_assert(sizeof(u64) == 8, "u64"); 
u64 entry(u8 *mem, u64 len) {
  u64 h = 0; s8 sc; u8 uc; int x = 3; const char *str = XSTR(CAT(a, b) + 1);
  for (u64 i = 0; i < len; i++) {
    sc = mem[i]; uc = mem[i]; h = h * 31 + (sc < uc) + (sc > -1) + (uc > -1) + ((u32)sc > 5u) + (sc == uc ? 1 : sc < 0 ? 2 : 3);
    h += MAX(sc, uc) + MAX((s64)sc, (s64)h) + doit(mem[i] & 3) + (x++ + ++x, x--) + -x + ~uc + !uc + +sc;
    h ^= (mem[i] && mem[(i + 1) % len]) | (mem[i] || i++ > len) << 1; h += (uc += 200) + (sc -= 100) + (uc >> 1) + (sc >> 1); h += (uc & 1 ? (s64)-1 : (u32)-1); h += (mem[i] & 2 ? -1 : 1u); x = (int)(h >> 60);
    h += (_Bool)(mem[i] & 0x10) + (_Bool)&mem[i] + (u8)-1 + (s8)200 + (u16)0x12345 + 'a' + '\377' + sizeof('a') + 0b101 + 017 + 0x1fULL;
  }
  h += str[3] + VA("x") + VA("x", 1) * 3 + VA("x", 1, 2) * 5 + ARRAY_SIZE(((int[]){ 1, 2, 3 })) + (int[]){ 4, 5, 6 }[len & 1] + sizeof(STR(a b   c)) + __COUNTER__ + __LINE__ + sizeof(__func__);
  return h;
}
