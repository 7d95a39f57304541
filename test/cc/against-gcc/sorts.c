static void insertion(s32 *a, int n) { for (int i = 1; i < n; i++) { s32 v = a[i]; int j = i; while (j > 0 && a[j-1] > v) { a[j] = a[j-1]; j--; } a[j] = v; } }
static void shell(s16 *a, int n) { for (int gap = n/2; gap; gap /= 2) for (int i = gap; i < n; i++) for (int j = i - gap; j >= 0 && a[j] > a[j+gap]; j -= gap) { s16 t = a[j]; a[j] = a[j+gap]; a[j+gap] = t; } }
static void bubble(u8 *a, int n) { int again; do { again = 0; for (int i = 0; i + 1 < n; i++) if (a[i] > a[i+1]) { a[i] ^= a[i+1]; a[i+1] ^= a[i]; a[i] ^= a[i+1]; again = 1; } } while (again); }
static void heap(u32 *a, int n) {
  for (int start = n / 2 - 1, end = n - 1; end > 0;) {
    int root;
    if (start >= 0) root = start--; else { u32 t = a[0]; a[0] = a[end]; a[end--] = t; root = 0; }
    for (;;) { int c = root * 2 + 1; if (c > end) break; if (c < end && a[c] < a[c+1]) c++; if (a[root] >= a[c]) break; u32 t = a[root]; a[root] = a[c]; a[c] = t; root = c; }
  }
}
u64 entry(u8 *mem, u64 len) {
  s32 a[16]; s16 b[24]; u32 c[16]; u8 d[32];
  __builtin_memset(a, 0, sizeof a); __builtin_memset(b, 0, sizeof b); __builtin_memset(c, 0, sizeof c); __builtin_memset(d, 0, sizeof d);
  for (unsigned i = 0; i < len && i < 64; i++) { ((u8*)a)[i] = mem[i]; ((u8 *)c)[i] = mem[len-1-i]; if (i < 48) ((u8*)b)[i] = mem[i] ^ 0x5a; if (i < 32) d[i] = mem[i]; }
  insertion(a, 16); shell(b, 24); heap(c, 16); bubble(d, 32);
  u64 h = 0;
  for (int i = 0; i < 16; i++) h = h * 31 + (u64)(s64)a[i] + c[i];
  for (int i = 0; i < 24; i++) h = h * 31 + b[i];
  for (int i = 0; i < 32; i++) h = h * 31 + d[i];
  for (unsigned i = 0; i < len && i < 32; i++) mem[i] = d[i];
  return h;
}
