struct v { u64 a[16]; u32 n; };
BPF_HASH(h, u32, struct v);
BPF_ARRAY(arr, u64, 16);
int f1(void *ctx) {
  u32 k = 1; u64 s = 0;
  struct v *p = h.lookup(&k);
  if (!p) return 0;
  for (int i = 0; i < 16; i++) s += p->a[i];
  return s;
}
int f2(void *ctx) {
  u32 k = 1;
  u64 *p = arr.lookup(&k);
  if (p) {
    for (int i = 0; i < bpf_get_prandom_u32() % 10; i++) *p += i;
  }
  return 0;
}
int f3(void *ctx) {
  u32 k = 1; u64 s = 0;
  struct v *p = h.lookup(&k);
  if (p == 0) goto out;
  for (int i = 0; i < 16 && i < p->n; i++) { if (p->a[i] == 3) break; s += p->a[i]; }
out:
  return s;
}
int f4(void *ctx) {
  u32 k = 1; u64 s = 0;
  struct v *p = h.lookup(&k);
  bool ok = p != 0;
  if (!ok) return 1;
  for (int i = 0; i < 16; i++) p->a[i] = i;
  return s;
}
int f5(void *ctx) {
  u32 k = 1, n = bpf_get_prandom_u32(); u64 s = 0;
  struct v *p = h.lookup(&k);
  if (p && n > 3) {
    for (int i = 0; i < 16; i++) p->a[i & 15] = i;
  }
  if (p || n == 7) { if (p) for (u32 i = 0; i < 7; i++) s += p->a[i]; }
  return s;
}
int f6(void *ctx) {
  u32 k = 1; 
  struct v *p = h.lookup(&k), z = {};
  if (!p) { h.update(&k, &z); p = h.lookup(&k); if (!p) return 0; }
  for (int i = 0; i < 16; i++) p->a[i] += 1;
  return 0;
}
int f7(void *ctx) {
  u32 k = 1; u64 s = 0;
  struct v *p = h.lookup(&k);
  for (int i = 0; i < 16; i++) { if (!p) break; s += p->a[i]; }
  while (p) { s += p->n; if (s > 100) break; }
  return s;
}
int b1(void *ctx) {
  u32 k = 1; u64 s = 0;
  struct v *p = h.lookup(&k);
  for (int i = 0; i < 16; i++) s += p->a[i];
  return s;
}
int b2(void *ctx) {
  u32 k = 1; u64 s = 0;
  struct v *p = h.lookup(&k);
  if (!p) s = 1;
  for (int i = 0; i < 16; i++) s += p->a[i];
  return s;
}
