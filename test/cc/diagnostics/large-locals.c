static void fill(char *at) { for (int i = 0; i < 70000; i++) at[i] = i; }
int f(struct pt_regs *ctx) {
  char large[70000];
  fill(large);
  return large[ctx->di & 0xff];
}
