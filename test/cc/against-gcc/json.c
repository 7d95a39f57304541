enum tok { T_END, T_LB = '{', T_RB = '}', T_NUM = 256, T_STR, T_ERR = -1 };
struct lexer { const u8 *p, *end; s64 num; u32 slen; };
static int next(struct lexer *l) {
again:
  if (l->p >= l->end) return T_END;
  u8 c = *l->p++;
  switch (c) {
  case ' ': case '\t': case '\n': case '\r': goto again;
  case '{': case '}': case '[': case ']': case ':': case ',': return c;
  case '-': case '0' ... '9': {
    s64 v = 0; int neg = c == '-'; if (neg) { if (l->p >= l->end) return T_ERR; c = *l->p++; }
    for (; c >= '0' && c <= '9'; c = *l->p++) { v = v * 10 + (c - '0'); if (l->p >= l->end) break; }
    l->num = neg ? -v : v; return T_NUM; }
  case '"': { u32 n = 0; while (l->p < l->end && *l->p != '"') { if (*l->p == '\\' && l->p + 1 < l->end) l->p++; l->p++; n++; } l->slen = n; if (l->p < l->end) l->p++; return T_STR; }
  case 0x80 ... 0xff: return T_ERR;
  default: if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') { while (l->p < l->end && (*l->p | 32) >= 'a' && (*l->p | 32) <= 'z') l->p++; return 'i'; }
  }
  return T_ERR;
}
u64 entry(u8 *mem, u64 len) {
  struct lexer l = { mem, mem + len }; u64 h = 5381; int depth = 0, t, errs = 0;
  for (u64 i = 0; i < len; i++) mem[i] = "{}[]:,-0123 \"\\ab"[mem[i] & 15];
  while ((t = next(&l)) != T_END) {
    h = h * 33 ^ (u32)t;
    if (t == T_NUM) h += l.num; else if (t == T_STR) h -= l.slen; else if (t == T_ERR) { if (++errs > 100) break; }
    depth += t == '{' || t == '['; depth -= t == '}' || t == ']'; h ^= (u64)(s64)depth << 3;
  }
  return h;
}
