// Printed by bindings/engine/opcodes-header.ts from core/isa/ops.ts; do not edit.
// The numbers that belong to Linux, compared with the machine's own header.
#pragma once
#include <linux/bpf.h>

static_assert(BPF_LD == 0x0);
static_assert(BPF_LDX == 0x1);
static_assert(BPF_ST == 0x2);
static_assert(BPF_STX == 0x3);
static_assert(BPF_ALU == 0x4);
static_assert(BPF_JMP == 0x5);
static_assert(BPF_ALU64 == 0x7);
static_assert(BPF_K == 0x0);
static_assert(BPF_X == 0x8);
static_assert(BPF_IMM == 0x0);
static_assert(BPF_ABS == 0x20);
static_assert(BPF_IND == 0x40);
static_assert(BPF_MEM == 0x60);
static_assert(BPF_W == 0x0);
static_assert(BPF_H == 0x8);
static_assert(BPF_B == 0x10);
static_assert(BPF_DW == 0x18);
static_assert(BPF_ADD == 0x0);
static_assert(BPF_SUB == 0x10);
static_assert(BPF_MUL == 0x20);
static_assert(BPF_DIV == 0x30);
static_assert(BPF_OR == 0x40);
static_assert(BPF_AND == 0x50);
static_assert(BPF_LSH == 0x60);
static_assert(BPF_RSH == 0x70);
static_assert(BPF_NEG == 0x80);
static_assert(BPF_MOD == 0x90);
static_assert(BPF_XOR == 0xa0);
static_assert(BPF_MOV == 0xb0);
static_assert(BPF_ARSH == 0xc0);
static_assert(BPF_END == 0xd0);
static_assert(BPF_JA == 0x0);
static_assert(BPF_JEQ == 0x10);
static_assert(BPF_JGT == 0x20);
static_assert(BPF_JGE == 0x30);
static_assert(BPF_JSET == 0x40);
static_assert(BPF_JNE == 0x50);
static_assert(BPF_JSGT == 0x60);
static_assert(BPF_JSGE == 0x70);
static_assert(BPF_CALL == 0x80);
static_assert(BPF_EXIT == 0x90);

#ifdef BPF_JMP32
static_assert(BPF_JMP32 == 0x6);
#endif
#ifdef BPF_MEMSX
static_assert(BPF_MEMSX == 0x80);
#endif
#ifdef BPF_ATOMIC
static_assert(BPF_ATOMIC == 0xc0);
#endif
#ifdef BPF_JLT
static_assert(BPF_JLT == 0xa0);
#endif
#ifdef BPF_JLE
static_assert(BPF_JLE == 0xb0);
#endif
#ifdef BPF_JSLT
static_assert(BPF_JSLT == 0xc0);
#endif
#ifdef BPF_JSLE
static_assert(BPF_JSLE == 0xd0);
#endif
#ifdef BPF_JCOND
static_assert(BPF_JCOND == 0xe0);
#endif
#ifdef BPF_XCHG
static_assert(BPF_XCHG == 0xe1);
#endif
#ifdef BPF_CMPXCHG
static_assert(BPF_CMPXCHG == 0xf1);
#endif
#ifdef BPF_LOAD_ACQ
static_assert(BPF_LOAD_ACQ == 0x100);
#endif
#ifdef BPF_STORE_REL
static_assert(BPF_STORE_REL == 0x110);
#endif
#ifdef BPF_PSEUDO_MAP_FD
static_assert(BPF_PSEUDO_MAP_FD == 0x1);
#endif
#ifdef BPF_PSEUDO_MAP_VALUE
static_assert(BPF_PSEUDO_MAP_VALUE == 0x2);
#endif
#ifdef BPF_PSEUDO_BTF_ID
static_assert(BPF_PSEUDO_BTF_ID == 0x3);
#endif
#ifdef BPF_PSEUDO_FUNC
static_assert(BPF_PSEUDO_FUNC == 0x4);
#endif
#ifdef BPF_PSEUDO_MAP_IDX
static_assert(BPF_PSEUDO_MAP_IDX == 0x5);
#endif
#ifdef BPF_PSEUDO_MAP_IDX_VALUE
static_assert(BPF_PSEUDO_MAP_IDX_VALUE == 0x6);
#endif
#ifdef BPF_PSEUDO_CALL
static_assert(BPF_PSEUDO_CALL == 0x1);
#endif
#ifdef BPF_PSEUDO_KFUNC_CALL
static_assert(BPF_PSEUDO_KFUNC_CALL == 0x2);
#endif
