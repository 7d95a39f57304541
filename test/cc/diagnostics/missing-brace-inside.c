int f(void *ctx) {
  int x = 1;
  if (x) {
    x = 2;
  return x;
}

int g(void *ctx) {
  return 0;
}
