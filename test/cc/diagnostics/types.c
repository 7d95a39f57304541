struct point { int x; };
int f(struct pt_regs *ctx) {
  struct point p = {}, *q = &p;
  int n = p;
  char *s = 5;
  n = q + q;
  n();
  5 = n;
  const int c = 1;
  c = 2;
  n = *n;
  n = &3;
  if (p) return 1;
  switch (p) { }
  return sizeof(struct nothing) + p[0] + "a" * 2;
}
