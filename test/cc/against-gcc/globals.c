static int counter; int shared = 42; static const u16 tab[] = { 1, 1, 2, 3, 5, 8, 13, 21, 34, 55 }; static u8 buf[64]; const char msg[] = "hello, world"; static struct { int a; u8 b[3]; u64 c; } g = { .a = -7, .b = { 1, 2 }, .c = 1ULL << 40 }; static u64 zero[4]; volatile u32 vol = 5; static s64 neg = -1; enum { A = 3, B, C = A << 2 | 1 }; static int arr2[2][3] = { 1, 2, 3, [1][1] = 9 };
static int bump(void) { static int calls = 10; return calls += 3; }
u64 entry(u8 *mem, u64 len) {
  counter = 0; shared = 42; g.a = -7; zero[1] = 0; vol = 5; 
  u64 h = bump() * 0; for (u64 i = 0; i < len; i++) { counter += mem[i]; buf[i & 63] = mem[i] ^ msg[i % (sizeof msg - 1)]; shared ^= tab[mem[i] % 10]; g.a += g.b[i % 3]; zero[i & 3] = g.c + i; vol += vol & 1; }
  for (int i = 0; i < 64 && (u64)i < len; i++) h = h * 31 + buf[i]; h += neg + arr2[1][1] * 100 + arr2[0][2] * 10 + arr2[1][0];
  return h * 7 + counter + shared + g.a + zero[1] + vol + A + B * 2 + C * 3 + sizeof tab + sizeof g;
}
