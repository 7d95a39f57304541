BPF_HAHS(start, u32, u64);
struct foo { int a; };
int f(struct pt_regs *ctx) {
  struct foo x;
  x->a = 1;
  struct foo *p = &x;
  p.a = 2;
  int y = 5
  return y;
}
int f(struct pt_regs *ctx);
long f(struct pt_regs *ctx);
struct foo { int b; };
enum e { A, A };
struct bad { int x; int x; unsigned w : 40; };
int dup(struct pt_regs *ctx) { int a; int a; return a; }
