char *strchr(const char *s, int c);
int loop(int n);
int other(int n) { return loop(n - 1); }
int loop(int n) { return n > 1 ? -n : other(n) - 1; }
int f(void *ctx) {
  const char *s = "a";
  if (strchr(s, 'a') == s) return 1;
  return 0;
}
