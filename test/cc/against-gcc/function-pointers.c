typedef int (*op)(int, int);
struct ops { int n; op add; op sub; struct { op mul; } in; };
static int add(int a, int b) { return a + b; }
static int sub(int a, int b) { return a - b; }
static int mul(int a, int b) { return a * b; }
static const struct ops OPS = { .n = 3, .add = add, .sub = &sub, .in = { .mul = mul } };
static const op table[] = { add, sub, mul, [5] = add };
static op changing = sub;
static const struct ops *const where = 0;
static inline int apply(op f, int a, int b) { return f(a, b); }
static inline int twice(op f, int a) { return apply(f, apply(f, a, 1), 2); }
static inline int run(const struct ops *o, int a) { return o->add(a, 5) * 100 + o->in.mul(a, 2); }
struct pair { int x, y; };
static struct pair mk(struct pair p) { p.x += 1; return p; }
static struct pair mk2(struct pair p) { p.y += 7; return p; }
static void inc(u64 *p) { *p += 3; }
__attribute__((noinline)) static int far(op f, int a) { return f ? f(a, 4) : -1; }
#define CHECK(x) if (!(x)) return __LINE__;
u64 entry(u8 *mem, u64 len) {
  int n = mem[0];
  CHECK(OPS.add(1, 2) == 3)
  CHECK((*OPS.sub)(1, 2) == -1)
  CHECK(OPS.in.mul(3, 4) == 12)
  CHECK(table[2](5, 6) == 30)
  CHECK(table[5](5, 6) == 11)
  CHECK(!table[4])
  CHECK(apply(add, 2, 3) == 5 && apply(mul, 2, 3) == 6)
  CHECK(twice(add, 1) == 4 && twice(mul, 3) == 6 && twice(sub, 10) == 7)
  CHECK(run(&OPS, 7) == 1214)
  op local = mul;
  CHECK(local(3, 3) == 9)
  op other; other = n ? add : sub;
  CHECK(other(9, 4) == (n ? 13 : 5))
  CHECK((n ? mul : add)(9, 4) == (n ? 36 : 13))
  int s = 0;
  for (int i = 0; i < 3; i++) s = s * 10 + table[i](i + 1, 1);
  CHECK(s == 2 * 100 + 1 * 10 + 3)
  CHECK(changing(5, 3) == 2)
  changing = add;
  CHECK(changing(5, 3) == 8)
  changing = sub;
  CHECK(far(mul, 6) == 24 && far(0, 1) == -1 && far(sub, 6) == 2)
  struct pair p = { 1, 2 };
  struct pair (*f)(struct pair) = n ? mk : mk2;
  p = f(p);
  CHECK(n ? p.x == 2 && p.y == 2 : p.x == 1 && p.y == 9)
  struct pair (*const g)(struct pair) = mk;
  CHECK(g(p).x == (n ? 3 : 2))
  u64 v = 1; void (*vf)(u64 *) = inc;
  vf(&v); (*vf)(&v); (**vf)(&v);
  CHECK(v == 10)
  CHECK(local == mul && other != mul && local != other)
  op arr[2] = { sub, add };
  CHECK(arr[n & 1](4, 1) == (n & 1 ? 5 : 3))
  struct ops lo = { .add = mul };
  CHECK(lo.add(4, 4) == 16)
  lo.add = sub;
  CHECK(lo.add(4, 4) == 0)
  CHECK(({ op q = add; q; })(1, 1) == 2)
  return 0;
}
