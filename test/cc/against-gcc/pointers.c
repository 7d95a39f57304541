struct s { u32 v; struct s *next; u8 tag[3]; };
static void swap(u32 *a, u32 *b) { u32 t = *a; *a = *b; *b = t; }
static u32 *maxp(u32 *a, u32 *b) { return *a >= *b ? a : b; }
u64 entry(u8 *mem, u64 len) {
  struct s n[4]; u32 arr[6], *pp[3], **q = pp; u64 h = 0;
  for (int i = 0; i < 4; i++) { n[i].v = mem[i] * 257; n[i].next = i < 3 ? &n[i + 1] : (void *)0; n[i].tag[0] = n[i].tag[2] = i; n[i].tag[1] = mem[i]; }
  for (int i = 0; i < 6; i++) arr[i] = mem[(4 + i) % len];
  for (int i = 0; i < 3; i++) pp[i] = arr + 2 * i; swap(*q, q[1]); swap(pp[2], &arr[5]); *(*(q + 1)) += 7; **q ^= 1;
  for (struct s *p = n; p; p = p->next) { h = h * 31 + p->v; p->v++; for (u8 *t = p->tag; t != p->tag + 3; ++t) h += *t; }
  u32 *m = arr; for (int i = 1; i < 6; i++) m = maxp(m, arr + i); h = h * 7 + (u64)(m - arr) + *m;
  u8 *bp = (u8 *)arr; for (unsigned i = 0; i < sizeof arr; i++) h = h * 3 + bp[i]; bp[3] = 9; h += arr[0];
  u16 *w = (u16 *)mem; for (u64 i = 0; i < len / 2; i++) { h ^= (u64)w[i] << (i & 31); w[i] += (u16)i; } u32 *x = (u32 *)(mem + 1); if (len > 8) { *x = *x * 3 + 1; x++; h += *x--; h += x[0]; (*x)++; h += -1[x + 1]; }
  void *v = mem; h += *((u8 *)v + 2) + (v == mem) + !v + ((u64)(mem + 5) - (u64)mem); return h;
}
