/* Statements: C11 6.8, with GNU's case ranges and statement expressions. */
#define CHECK(x) do { if (!(x)) return __LINE__; } while (0)

static int pick(int v) {
  switch (v) {
    case 1:
      return 10;
    case 2:
    case 3:
      v += 100;
      /* fall through */
    case 4:
      v++;
      break;
    case 10 ... 20:
      return 1000;
    case 'a' ... 'z':
      return 2000;
    case -5:
      return 5;
    case 200 ... 1000000:
      return 3000;
    default:
      return -1;
  }
  return v;
}

static int switches(void) {
  CHECK(pick(1) == 10);
  CHECK(pick(2) == 103);
  CHECK(pick(3) == 104);
  CHECK(pick(4) == 5);
  CHECK(pick(15) == 1000 && pick(10) == 1000 && pick(20) == 1000 && pick(21) == -1);
  CHECK(pick('q') == 2000);
  CHECK(pick(-5) == 5);
  CHECK(pick(99999) == 3000);
  CHECK(pick(0) == -1);
  unsigned long long big = 0x100000001ull;
  switch (big) {
    case 1:
      return __LINE__;
    case 0x100000001ull:
      break;
    default:
      return __LINE__;
  }
  int inside = 0;
  switch (3) {
    for (inside = 0; inside < 10; inside++) {
      case 3:
        if (inside >= 4) break;
        continue;
    }
  }
  CHECK(inside == 4);
  return 0;
}

static int loops(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    if (i == 3) continue;
    if (i == 7) break;
    sum += i;
  }
  CHECK(sum == 0 + 1 + 2 + 4 + 5 + 6);
  int k = 0;
  while (k < 5) k++;
  CHECK(k == 5);
  do k--; while (k > 2);
  CHECK(k == 2);
  sum = 0;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) {
      if (j == 2) break;
      sum += 10 * i + j;
    }
  CHECK(sum == 63);
#pragma unroll
  for (int i = 0; i < 4; i++) sum += i;
  CHECK(sum == 69);
  int i = 0;
again:
  if (i < 4) {
    i += 2;
    goto again;
  }
  CHECK(i == 4);
  goto out;
  return __LINE__;
out:
  return 0;
}

static inline __attribute__((always_inline)) int clamp(int v, int low, int high) {
  if (v < low) return low;
  if (v > high) return high;
  return v;
}

static void twice(int *p) { *p *= 2; }

static __attribute__((noinline)) int called(int a, int b) { return a * 10 + b; }

static int functions(int n) {
  CHECK(clamp(n, 0, 5) == 5);
  CHECK(clamp(-n, 0, 5) == 0);
  CHECK(clamp(3, 0, 5) == 3);
  int v = 21;
  twice(&v);
  CHECK(v == 42);
  CHECK(called(4, 2) == 42);
  int m = ({ int t = n; t += 2; t * 2; });
  CHECK(m == 24);
  int largest = ({ typeof(n) a = (n), b = (7); a > b ? a : b; });
  CHECK(largest == 10);
  __auto_type w = 5ull;
  CHECK(sizeof(w) == 8);
  CHECK(_Generic(n, int: 1, default: 2) == 1);
  CHECK(_Generic(w, int: 1, unsigned long long: 3, default: 2) == 3);
  CHECK(__builtin_types_compatible_p(int, typeof(n)));
  CHECK(!__builtin_types_compatible_p(int, long));
  CHECK(__builtin_choose_expr(1, n, "no") == 10);
  CHECK(__builtin_constant_p(3) && !__builtin_constant_p(n));
  asm volatile("" ::: "memory");
  asm volatile("" : "+r"(n));
  CHECK(n == 10);
  return 0;
}

static int builtins(unsigned int u, unsigned long long w) {
  CHECK(__builtin_popcount(u) == 8 && __builtin_popcountll(w) == 24);
  CHECK(__builtin_clz(u) == 8 && __builtin_ctz(u) == 16);
  CHECK(__builtin_clzll(w) == 0 && __builtin_ctzll(w) == 16);
  CHECK(__builtin_ffs(u) == 17 && __builtin_ffs(0) == 0);
  CHECK(__builtin_bswap16(0x1234 + (u & 1)) == 0x3412);
  CHECK(__builtin_bswap32(u) == 0x0000ff00);
  CHECK(__builtin_bswap64(w) == 0x0000ffff000000ffull);
  CHECK(__builtin_expect(u, 0) == u);
  unsigned int r;
  CHECK(__builtin_add_overflow(u, 0xffffffffu, &r) && r == u - 1);
  CHECK(!__builtin_sub_overflow(u, 1u, &r) && r == u - 1);
  CHECK(__builtin_mul_overflow(u, 1000u, &r));
  char a[13] = "hello world!", b[13];
  __builtin_memcpy(b, a, sizeof(b));
  CHECK(__builtin_memcmp(a, b, sizeof(a)) == 0);
  b[3] = 'z';
  CHECK(__builtin_memcmp(a, b, 13) < 0 && __builtin_memcmp(b, a, 13) > 0 && __builtin_memcmp(a, b, 3) == 0);
  __builtin_memset(b, 0x5a, 9);
  CHECK(b[0] == 0x5a && b[8] == 0x5a && b[9] == 'l');
  __builtin_memmove(b + 1, b, 4);
  CHECK(b[4] == 0x5a);
  return 0;
}

unsigned long long entry(unsigned char *mem, unsigned long long len) {
  int n, zero = mem[0];
  if ((n = switches()) || (n = loops(zero + 10)) || (n = functions(zero + 10))) return n;
  if ((n = builtins(0x00ff0000u + zero, 0xff000000ffff00ull * 256 + zero))) return n;
  return 0;
}
