struct bits { const u8 *p; u64 n; u32 acc; int have; };
static u32 get(struct bits *b, int k) { while (b->have < k) { b->acc |= (b->n ? (b->n--, (u32)*b->p++) : 0u) << b->have; b->have += 8; } u32 v = b->acc & ((1u << k) - 1); b->acc >>= k; b->have -= k; return v; }
u64 entry(u8 *mem, u64 len) {
  u16 count[16] = {}, offs[16]; u8 lens[32], sym[32] = {0}; struct bits b = { .p = mem, .n = len }; u64 h = 0;
  for (int i = 0; i < 32; i++) { lens[i] = get(&b, 3); count[lens[i]]++; }
  count[0] = 0; offs[1] = 0; for (int i = 1; i < 15; i++) offs[i + 1] = offs[i] + count[i];
  for (u8 s = 0; s < 32; s++) if (lens[s]) sym[offs[lens[s]]++ & 31] = s;
  for (int k = 0; k < 40; k++) { int code = 0, first = 0, index = 0, l; for (l = 1; l <= 7; l++) { code |= get(&b, 1); int c = count[l]; if (code - c < first) { h = h * 33 + sym[(index + (code - first)) & 31]; break; } index += c; first += c; first <<= 1; code <<= 1; } h += l; }
  return h;
}
