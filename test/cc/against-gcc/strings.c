static u64 slen(const char *s) { const char *p = s; while (*p) p++; return p - s; }
static int scmp(const char *a, const char *b) { for (; *a && *a == *b; a++, b++); return (u8)*a - (u8)*b; }
static const char *sfind(const char *h, const char *n) { for (; *h; h++) { const char *a = h, *b = n; while (*b && *a == *b) a++, b++; if (!*b) return h; } return 0; }
static int itoa10(s32 v, char *out) { char tmp[12]; int n = 0, k = 0; u32 u = v < 0 ? 0u - (u32)v : (u32)v; do tmp[n++] = '0' + u % 10; while (u /= 10); if (v < 0) out[k++] = '-'; while (n) out[k++] = tmp[--n]; out[k] = 0; return k; }
static s32 atoi10(const char *s) { s32 v = 0; int neg = 0; while (*s == ' ') ++s; if (*s == '-' || *s == '+') neg = *s++ == '-'; while (*s >= '0' && *s <= '9') v = v * 10 + (*s++ - '0'); return neg ? -v : v; }
static const char words[][6] = { "alpha", "beta", "gamma", "x" };
u64 entry(u8 *mem, u64 len) {
  char buf[33], num[16]; u64 n = len < 32 ? len : 32, h = 0;
  for (u64 i = 0; i < n; i++) buf[i] = 'a' + (mem[i] & 7); buf[n] = '\0';
  h = slen(buf) * 1000 + slen("");
  for (unsigned w = 0; w < sizeof words / sizeof words[0]; w++) h = h * 3 + (u32)scmp(buf, words[w]);
  const char *f = sfind(buf, "ab"); h = h * 7 + (f ? (u64)(f - buf) : 99);
  for (u64 i = 0; i + 4 <= len; i += 4) { s32 v = (s32)(mem[i] | mem[i+1] << 8 | mem[i+2] << 16 | (u32)mem[i+3] << 24); int k = itoa10(v, num); h = h * 31 + k + (u64)(atoi10(num) == v) + num[k / 2]; }
  h += scmp("-42", num) < 0 ? 1 : 2; h += atoi10("  -123x") + slen("tab\tnew\x41\101\0hidden") + sizeof("abc" "def");
  return h;
}
