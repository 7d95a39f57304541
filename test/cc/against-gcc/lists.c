struct node { u16 next; u8 key; u8 colour; s32 val; };
u64 entry(u8 *mem, u64 len) {
  struct node pool[24]; u16 heads[8]; u16 used = 1; u64 h = 0;
  for (int i = 0; i < 8; i++) heads[i] = 0;
  __builtin_memset(pool, 0xee, sizeof pool);
  for (u64 i = 0; i < len; i++) {
    u8 k = mem[i] & 31; u16 *link = &heads[k & 7], cur;
    while ((cur = *link) && pool[cur].key < k) link = &pool[cur].next;
    if (cur && pool[cur].key == k) { pool[cur].val += (s32)i - mem[i]; if (mem[i] & 64) { *link = pool[cur].next; h += 13; } }
    else if (used < 24) { struct node *n = &pool[used]; *n = (struct node){ .next = cur, .key = k, .val = mem[i] }; *link = used++; }
    else h ^= i;
  }
  for (int b = 0; b < 8; b++) for (u16 c = heads[b]; c; c = pool[c].next) h = h * 31 + pool[c].key + (u32)pool[c].val * 3u + pool[c].colour;
  return h;
}
