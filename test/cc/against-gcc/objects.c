#define CHECK(x) do { n++; if (!(x)) return n * 1000000 + __LINE__; } while (0)
struct bf { int a : 3; unsigned b : 5; signed c : 7; u64 d : 33; s64 e : 20; _Bool f : 1; unsigned : 0; u8 g : 4; u8 h : 4; };
union ub { struct { u32 lo : 12; u32 mid : 12; u32 hi : 8; }; u32 all; };
struct __attribute__((packed)) pk { u8 a; u32 b : 20; u32 c : 12; u16 d; u64 e : 40; };
struct str { u32 a : 30; u32 b : 10; u64 c : 60; u64 d : 20; };
enum big { BA = 1, BB = 0x123456789abcdefULL, BC = 5 };
enum neg { NA = -1, NB = 7 };
struct pt { int x, y; }; struct rc { struct pt a, b; u8 name[5]; };
static struct pt addp(struct pt a, struct pt b) { a.x += b.x; a.y += b.y; return a; }
static struct rc mkrc(int v) { return (struct rc){ .a = { v, v + 1 }, .b.y = v * 2, .name = "abc" }; }
static int sumrc(struct rc r) { r.a.x++; return r.a.x + r.a.y + r.b.x + r.b.y + r.name[1]; }
static const int ranges[] = { [0 ... 3] = 7, [5] = 9, [6 ... 7] = 1, [2] = 4 };
static struct { int k; struct pt p[3]; } nest = { 1, { [1] = { .y = 5 }, [2].x = 8, [0] = { 3, 4 } } };
struct flex { int n; u16 v[]; }; static struct flex fx = { 3, { 10, 20, 30 } };
u64 entry(u8 *mem, u64 len) {
  u64 n = 0;
  struct bf s = { .a = 3, .b = 31, .c = -64, .d = 0x1ffffffffULL, .e = -1, .f = 5, .g = 15, .h = 9 };
  CHECK(s.a == 3); s.a++; CHECK(s.a == -4); CHECK(s.a++ == -4); CHECK(s.a == -3); CHECK(--s.a == -4);
  CHECK(s.b == 31); s.b++; CHECK(s.b == 0); CHECK((s.b -= 1) == 31); CHECK(s.c == -64); CHECK(s.c-- == -64); CHECK(s.c == 63);
  CHECK(s.d == 0x1ffffffffULL); CHECK(++s.d == 0); CHECK(s.e == -1); s.e >>= 1; CHECK(s.e == -1); s.e = 0x80000; CHECK(s.e == -0x80000); CHECK(s.f == 1); s.f = 0; CHECK(!s.f); s.f += 2; CHECK(s.f == 1);
  CHECK(s.g == 15 && s.h == 9); s.g += 3; CHECK(s.g == 2 && s.h == 9);
  s.b = mem[0]; CHECK(s.b == (mem[0] & 31)); s.a = mem[1]; CHECK(s.a == ((int)((u32)mem[1] << 29) >> 29));
  CHECK(s.b + s.a - 100 < 0); CHECK((s.b = 33) == 1);
  union ub u = { .all = 0x12345678 }; CHECK(u.lo == 0x678 && u.mid == 0x345 && u.hi == 0x12); u.mid ^= 0xfff; CHECK(u.all == 0x12cba678);
  struct pk p = { 1, 0xabcde, 0xfff, 0x1234, 0xffffffffffULL }; CHECK(sizeof p == 12); p.b++; CHECK(p.b == 0xabcdf && p.c == 0xfff && p.a == 1); p.e += 1; CHECK(p.e == 0 && p.d == 0x1234); p.c = 5; CHECK(p.b == 0xabcdf && p.c == 5);
  struct str st = { 1, 2, 3, 4 }; st.c = ~0ULL; CHECK(st.c == 0xfffffffffffffffULL && st.d == 4 && st.b == 2); st.d--; CHECK(st.d == 3);
  CHECK(sizeof(enum big) == 8 && BB == 0x123456789abcdefULL); enum big eb = BB; CHECK(eb == BB); CHECK(sizeof(enum neg) == 4 && NA < 0); enum neg en = mem[0] ? NA : NB; CHECK(en == (mem[0] ? -1 : 7));
  struct pt q = addp((struct pt){ 1, 2 }, (struct pt){ .y = 5 }); CHECK(q.x == 1 && q.y == 7);
  q = addp(q, q); CHECK(q.x == 2 && q.y == 14); CHECK(addp(q, q).y == 28); CHECK(mkrc(4).b.y == 8); CHECK(sumrc(mkrc(4)) == 4 + 1 + 5 + 0 + 8 + 'b');
  CHECK(ranges[0] == 7 && ranges[2] == 4 && ranges[3] == 7 && ranges[4] == 0 && ranges[5] == 9 && ranges[7] == 1 && sizeof ranges == 32);
  CHECK(nest.p[0].y == 4 && nest.p[1].x == 0 && nest.p[1].y == 5 && nest.p[2].x == 8);
  CHECK(fx.n == 3 && fx.v[2] == 30 && sizeof fx == 4); fx.v[1]++; CHECK(fx.v[1] == 21); fx.v[1] = 20;
  struct pt *cl = &(struct pt){ 5, 6 }; cl->x++; CHECK(cl->x == 6 && cl->y == 6); int *ai = (int[]){ 1, 2, 3, [5] = 9 }; CHECK(ai[1] == 2 && ai[4] == 0 && ai[5] == 9);
  int la[8] = { [1 ... 3] = mem[0], [6] = 2 }; CHECK(la[2] == mem[0] && la[0] == 0 && la[6] == 2 && la[7] == 0);
  struct pt copy = *cl, arr[2] = { *cl, [1] = { .x = 1 } }; CHECK(copy.x == 6 && arr[0].y == 6 && arr[1].x == 1 && arr[1].y == 0); arr[1] = arr[0]; CHECK(arr[1].y == 6);
  s64 sv = (s64)mem[0] - 128; int r = 0;
  switch (sv) { case -128 ... -1: r = 1; break; case 0: r = 2; break; case 1 ... 50: r = 3; break; default: r = 4; } CHECK(r == (sv < 0 ? 1 : sv == 0 ? 2 : sv <= 50 ? 3 : 4));
  u64 uv = ((u64)mem[0] << 56) | 3; switch (uv) { case 0x8000000000000000ULL ... 0xffffffffffffffffULL: r = 1; break; case 3: r = 2; break; default: r = 3; } CHECK(r == (mem[0] >= 128 ? 1 : mem[0] == 0 ? 2 : 3));
  switch ((s8)mem[1]) { case -1: r = 1; break; case -128: r = 2; break; case 127: r = 9; default: r = 3; } CHECK(r == (mem[1] == 255 ? 1 : mem[1] == 128 ? 2 : 3));
  { int i = 0; goto in; while (i < 3) { i += 10; in: i++; if (i == 1) goto out; } out: CHECK(i == 1); }
  { int k = 0; again: if (k < 3) { k++; goto again; } CHECK(k == 3); }
  { int t = ({ int z = 0; for (int i = 0; i < 5; i++) { if (i == 3) break; z += i; } z; }); CHECK(t == 3); int w = ({ if (mem[0] > 300) return 7; 4; }); CHECK(w == 4); }
  { int i = 0, j = (i++, i++, i * 2); CHECK(j == 4); for (i = 0, j = 9; i < j; i++, j--); CHECK(i == 5 && j == 4); }
  { int z = mem[0] ?: 77; CHECK(z == (mem[0] ? mem[0] : 77)); int c0 = 0; int y = c0++ ?: 5; CHECK(y == 5 && c0 == 1); void *vp = mem; int *ip = 0; CHECK((ip ?: vp) == mem); mem[0] ? (void)0 : (void)1; CHECK(sizeof(mem[0] ? ip : vp) == 8); }
  return 0;
}
