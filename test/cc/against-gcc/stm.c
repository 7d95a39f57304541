/* Regular expression by backtracking with an explicit stack, UTF-16 surrogates, a TCP-like state machine, varints, Luhn, bit matrix. */
#define STATES(X) X(CLOSED) X(LISTEN) X(SYN_SENT) X(SYN_RCVD) X(ESTABLISHED) X(FIN_WAIT) X(CLOSING)
#define AS_ENUM(s) S_##s,
#define AS_LEN(s) sizeof(#s),
enum state { STATES(AS_ENUM) S_MAX };
static const u8 lens[S_MAX] = { STATES(AS_LEN) };
struct conn { enum state s : 4; u8 retries : 4; u16 port; u32 seq, ack; };
static enum state step(struct conn *c, u8 ev) {
  static const s8 next[S_MAX][4] = { [S_CLOSED] = { S_LISTEN, S_SYN_SENT, -1, -1 }, [S_LISTEN] = { -1, S_SYN_RCVD, S_SYN_SENT, S_CLOSED }, [S_SYN_SENT] = { S_ESTABLISHED, S_SYN_RCVD, -1, S_CLOSED }, [S_SYN_RCVD] = { S_ESTABLISHED, -1, S_FIN_WAIT, S_LISTEN }, [S_ESTABLISHED] = { S_ESTABLISHED, -1, S_FIN_WAIT, S_CLOSING }, [S_FIN_WAIT ... S_CLOSING] = { S_CLOSING, -1, S_CLOSED, S_CLOSED } };
  s8 n = next[c->s][ev & 3]; if (n < 0) { if (++c->retries == 0) c->port ^= ev; } else { c->s = n; c->seq += lens[c->s] * ev; } c->ack = (c->ack << 5 | c->ack >> 27) + c->seq; return c->s;
}
static int match(const u8 *re, const u8 *s, u64 n) { struct { u8 r, i; } st[24]; int sp = 0; u8 r = 0, i = 0; for (int fuel = 0; fuel < 300; fuel++) { if (!re[r]) return i; if (re[r + 1] == '*') { if (i < n && (re[r] == '.' || (s[i] & 7) + 'a' == re[r])) { if (sp < 24) { st[sp].r = r + 2; st[sp++].i = i; } i++; continue; } r += 2; continue; } if (i < n && (re[r] == '.' || (s[i] & 7) + 'a' == re[r])) { r++; i++; continue; } if (!sp) return -1; sp--; r = st[sp].r; i = st[sp].i; } return -2; }
static u64 varint(const u8 **p, const u8 *end) { u64 v = 0; for (u32 s = 0; *p < end && s < 64; s += 7) { u8 b = *(*p)++; v |= (u64)(b & 0x7f) << s; if (!(b & 0x80)) break; } return v; }
static s64 zigzag(u64 v) { return (s64)(v >> 1) ^ -(s64)(v & 1); }
u64 entry(u8 *mem, u64 len) {
  struct conn c = { 0 }; u64 h = 0; for (u64 i = 0; i < len; i++) h = h * 5 + step(&c, mem[i]) + c.retries; h ^= (u64)c.ack << 20 ^ c.port;
  h = h * 31 + match((const u8 *)"a*b.*c", mem, len) + match((const u8 *)".*d*e", mem, len > 20 ? 20 : len) * 100;
  const u8 *p = mem, *end = mem + len; while (p < end) h = (h << 3 | h >> 61) + zigzag(varint(&p, end));
  u64 rows[8]; for (int i = 0; i < 8; i++) { rows[i] = 0; for (int j = 0; j < 8; j++) rows[i] |= (u64)mem[(i * 8 + j) % len] << (8 * j); } for (int k = 0; k < 8; k++) for (int i = 0; i < 8; i++) if (rows[i] >> (k * 9 & 63) & 1) rows[i] |= rows[k]; for (int i = 0; i < 8; i++) h ^= rows[i] * (2 * i + 1);
  u32 sum = 0; for (u64 i = 0; i < len; i++) { u32 d = mem[len - 1 - i] % 10; if (i & 1) { d *= 2; if (d > 9) d -= 9; } sum += d; } h += sum % 10 == 0 ? 1000 : sum;
  for (u64 i = 0; i + 3 < len; i += 4) { u16 hi = mem[i] << 8 | mem[i + 1], lo = mem[i + 2] << 8 | mem[i + 3]; if (hi >= 0xd800 && hi < 0xdc00 && (lo & 0xfc00) == 0xdc00) h += 0x10000 + ((u32)(hi & 0x3ff) << 10 | (lo & 0x3ff)); else h ^= hi; *(u16 *)(mem + i) = __builtin_bswap16(lo); }
  return h;
}
