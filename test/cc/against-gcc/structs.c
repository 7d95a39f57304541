struct in { u8 a; u16 b; u32 c; u64 d; };
struct pk { u8 a; u16 b; u32 c; u64 d; } __attribute__((packed));
struct nest { struct in x[2]; union { struct { u16 lo, hi; }; u32 both; }; struct pk p; s32 :5; s32 f : 7; u32 g : 20; };
static struct in mk(u64 v) { struct in r = { .d = v, .a = (u8)v, .b = (u16)(v >> 8), .c = (u32)(v >> 3) }; return r; }
static struct in add(struct in l, struct in r) { l.a += r.a; l.b += r.b; l.c += r.c; l.d += r.d; return l; }
static u64 hash(const struct nest *n) { u64 h = 0; for (int i = 0; i < 2; i++) h = h * 31 + n->x[i].a + n->x[i].b * 3u + n->x[i].c * 5ull + n->x[i].d * 7; return h * 13 + n->lo * 3 + n->hi + n->p.a + n->p.b + n->p.c + n->p.d + n->f * 1000 + n->g; }
u64 entry(u8 *mem, u64 len) {
  struct nest n = { .x = { [1] = { 1, 2, 3, 4 } }, .both = 0x12345678, .f = -3, .g = 0xfffff };
  u64 v = 0; for (u64 i = 0; i < len; i++) { v = v * 257 + mem[i]; struct in t = mk(v); n.x[i & 1] = add(n.x[i & 1], t); n.p = (struct pk){ t.a, t.b, t.c, t.d }; n.lo += mem[i]; n.f += mem[i]; n.g -= n.f; }
  struct nest m = n, *pm = &m; pm->x[0] = pm->x[1]; pm->both ^= n.both << 3;
  struct pk *pp = (struct pk *)(mem + 1); if (len >= 1 + sizeof *pp) { *pp = n.p; pp->d ^= m.both; pp->c += pp->b; }
  return hash(&n) ^ hash(pm) * 3 ^ sizeof(struct nest) << 50 ^ __builtin_offsetof(struct nest, p) ^ (n.x[0].d > m.x[0].d ? n : m).x[1].c;
}
