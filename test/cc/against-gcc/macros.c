#define CHECK(...) do { n++; if (!(__VA_ARGS__)) return n * 1000000 + __LINE__; } while (0)
#define x 3
#define f(a) f(x * (a))
#undef x
#define x 2
#define g f
#define z z[0]
#define h g(~
#define m(a) a(w)
#define w 0,1
#define t(a) a
#define p() int
#define q(x) x
#define r(x,y) x ## y
#define str(...) # __VA_ARGS__
#define xstr(...) str(__VA_ARGS__)
#define debug(s, t) "x" # s "= %d, x" # t "= %s"
#define INCFILE(n) vers ## n
#define glue(a, b) a ## b
#define xglue(a, b) glue(a, b)
#define HIGHLOW "hello"
#define LOW LOW ", world"
#define hash_hash # ## #
#define mkstr(a) # a
#define in_between(a) mkstr(a)
#define join(c, d) in_between(c hash_hash d)
#define tt(x,y,z) x ## y ## z
#define E1(...) str(__VA_ARGS__)
#define SHOW(...) str(__VA_ARGS__)
#define OPT(a, ...) str(a __VA_OPT__(, got __VA_ARGS__) end)
#define NAMED(args...) str(args)
#define GNU(fmt, ...) str(fmt, ##__VA_ARGS__)
#define EMPTY
#define CALLM(m) m EMPTY (1)
#define ID(v) v
#define OBJ (1)
#define FN(x) [x]
static int eq(const char *a, const char *b, int k) { for (int i = 0; i < 80; i++) { if (i >= k) return 1; if (a[i] != b[i]) return 0; } return 1; }
#define EQ(a, b) ({ static const char aa[] = a, bb[] = b; sizeof aa == sizeof bb && eq(aa, bb, sizeof aa); })
#if 1
# define A1 1
#elifdef XX
# error no
#elifndef YY
# error no2
#endif
#ifdef NOPE
#elifndef NOPE2
# define A2 1
#else
# error
#endif
#if defined A1 && defined(A2) && !defined A3 && (1 ? 2 : 0) == 2 && -1 < 0 && -1 > 0u && 'a' == 97 && 0x10 == 020 && (2 || (1 / 0)) && __has_builtin(__builtin_memcpy) && !__has_include("nope.h")
# define A4 1
#endif
#define CNT0 __COUNTER__
enum { C0 = __COUNTER__, C1 = __COUNTER__, C2 = CNT0 };
#define MULTI(a, \
   b) a + \
   b
#pragma GCC diagnostic push
_Pragma("GCC diagnostic pop")
#line 500 "other.c"
static int ln = __LINE__;
#define F2(a, b) str(a) str(b)
u64 entry(u8 *mem, u64 len) {
  u64 n = 0;
  CHECK(EQ(xstr(f(y+1) + f(f(z)) % t(t(g)(0) + t)(1);), "f(2 * (y+1)) + f(2 * (f(2 * (z[0])))) % f(2 * (0)) + t(1);"));
  CHECK(EQ(xstr(g(x+(3,4)-w) & m(f)^m(m);), "f(2 * (2+(3,4)-0,1)) & f(2 * (0,1))^m(0,1);"));
  CHECK(EQ(xstr(p() i[q()] = { q(1), r(2,3), r(4,), r(,5), r(,) };), "int i[] = { 1, 23, 4, 5, };"));
  CHECK(EQ(xstr(char c[2][6] = { str(hello), str() };), "char c[2][6] = { \"hello\", \"\" };"));
  CHECK(EQ(debug(1, 2), "x1= %d, x2= %s"));
  CHECK(EQ(str(strncmp("abc\0d", "abc", '\4') == 0) str(: @\n), "strncmp(\"abc\\0d\", \"abc\", '\\4') == 0: @\n"));
  CHECK(EQ(xstr(INCFILE(2).k), "vers2.k"));
  CHECK(EQ(glue(HIGH, LOW), "hello")); CHECK(EQ(xglue(HIGH, LOW), "hello, world"));
  CHECK(EQ(xstr(tt(1,2,3) tt(,4,5) tt(6,,7) tt(8,9,) tt(10,,) tt(,11,) tt(,,12) tt(,,)), "123 45 67 89 10 11 12"));
  CHECK(EQ(SHOW(a, b,  c), "a, b, c")); CHECK(EQ(SHOW(), "")); CHECK(EQ(OPT(k), "k end")); CHECK(EQ(OPT(k, 1, 2), "k , got 1, 2 end")); CHECK(EQ(NAMED(a,b), "a,b")); CHECK(EQ(GNU("f"), "\"f\"")); 
  CHECK(EQ(xstr(CALLM(ID)), "ID (1)") || EQ(xstr(CALLM(ID)), "1")); CHECK(EQ(xstr(FN OBJ), "FN (1)")); CHECK(EQ(xstr(ID(FN) OBJ), "FN (1)")|| EQ(xstr(ID(FN) OBJ), "[(1)]"));
   CHECK(EQ(F2(a b /* c */ d, (1, 2)), "a b d(1, 2)")); CHECK(EQ(str( a   +   b ), "a + b"));
  CHECK(C0 == 0 && C1 == 1 && C2 == 2 && A4 == 1 && A2 == 1); CHECK(MULTI(1, 2) == 3); CHECK(ln == 500); CHECK(__LINE__ == 516); CHECK(EQ(__FILE__, "other.c")); CHECK(0b101 == 5); CHECK(sizeof(__func__) == 6 && __func__[0] == 'e');
  CHECK(EQ("??=" , "??=")); 
  return 0;
}
#undef x
#undef f
#undef g
#undef z
#undef h
#undef m
#undef w
#undef t
#undef p
#undef q
#undef r
#undef str
