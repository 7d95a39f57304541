#define ADD(a, b) ((a) + (bb))
#define TWICE(x) ADD(x, x)
int f(void *ctx) { int v = TWICE(3); return v; }
int g(void *ctx) {
  struct task_struct *t = (void *)bpf_get_current_task();
  return t->state + t->comn[0];
}
