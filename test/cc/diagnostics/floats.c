int a[3.0];
enum { A = 1.0 };
struct s { int b : 1.0; };
_Static_assert(1.0, "no");
static int g(int x) { return x; }
int f(void *ctx) {
  int x = 2.0;
  switch (x) { case 3.0: return 1; }
  if (1.0) x = !1.0;
  x = -1.0 < x;
  x += 1.0;
  x = x * 1.0;
  x = g(1.0) + (int)1.0;
  1.0;
  x = 1.0 ? 2 : 3;
  x = x < 1.5;
  x = sizeof(1.0);
  for (; 1.0;) x = a[1.0];
  while (x && 1.0) x = ({ 1.0; });
  return 1.0 < 2.0;
}
