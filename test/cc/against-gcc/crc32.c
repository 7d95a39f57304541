static u32 table[256];
static void init(void) { for (u32 i = 0; i < 256; i++) { u32 c = i; for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1; table[i] = c; } }
u64 entry(u8 *mem, u64 len) {
  u32 c = ~0u; u64 n = 0;
  init();
  while (n < len) c = table[(c ^ mem[n++]) & 0xff] ^ (c >> 8);
  c = ~c;
  u16 crc16 = 0xffff;
  for (n = 0; n < len; n++) { crc16 ^= (u16)mem[n] << 8; for (u8 b = 0; b < 8; ++b) crc16 = crc16 & 0x8000 ? (crc16 << 1) ^ 0x1021 : crc16 << 1; }
  return (u64)c << 16 | crc16;
}
