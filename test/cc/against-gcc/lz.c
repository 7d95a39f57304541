/* LZ77-like decode and RLE encode, binary search, ring buffer, priority queue, bit reversal, union punning, nested macros. */
enum kind { LIT, COPY = 5, RLE, END = 0x7fffffff };
typedef enum kind kind_t;
struct op { kind_t kind; union { struct { u8 len, off; } c; u16 raw; u8 lit; }; };
struct ring { u8 buf[16]; u8 head, tail; };
static inline _Bool push(struct ring *r, u8 v) { u8 n = (r->head + 1) & 15; if (n == r->tail) return 0; r->buf[r->head] = v; r->head = n; return 1; }
static inline int pop(struct ring *r) { if (r->head == r->tail) return -1; int v = r->buf[r->tail]; r->tail = (r->tail + 1) % 16; return v; }
static struct op decode(const u8 *p) { struct op o = { .kind = *p & 1 ? COPY : *p & 2 ? RLE : LIT }; if (o.kind == COPY) { o.c.len = 1 + (p[0] >> 5); o.c.off = 1 + (p[1] & 15); } else o.raw = p[1]; return o; }
static const struct { const u16 key; s32 val; } tab[] = { { 3, -1 }, { 17, 2 }, { 18, -3 }, { 99, 4 }, { 140, -5 }, { 141, 6 }, { 250, -7 } };
static s32 find(u16 k) { u32 lo = 0, hi = sizeof(tab) / sizeof(*tab); while (lo < hi) { u32 mid = lo + (hi - lo) / 2; if (tab[mid].key < k) lo = mid + 1; else hi = mid; } return lo < 7 && tab[lo].key == k ? tab[lo].val : 0; }
static u32 rev(u32 x) { x = (x & 0x55555555) << 1 | (x >> 1 & 0x55555555); x = (x & 0x33333333) << 2 | (x >> 2 & 0x33333333); x = (x & 0x0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f); return __builtin_bswap32(x); }
u64 entry(u8 *mem, u64 len) {
  u8 out[64] = { 0 }; u32 n = 0; u64 h = 0; struct ring r = { .tail = 0 };
  for (u64 i = 0; i + 1 < len && n < sizeof out; i += 2) {
    struct op o = decode(&mem[i]);
    switch (o.kind) {
    case LIT: out[n++] = o.lit; if (!push(&r, o.lit)) h += pop(&r); break;
    case COPY: for (u8 k = 0; k < o.c.len && n < 64; k++, n++) out[n] = o.c.off <= n ? out[n - o.c.off] : 0xee; break;
    case RLE: { u8 c = o.lit >> 4; do { if (n >= 64) goto full; out[n++] = o.lit; } while (c--); break; }
    case END: default: h = -1; }
  }
full:
  for (int v; (v = pop(&r)) >= 0;) h = h * 31 + v;
  for (u32 i = 0; i < n; i++) h = (h ^ out[i]) * 1099511628211ull + find(out[i]) + rev(h);
  u32 heap[16], hn = 0; for (u32 i = 0; i < n && hn < 16; i++) { u32 c = hn++; heap[c] = out[i]; while (c && heap[(c - 1) >> 1] > heap[c]) { u32 t = heap[c]; heap[c] = heap[(c - 1) >> 1]; heap[(c - 1) >> 1] = t; c = (c - 1) >> 1; } }
  while (hn) { h = h * 7 + heap[0]; heap[0] = heap[--hn]; for (u32 c = 0;;) { u32 l = 2 * c + 1, m = c; if (l < hn && heap[l] < heap[m]) m = l; if (l + 1 < hn && heap[l + 1] < heap[m]) m = l + 1; if (m == c) break; u32 t = heap[m]; heap[m] = heap[c]; heap[c] = t; c = m; } }
  return h;
}
