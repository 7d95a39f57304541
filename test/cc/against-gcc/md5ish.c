typedef struct { u32 s[4]; u64 n; union { u8 b[64]; u32 w[16]; } buf; } ctx_t;
#define F(x,y,z) (((x)&(y))|(~(x)&(z)))
#define G(x,y,z) (((x)&(z))|((y)&~(z)))
#define STEP(f,a,b,c,d,x,t,s) (a) += f((b),(c),(d)) + (x) + (t); (a) = (((a) << (s)) | (((a) & 0xffffffff) >> (32 - (s)))); (a) += (b);
static void block(ctx_t *c) {
  u32 a = c->s[0], b = c->s[1], cc = c->s[2], d = c->s[3];
  STEP(F,a,b,cc,d,c->buf.w[0],0xd76aa478,7) STEP(F,d,a,b,cc,c->buf.w[1],0xe8c7b756,12) STEP(F,cc,d,a,b,c->buf.w[2],0x242070db,17) STEP(F,b,cc,d,a,c->buf.w[3],0xc1bdceee,22)
  STEP(G,a,b,cc,d,c->buf.w[1],0xf61e2562,5) STEP(G,d,a,b,cc,c->buf.w[6],0xc040b340,9) STEP(G,cc,d,a,b,c->buf.w[11],0x265e5a51,14) STEP(G,b,cc,d,a,c->buf.w[0],0xe9b6c7aa,20)
  c->s[0]+=a; c->s[1]+=b; c->s[2]+=cc; c->s[3]+=d;
}
static void update(ctx_t *c, const u8 *p, u64 n) { while (n--) { c->buf.b[c->n++ & 63] = *p++; if (!(c->n & 63)) block(c); } }
u64 entry(u8 *mem, u64 len) {
  ctx_t c = { .s = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 } };
  update(&c, mem, len); update(&c, (const u8 *)"abc", 3); { u8 pad = 0x80; update(&c, &pad, 1); pad = 0; while ((c.n & 63) != 56) update(&c, &pad, 1); }
  u64 bits = c.n * 8; update(&c, (u8*)&bits, 8);
  return ((u64)c.s[0] << 32 | c.s[1]) ^ ((u64)c.s[2] << 17 | c.s[3]);
}
