/* Conversions and arithmetic: C11 6.3 and 6.5. */
#define CHECK(x) do { if (!(x)) return __LINE__; } while (0)

static int promote(void) {
  unsigned char a = 200, b = 100;
  CHECK(a + b == 300);
  signed char c = -1;
  CHECK(c < 0);
  CHECK((unsigned char)c == 255);
  CHECK((unsigned int)c == 0xffffffffu);
  CHECK((unsigned long long)c == 0xffffffffffffffffull);
  CHECK(-1 < 0u == 0);
  CHECK((unsigned short)-1 > -1);
  CHECK(sizeof(a + b) == 4);
  CHECK(sizeof((char)1) == 1);
  CHECK(sizeof 'a' == 4);
  CHECK(sizeof(1L) == 8);
  CHECK(0x80000000 > 0);
  CHECK(2147483648 == 0x80000000L);
  CHECK(~0u == 4294967295u);
  CHECK(-1L < 1u);
  return 0;
}

static int shifts(int n) {
  unsigned int u = 0x80000001u;
  int s = -8;
  CHECK(u >> 1 == 0x40000000u);
  CHECK(s >> 1 == -4);
  CHECK((u << 4) == 0x10);
  CHECK(1ull << (n + 40) == 0x10000000000ull);
  CHECK((long long)-1 >> 63 == -1);
  CHECK((unsigned long long)-1 >> 63 == 1);
  u <<= 1;
  CHECK(u == 2);
  s >>= 2;
  CHECK(s == -2);
  return 0;
}

static int divide(int a, unsigned int b, long long c) {
  CHECK(a / 3 == -33);
  CHECK(a % 3 == -1);
  CHECK(b / 7 == 14);
  CHECK(b % 7 == 2);
  CHECK(c / -3 == 33);
  CHECK(c % 7 == -2);
  CHECK(a / 2 == -50);
  CHECK(a / -1 == 100);
  CHECK((unsigned int)a / 2 == 2147483598u);
  a /= 7;
  CHECK(a == -14);
  a %= 4;
  CHECK(a == -2);
  return 0;
}

static int zero_of(int x) { return x; }

static int narrow(void) {
  unsigned char c = 255;
  c++;
  CHECK(c == 0);
  c -= 1;
  CHECK(c == 255);
  signed char s = 127;
  s++;
  CHECK(s == -128);
  short h = 0x12345;
  CHECK(h == 0x2345);
  unsigned short us = 65535;
  us += 2;
  CHECK(us == 1);
  _Bool b = 256;
  CHECK(b == 1);
  b = zero_of(0) ? 0 : 1 ? 4 : 0;
  CHECK(b);
  b = (void *)0;
  CHECK(!b);
  CHECK(sizeof(b) == 1);
  unsigned int big = 0xdeadbeef;
  CHECK((char)big == (char)0xef);
  CHECK((unsigned short)big == 0xbeef);
  CHECK((long)(int)big == -559038737L);
  int x = 5;
  CHECK(x++ == 5 && x == 6);
  CHECK(++x == 7 && x-- == 7 && --x == 5);
  return 0;
}

static int logic(int one, int zero) {
  int n = 0;
  CHECK(!(zero && ++n));
  CHECK(n == 0);
  CHECK(one || ++n);
  CHECK(n == 0);
  CHECK((one && zero || one) == 1);
  CHECK(!one == 0 && !!one == 1);
  CHECK((one ? 5 : 7) == 5);
  CHECK((zero ?: 9) == 9);
  CHECK((one ?: 9) == 1);
  n = (one, zero, 42);
  CHECK(n == 42);
  CHECK(((one == 1) + (zero == 0)) == 2);
  int r = one < zero ? 1 : one > zero ? 2 : 3;
  CHECK(r == 2);
  return 0;
}

static int wide(void) {
  unsigned __int128 a = 0, b = 1;
  CHECK(a == 0);
  CHECK(b != 0 && a < b && b >= a);
  b <<= 70;
  CHECK(b > 0xffffffffffffffffull);
  CHECK((unsigned long)(b >> 64) == 64);
  a = b - 1;
  CHECK((unsigned long)a == ~0ul);
  CHECK((unsigned long)(a >> 64) == 63);
  a++;
  CHECK(a == b);
  __int128 n = -5;
  CHECK(n < 0);
  CHECK((long)(n >> 64) == -1);
  CHECK(sizeof(a) == 16);
  return 0;
}

unsigned long long entry(unsigned char *mem, unsigned long long len) {
  int n;
  int zero = mem[0];
  if ((n = promote()) || (n = shifts(zero)) || (n = divide(zero - 100, zero + 100, zero - 100))) return n;
  if ((n = narrow()) || (n = logic(zero + 1, zero)) || (n = wide())) return n;
  CHECK(len == 64);
  return 0;
}
