static int r(int n) { return n ? r(n - 1) : 0; }
int h(void *ctx) { return r(3); }
