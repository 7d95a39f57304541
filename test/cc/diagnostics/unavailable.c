typedef int quad __attribute__((vector_size(16)));
#pragma push_macro(other)
int f(void *ctx) {
  unsigned __int128 h;
  __builtin_mul_overflow(3, -16, &h);
  return 0;
}
