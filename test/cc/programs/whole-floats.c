/* Integers compared with floating constants that are whole numbers: no floating point is needed for these. */
#define CHECK(x) do { if (!(x)) return __LINE__; } while (0)

static int at_least(unsigned long long ns) { return ns >= 1000000.0; }

int entry(unsigned char *mem, unsigned long len) {
  volatile unsigned long long big = 0xffffffffffffffffULL, most = 1000000, less = 999999;
  volatile int minus = -1;
  CHECK(at_least(most));
  CHECK(!at_least(less));
  CHECK(at_least(big));
  CHECK(big >= 0.0);
  CHECK(minus < 0.0);
  CHECK(0.0 > minus);
  CHECK(most == 1e6 && less != 1e6f);
  CHECK(5000000000.0 > most);
  return 0;
}
