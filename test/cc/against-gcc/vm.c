enum { OP_PUSH, OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_DUP, OP_SWAP, OP_JNZ, OP_ROT, OP_NEG, OP_LD, OP_ST, OP_XOR, OP_SHL, OP_NOP, OP_HALT };
u64 entry(u8 *mem, u64 len) {
  s32 st[16] = {0}; s64 regs[4] = {}; u32 sp = 0, pc = 0, steps = 0;
  while (pc < len && steps++ < 500) {
    u8 ins = mem[pc++];
    s32 *top = &st[(sp - 1) & 15], *sec = &st[(sp - 2) & 15];
    switch (ins & 15) {
    case OP_PUSH: st[sp++ & 15] = (s8)(ins & 0xf0) >> 4; break;
    case OP_ADD: *sec += *top; sp--; break;
    case OP_SUB: *sec -= *top; sp--; break;
    case OP_MUL: *sec = (s32)((u32)*sec * (u32)*top); --sp; break;
    case OP_DIV: if (*top && !(*sec == (-2147483647 - 1) && *top == -1)) { s32 q = *sec / *top, r = *sec % *top; *sec = q * 7 + r; } sp--; break;
    case OP_DUP: st[sp & 15] = *top; sp++; break;
    case OP_SWAP: { s32 t = *top; *top = *sec; *sec = t; } break;
    case OP_JNZ: if (*top) { pc += (s8)ins >> 4; if ((s32)pc < 0) pc = 0; *top -= 1; } break;
    case OP_ROT: *top = (s32)((u32)*top << (ins >> 4) | (u32)*top >> ((32 - (ins >> 4)) & 31)); break;
    case OP_NEG: *top = -*top; break;
    case OP_LD: st[sp++ & 15] = (s32)regs[ins >> 4 & 3]; break;
    case OP_ST: regs[ins >> 4 & 3] += *top; break;
    case OP_XOR: *sec ^= *top; sp--; break;
    case OP_SHL: *top <<= (ins >> 4); break;
    case OP_HALT: if ((ins >> 4) == 15) goto done; /* fall through */
    default: regs[3] ^= steps;
    }
  }
done:;
  u64 h = sp; for (int i = 0; i < 16; i++) h = (h ^ (u32)st[i]) * 0x100000001b3ULL;
  for (int i = 0; i < 4; i++) h = (h ^ (u64)regs[i]) * 0x100000001b3ULL;
  return h + pc + ((u64)steps << 40);
}
