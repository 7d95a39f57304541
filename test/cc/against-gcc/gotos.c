u64 entry(u8 *mem, u64 len) {
  u64 i = 0, a = 1, b = 0; int state = 0;
start:
  if (i >= len) goto end;
  switch (state) { case 0: goto s0; case 1: goto s1; case 2: goto s2; default: goto s3; }
s0: a += mem[i]; state = mem[i] & 3; i++; goto start;
s1: do { b ^= a << (mem[i] & 7); if (mem[i] & 128) { state = 2; i++; goto start; } i++; } while (i < len); goto end;
s2: for (;;) { if (i >= len) break; if (mem[i] == 0) { state = 3; break; } if (mem[i] & 1) { i += 1; continue; } a = a * 5 - mem[i++]; if (a & 8) { state = 0; goto start; } }
  goto start;
s3: i += 1; { u64 t = a; a = b; b = t; } state = (state + (int)(a % 3)) % 4; if (a & 1) goto s0_maybe; goto start;
s0_maybe: if (i < len) goto s0;
end:
  return a * 1000003 ^ b ^ i ^ (u64)state << 60;
}
