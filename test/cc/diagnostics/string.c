int f(void *ctx) { char *s = "unterminated; return 0; }
