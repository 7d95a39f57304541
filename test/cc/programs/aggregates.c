/* Structs, unions, bitfields, arrays, initialisers, compound literals: C11 6.7.2, 6.7.9, 6.5.2.5. */
#define CHECK(x) do { if (!(x)) return __LINE__; } while (0)

struct point { int x, y; };
struct nested { char tag; struct point p; union { unsigned int u; unsigned char b[4]; }; struct { short s; } named; };
struct bits { unsigned int a : 3; int b : 5; unsigned int c : 24; unsigned long long d : 40; _Bool e : 1; };
struct packed { char c; int i; short s; } __attribute__((packed));
struct aligned { char c; } __attribute__((aligned(16)));
struct flexible { int n; char data[]; };
typedef struct { unsigned long long key; char name[6]; } pair_t;

static int layout(void) {
  CHECK(sizeof(struct point) == 8);
  CHECK(sizeof(struct nested) == 20);
  CHECK(__builtin_offsetof(struct nested, p.y) == 8);
  CHECK(__builtin_offsetof(struct nested, b[2]) == 14);
  CHECK(sizeof(struct bits) == 16);
  CHECK(sizeof(struct packed) == 7);
  CHECK(__builtin_offsetof(struct packed, s) == 5);
  CHECK(sizeof(struct aligned) == 16 && _Alignof(struct aligned) == 16);
  CHECK(sizeof(struct flexible) == 4);
  CHECK(sizeof(pair_t) == 16);
  CHECK((unsigned long)&((struct nested *)0)->p.x == 4);
  return 0;
}

static int bitfields(int n) {
  struct bits v = {};
  v.a = 9 + n;
  CHECK(v.a == 1);
  v.b = 31;
  CHECK(v.b == -1);
  v.c = 0xabcdef;
  v.d = 0xfedcba9876ull;
  v.e = 7;
  CHECK(v.a == 1 && v.b == -1 && v.c == 0xabcdef && v.d == 0xfedcba9876ull && v.e == 1);
  v.c++;
  CHECK(v.c == 0xabcdf0);
  v.b += 3;
  CHECK(v.b == 2);
  CHECK((v.a = 15) == 7);
  v.d >>= 4;
  CHECK(v.d == 0xfedcba987ull);
  struct bits w = { .c = 5, .b = -16 };
  CHECK(w.a == 0 && w.b == -16 && w.c == 5 && w.d == 0);
  return 0;
}

static int copies(void) {
  struct nested a = { 'x', { 1, 2 }, { 0x01020304 }, { 7 } };
  struct nested b = a;
  CHECK(b.tag == 'x' && b.p.x == 1 && b.p.y == 2 && b.u == 0x01020304 && b.named.s == 7);
  CHECK(b.b[0] == 4 && b.b[3] == 1);
  b.b[1] = 0xff;
  CHECK(b.u == 0x0102ff04);
  struct nested *p = &b;
  p->p = (struct point){ .y = 20, .x = 10 };
  CHECK(b.p.x == 10 && b.p.y == 20);
  *p = a;
  CHECK(b.p.y == 2);
  struct point q = p->p.x ? p->p : (struct point){ 0 };
  CHECK(q.y == 2);
  return 0;
}

static int arrays(int i) {
  int a[5] = { 1, 2, [3] = 40, 50 };
  CHECK(a[0] == 1 && a[1] == 2 && a[2] == 0 && a[3] == 40 && a[4] == 50);
  CHECK(sizeof(a) / sizeof(a[0]) == 5);
  int m[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
  CHECK(m[1][2] == 6 && *(*(m + 1) + 1) == 5);
  int flat[2][2] = { 1, 2, 3, 4 };
  CHECK(flat[1][0] == 3);
  int range[8] = { [1 ... 3] = 7, [6] = 9 };
  CHECK(range[0] == 0 && range[1] == 7 && range[3] == 7 && range[4] == 0 && range[6] == 9);
  char s[] = "hello";
  CHECK(sizeof(s) == 6 && s[4] == 'o' && s[5] == 0);
  char t[8] = "abc";
  CHECK(t[2] == 'c' && t[3] == 0 && t[7] == 0);
  char u[3] = "xyz";
  CHECK(u[2] == 'z');
  char v[] = { 'a', 'b' };
  CHECK(sizeof(v) == 2);
  struct point ps[2] = { { .y = 5 }, { 6, 7 } };
  CHECK(ps[0].x == 0 && ps[0].y == 5 && ps[1].x == 6);
  struct point elided[2] = { 1, 2, 3, 4 };
  CHECK(elided[1].x == 3 && elided[1].y == 4);
  pair_t pair = { 1, "abcde" };
  CHECK(pair.name[4] == 'e' && pair.name[5] == 0);
  int *p = a + 1;
  CHECK(p[2] == 40 && *(p - 1) == 1 && &a[4] - p == 3);
  p += 2;
  CHECK(*p-- == 40 && *p == 0);
  a[i + 2] = 99;
  CHECK(a[2] == 99);
  int sum = 0;
  for (unsigned int k = 0; k < 5; k++) sum += a[k];
  CHECK(sum == 192);
  return 0;
}

static const int table[4] = { 10, 20, 30, 40 };
static int counter = 5;
static int zeroed[3];
struct point global_point = { .x = 3, .y = 4 };

static int next(void) {
  static int calls;
  return ++calls;
}

static int globals(int i) {
  CHECK(table[i + 2] == 30);
  CHECK(counter == 5);
  counter += 2;
  CHECK(counter == 7);
  counter = 5;
  CHECK(zeroed[i + 1] == 0);
  zeroed[1] = 8;
  CHECK(zeroed[1] == 8);
  zeroed[1] = 0;
  CHECK(global_point.x + global_point.y == 7);
  int first = next();
  CHECK(next() == first + 1);
  const char *p = "literal";
  CHECK(p[i + 3] == 'e');
  CHECK(sizeof("literal") == 8);
  return 0;
}

static struct point make(int x, int y) {
  struct point p = { x, y };
  return p;
}

static int by_value(struct point p) {
  p.x += 100;
  return p.x + p.y;
}

static int values(void) {
  struct point p = make(1, 2);
  CHECK(p.x == 1 && p.y == 2);
  CHECK(by_value(p) == 103 && p.x == 1);
  CHECK(make(5, 6).y == 6);
  return 0;
}

unsigned long long entry(unsigned char *mem, unsigned long long len) {
  int n, zero = mem[0];
  if ((n = layout()) || (n = bitfields(zero)) || (n = copies()) || (n = arrays(zero)) || (n = globals(zero)) || (n = values())) return n;
  struct packed *p = (struct packed *)(mem + 1);
  p->i = 0x11223344;
  p->s = -2;
  CHECK(mem[2] == 0x44 && mem[5] == 0x11 && mem[6] == 0xfe && p->s == -2);
  return 0;
}
