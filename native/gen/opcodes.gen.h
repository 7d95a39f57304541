// Printed by bindings/engine/opcodes-header.ts from core/isa/ops.ts; do not edit.
// The names of some operators (and, or, xor) are operators of C++ too: paste them to something, never use them alone.
#pragma once
#include <cstdint>

namespace skep::isa {

// A field that any value will do for.
inline constexpr int32_t kAny = INT32_MIN;

enum AluOp { op_add, op_sub, op_mul, op_div, op_or, op_and, op_lsh, op_rsh, op_neg, op_mod, op_xor, op_mov, op_arsh, op_sdiv, op_smod, op_movsx8, op_movsx16, op_movsx32 };
enum JumpOp { op_jeq, op_jgt, op_jge, op_jset, op_jne, op_jsgt, op_jsge, op_jlt, op_jle, op_jslt, op_jsle };
enum AtomicOp { op_atomic_add, op_atomic_or, op_atomic_and, op_atomic_xor, op_atomic_fetch_add, op_atomic_fetch_or, op_atomic_fetch_and, op_atomic_fetch_xor, op_atomic_xchg, op_atomic_cmpxchg };
enum Class { class_ld = 0, class_ldx = 1, class_st = 2, class_stx = 3, class_alu = 4, class_jmp = 5, class_jmp32 = 6, class_alu64 = 7 };

}  // namespace skep::isa

// Every form: name, opcode byte, and what src, off and imm must be.
#define SKEP_FORMS(X) \
  X(alu64_add_k, 0x07, kAny, 0, kAny) \
  X(alu64_add_x, 0x0f, kAny, 0, kAny) \
  X(alu64_sub_k, 0x17, kAny, 0, kAny) \
  X(alu64_sub_x, 0x1f, kAny, 0, kAny) \
  X(alu64_mul_k, 0x27, kAny, 0, kAny) \
  X(alu64_mul_x, 0x2f, kAny, 0, kAny) \
  X(alu64_div_k, 0x37, kAny, 0, kAny) \
  X(alu64_div_x, 0x3f, kAny, 0, kAny) \
  X(alu64_or_k, 0x47, kAny, 0, kAny) \
  X(alu64_or_x, 0x4f, kAny, 0, kAny) \
  X(alu64_and_k, 0x57, kAny, 0, kAny) \
  X(alu64_and_x, 0x5f, kAny, 0, kAny) \
  X(alu64_lsh_k, 0x67, kAny, 0, kAny) \
  X(alu64_lsh_x, 0x6f, kAny, 0, kAny) \
  X(alu64_rsh_k, 0x77, kAny, 0, kAny) \
  X(alu64_rsh_x, 0x7f, kAny, 0, kAny) \
  X(alu64_neg, 0x87, kAny, 0, kAny) \
  X(alu64_mod_k, 0x97, kAny, 0, kAny) \
  X(alu64_mod_x, 0x9f, kAny, 0, kAny) \
  X(alu64_xor_k, 0xa7, kAny, 0, kAny) \
  X(alu64_xor_x, 0xaf, kAny, 0, kAny) \
  X(alu64_mov_k, 0xb7, kAny, 0, kAny) \
  X(alu64_mov_x, 0xbf, kAny, 0, kAny) \
  X(alu64_arsh_k, 0xc7, kAny, 0, kAny) \
  X(alu64_arsh_x, 0xcf, kAny, 0, kAny) \
  X(alu64_sdiv_k, 0x37, kAny, 1, kAny) \
  X(alu64_sdiv_x, 0x3f, kAny, 1, kAny) \
  X(alu64_smod_k, 0x97, kAny, 1, kAny) \
  X(alu64_smod_x, 0x9f, kAny, 1, kAny) \
  X(alu64_movsx8_x, 0xbf, kAny, 8, kAny) \
  X(alu64_movsx16_x, 0xbf, kAny, 16, kAny) \
  X(alu64_movsx32_x, 0xbf, kAny, 32, kAny) \
  X(alu32_add_k, 0x04, kAny, 0, kAny) \
  X(alu32_add_x, 0x0c, kAny, 0, kAny) \
  X(alu32_sub_k, 0x14, kAny, 0, kAny) \
  X(alu32_sub_x, 0x1c, kAny, 0, kAny) \
  X(alu32_mul_k, 0x24, kAny, 0, kAny) \
  X(alu32_mul_x, 0x2c, kAny, 0, kAny) \
  X(alu32_div_k, 0x34, kAny, 0, kAny) \
  X(alu32_div_x, 0x3c, kAny, 0, kAny) \
  X(alu32_or_k, 0x44, kAny, 0, kAny) \
  X(alu32_or_x, 0x4c, kAny, 0, kAny) \
  X(alu32_and_k, 0x54, kAny, 0, kAny) \
  X(alu32_and_x, 0x5c, kAny, 0, kAny) \
  X(alu32_lsh_k, 0x64, kAny, 0, kAny) \
  X(alu32_lsh_x, 0x6c, kAny, 0, kAny) \
  X(alu32_rsh_k, 0x74, kAny, 0, kAny) \
  X(alu32_rsh_x, 0x7c, kAny, 0, kAny) \
  X(alu32_neg, 0x84, kAny, 0, kAny) \
  X(alu32_mod_k, 0x94, kAny, 0, kAny) \
  X(alu32_mod_x, 0x9c, kAny, 0, kAny) \
  X(alu32_xor_k, 0xa4, kAny, 0, kAny) \
  X(alu32_xor_x, 0xac, kAny, 0, kAny) \
  X(alu32_mov_k, 0xb4, kAny, 0, kAny) \
  X(alu32_mov_x, 0xbc, kAny, 0, kAny) \
  X(alu32_arsh_k, 0xc4, kAny, 0, kAny) \
  X(alu32_arsh_x, 0xcc, kAny, 0, kAny) \
  X(alu32_sdiv_k, 0x34, kAny, 1, kAny) \
  X(alu32_sdiv_x, 0x3c, kAny, 1, kAny) \
  X(alu32_smod_k, 0x94, kAny, 1, kAny) \
  X(alu32_smod_x, 0x9c, kAny, 1, kAny) \
  X(alu32_movsx8_x, 0xbc, kAny, 8, kAny) \
  X(alu32_movsx16_x, 0xbc, kAny, 16, kAny) \
  X(le16, 0xd4, kAny, kAny, 16) \
  X(le32, 0xd4, kAny, kAny, 32) \
  X(le64, 0xd4, kAny, kAny, 64) \
  X(be16, 0xdc, kAny, kAny, 16) \
  X(be32, 0xdc, kAny, kAny, 32) \
  X(be64, 0xdc, kAny, kAny, 64) \
  X(bswap16, 0xd7, kAny, kAny, 16) \
  X(bswap32, 0xd7, kAny, kAny, 32) \
  X(bswap64, 0xd7, kAny, kAny, 64) \
  X(ldx_w, 0x61, kAny, kAny, kAny) \
  X(st_w, 0x62, kAny, kAny, kAny) \
  X(stx_w, 0x63, kAny, kAny, kAny) \
  X(ldsx_w, 0x81, kAny, kAny, kAny) \
  X(ld_abs_w, 0x20, kAny, kAny, kAny) \
  X(ld_ind_w, 0x40, kAny, kAny, kAny) \
  X(atomic_w_add, 0xc3, kAny, kAny, 0) \
  X(atomic_w_or, 0xc3, kAny, kAny, 64) \
  X(atomic_w_and, 0xc3, kAny, kAny, 80) \
  X(atomic_w_xor, 0xc3, kAny, kAny, 160) \
  X(atomic_w_fetch_add, 0xc3, kAny, kAny, 1) \
  X(atomic_w_fetch_or, 0xc3, kAny, kAny, 65) \
  X(atomic_w_fetch_and, 0xc3, kAny, kAny, 81) \
  X(atomic_w_fetch_xor, 0xc3, kAny, kAny, 161) \
  X(atomic_w_xchg, 0xc3, kAny, kAny, 225) \
  X(atomic_w_cmpxchg, 0xc3, kAny, kAny, 241) \
  X(atomic_w_load_acq, 0xc3, kAny, kAny, 256) \
  X(atomic_w_store_rel, 0xc3, kAny, kAny, 272) \
  X(ldx_h, 0x69, kAny, kAny, kAny) \
  X(st_h, 0x6a, kAny, kAny, kAny) \
  X(stx_h, 0x6b, kAny, kAny, kAny) \
  X(ldsx_h, 0x89, kAny, kAny, kAny) \
  X(ld_abs_h, 0x28, kAny, kAny, kAny) \
  X(ld_ind_h, 0x48, kAny, kAny, kAny) \
  X(atomic_h_load_acq, 0xcb, kAny, kAny, 256) \
  X(atomic_h_store_rel, 0xcb, kAny, kAny, 272) \
  X(ldx_b, 0x71, kAny, kAny, kAny) \
  X(st_b, 0x72, kAny, kAny, kAny) \
  X(stx_b, 0x73, kAny, kAny, kAny) \
  X(ldsx_b, 0x91, kAny, kAny, kAny) \
  X(ld_abs_b, 0x30, kAny, kAny, kAny) \
  X(ld_ind_b, 0x50, kAny, kAny, kAny) \
  X(atomic_b_load_acq, 0xd3, kAny, kAny, 256) \
  X(atomic_b_store_rel, 0xd3, kAny, kAny, 272) \
  X(ldx_dw, 0x79, kAny, kAny, kAny) \
  X(st_dw, 0x7a, kAny, kAny, kAny) \
  X(stx_dw, 0x7b, kAny, kAny, kAny) \
  X(atomic_dw_add, 0xdb, kAny, kAny, 0) \
  X(atomic_dw_or, 0xdb, kAny, kAny, 64) \
  X(atomic_dw_and, 0xdb, kAny, kAny, 80) \
  X(atomic_dw_xor, 0xdb, kAny, kAny, 160) \
  X(atomic_dw_fetch_add, 0xdb, kAny, kAny, 1) \
  X(atomic_dw_fetch_or, 0xdb, kAny, kAny, 65) \
  X(atomic_dw_fetch_and, 0xdb, kAny, kAny, 81) \
  X(atomic_dw_fetch_xor, 0xdb, kAny, kAny, 161) \
  X(atomic_dw_xchg, 0xdb, kAny, kAny, 225) \
  X(atomic_dw_cmpxchg, 0xdb, kAny, kAny, 241) \
  X(atomic_dw_load_acq, 0xdb, kAny, kAny, 256) \
  X(atomic_dw_store_rel, 0xdb, kAny, kAny, 272) \
  X(ld_imm64_imm, 0x18, 0, kAny, kAny) \
  X(ld_imm64_map_fd, 0x18, 1, kAny, kAny) \
  X(ld_imm64_map_value, 0x18, 2, kAny, kAny) \
  X(ld_imm64_btf_id, 0x18, 3, kAny, kAny) \
  X(ld_imm64_func, 0x18, 4, kAny, kAny) \
  X(ld_imm64_map_idx, 0x18, 5, kAny, kAny) \
  X(ld_imm64_map_idx_value, 0x18, 6, kAny, kAny) \
  X(ja, 0x05, kAny, kAny, kAny) \
  X(jmp_jeq_k, 0x15, kAny, kAny, kAny) \
  X(jmp32_jeq_k, 0x16, kAny, kAny, kAny) \
  X(jmp_jeq_x, 0x1d, kAny, kAny, kAny) \
  X(jmp32_jeq_x, 0x1e, kAny, kAny, kAny) \
  X(jmp_jgt_k, 0x25, kAny, kAny, kAny) \
  X(jmp32_jgt_k, 0x26, kAny, kAny, kAny) \
  X(jmp_jgt_x, 0x2d, kAny, kAny, kAny) \
  X(jmp32_jgt_x, 0x2e, kAny, kAny, kAny) \
  X(jmp_jge_k, 0x35, kAny, kAny, kAny) \
  X(jmp32_jge_k, 0x36, kAny, kAny, kAny) \
  X(jmp_jge_x, 0x3d, kAny, kAny, kAny) \
  X(jmp32_jge_x, 0x3e, kAny, kAny, kAny) \
  X(jmp_jset_k, 0x45, kAny, kAny, kAny) \
  X(jmp32_jset_k, 0x46, kAny, kAny, kAny) \
  X(jmp_jset_x, 0x4d, kAny, kAny, kAny) \
  X(jmp32_jset_x, 0x4e, kAny, kAny, kAny) \
  X(jmp_jne_k, 0x55, kAny, kAny, kAny) \
  X(jmp32_jne_k, 0x56, kAny, kAny, kAny) \
  X(jmp_jne_x, 0x5d, kAny, kAny, kAny) \
  X(jmp32_jne_x, 0x5e, kAny, kAny, kAny) \
  X(jmp_jsgt_k, 0x65, kAny, kAny, kAny) \
  X(jmp32_jsgt_k, 0x66, kAny, kAny, kAny) \
  X(jmp_jsgt_x, 0x6d, kAny, kAny, kAny) \
  X(jmp32_jsgt_x, 0x6e, kAny, kAny, kAny) \
  X(jmp_jsge_k, 0x75, kAny, kAny, kAny) \
  X(jmp32_jsge_k, 0x76, kAny, kAny, kAny) \
  X(jmp_jsge_x, 0x7d, kAny, kAny, kAny) \
  X(jmp32_jsge_x, 0x7e, kAny, kAny, kAny) \
  X(exit, 0x95, kAny, kAny, kAny) \
  X(jmp_jlt_k, 0xa5, kAny, kAny, kAny) \
  X(jmp32_jlt_k, 0xa6, kAny, kAny, kAny) \
  X(jmp_jlt_x, 0xad, kAny, kAny, kAny) \
  X(jmp32_jlt_x, 0xae, kAny, kAny, kAny) \
  X(jmp_jle_k, 0xb5, kAny, kAny, kAny) \
  X(jmp32_jle_k, 0xb6, kAny, kAny, kAny) \
  X(jmp_jle_x, 0xbd, kAny, kAny, kAny) \
  X(jmp32_jle_x, 0xbe, kAny, kAny, kAny) \
  X(jmp_jslt_k, 0xc5, kAny, kAny, kAny) \
  X(jmp32_jslt_k, 0xc6, kAny, kAny, kAny) \
  X(jmp_jslt_x, 0xcd, kAny, kAny, kAny) \
  X(jmp32_jslt_x, 0xce, kAny, kAny, kAny) \
  X(jmp_jsle_k, 0xd5, kAny, kAny, kAny) \
  X(jmp32_jsle_k, 0xd6, kAny, kAny, kAny) \
  X(jmp_jsle_x, 0xdd, kAny, kAny, kAny) \
  X(jmp32_jsle_x, 0xde, kAny, kAny, kAny) \
  X(may_goto, 0xe5, kAny, kAny, kAny) \
  X(gotol, 0x06, kAny, kAny, kAny) \
  X(call_helper, 0x85, 0, kAny, kAny) \
  X(call_local, 0x85, 1, kAny, kAny) \
  X(call_kfunc, 0x85, 2, kAny, kAny)

// Arithmetic: form, width in bits, operator, source.
#define SKEP_ALU(X) \
  X(alu64_add_k, 64, add, k) \
  X(alu64_add_x, 64, add, x) \
  X(alu64_sub_k, 64, sub, k) \
  X(alu64_sub_x, 64, sub, x) \
  X(alu64_mul_k, 64, mul, k) \
  X(alu64_mul_x, 64, mul, x) \
  X(alu64_div_k, 64, div, k) \
  X(alu64_div_x, 64, div, x) \
  X(alu64_or_k, 64, or, k) \
  X(alu64_or_x, 64, or, x) \
  X(alu64_and_k, 64, and, k) \
  X(alu64_and_x, 64, and, x) \
  X(alu64_lsh_k, 64, lsh, k) \
  X(alu64_lsh_x, 64, lsh, x) \
  X(alu64_rsh_k, 64, rsh, k) \
  X(alu64_rsh_x, 64, rsh, x) \
  X(alu64_neg, 64, neg, k) \
  X(alu64_mod_k, 64, mod, k) \
  X(alu64_mod_x, 64, mod, x) \
  X(alu64_xor_k, 64, xor, k) \
  X(alu64_xor_x, 64, xor, x) \
  X(alu64_mov_k, 64, mov, k) \
  X(alu64_mov_x, 64, mov, x) \
  X(alu64_arsh_k, 64, arsh, k) \
  X(alu64_arsh_x, 64, arsh, x) \
  X(alu64_sdiv_k, 64, sdiv, k) \
  X(alu64_sdiv_x, 64, sdiv, x) \
  X(alu64_smod_k, 64, smod, k) \
  X(alu64_smod_x, 64, smod, x) \
  X(alu64_movsx8_x, 64, movsx8, x) \
  X(alu64_movsx16_x, 64, movsx16, x) \
  X(alu64_movsx32_x, 64, movsx32, x) \
  X(alu32_add_k, 32, add, k) \
  X(alu32_add_x, 32, add, x) \
  X(alu32_sub_k, 32, sub, k) \
  X(alu32_sub_x, 32, sub, x) \
  X(alu32_mul_k, 32, mul, k) \
  X(alu32_mul_x, 32, mul, x) \
  X(alu32_div_k, 32, div, k) \
  X(alu32_div_x, 32, div, x) \
  X(alu32_or_k, 32, or, k) \
  X(alu32_or_x, 32, or, x) \
  X(alu32_and_k, 32, and, k) \
  X(alu32_and_x, 32, and, x) \
  X(alu32_lsh_k, 32, lsh, k) \
  X(alu32_lsh_x, 32, lsh, x) \
  X(alu32_rsh_k, 32, rsh, k) \
  X(alu32_rsh_x, 32, rsh, x) \
  X(alu32_neg, 32, neg, k) \
  X(alu32_mod_k, 32, mod, k) \
  X(alu32_mod_x, 32, mod, x) \
  X(alu32_xor_k, 32, xor, k) \
  X(alu32_xor_x, 32, xor, x) \
  X(alu32_mov_k, 32, mov, k) \
  X(alu32_mov_x, 32, mov, x) \
  X(alu32_arsh_k, 32, arsh, k) \
  X(alu32_arsh_x, 32, arsh, x) \
  X(alu32_sdiv_k, 32, sdiv, k) \
  X(alu32_sdiv_x, 32, sdiv, x) \
  X(alu32_smod_k, 32, smod, k) \
  X(alu32_smod_x, 32, smod, x) \
  X(alu32_movsx8_x, 32, movsx8, x) \
  X(alu32_movsx16_x, 32, movsx16, x)

// Byte order: form, kind, width in bits.
#define SKEP_END(X) \
  X(le16, le, 16) \
  X(le32, le, 32) \
  X(le64, le, 64) \
  X(be16, be, 16) \
  X(be32, be, 32) \
  X(be64, be, 64) \
  X(bswap16, bswap, 16) \
  X(bswap32, bswap, 32) \
  X(bswap64, bswap, 64)

// Loads: form, type in memory, ordering.
#define SKEP_LOADS(X) \
  X(ldx_w, uint32_t, plain) \
  X(ldsx_w, int32_t, plain) \
  X(atomic_w_load_acq, uint32_t, ordered) \
  X(ldx_h, uint16_t, plain) \
  X(ldsx_h, int16_t, plain) \
  X(atomic_h_load_acq, uint16_t, ordered) \
  X(ldx_b, uint8_t, plain) \
  X(ldsx_b, int8_t, plain) \
  X(atomic_b_load_acq, uint8_t, ordered) \
  X(ldx_dw, uint64_t, plain) \
  X(atomic_dw_load_acq, uint64_t, ordered)

// Stores: form, type in memory, source, ordering.
#define SKEP_STORES(X) \
  X(st_w, uint32_t, k, plain) \
  X(stx_w, uint32_t, x, plain) \
  X(atomic_w_store_rel, uint32_t, x, ordered) \
  X(st_h, uint16_t, k, plain) \
  X(stx_h, uint16_t, x, plain) \
  X(atomic_h_store_rel, uint16_t, x, ordered) \
  X(st_b, uint8_t, k, plain) \
  X(stx_b, uint8_t, x, plain) \
  X(atomic_b_store_rel, uint8_t, x, ordered) \
  X(st_dw, uint64_t, k, plain) \
  X(stx_dw, uint64_t, x, plain) \
  X(atomic_dw_store_rel, uint64_t, x, ordered)

// Atomic read-modify-write: form, type, operator.
#define SKEP_ATOMICS(X) \
  X(atomic_w_add, uint32_t, add) \
  X(atomic_w_or, uint32_t, or) \
  X(atomic_w_and, uint32_t, and) \
  X(atomic_w_xor, uint32_t, xor) \
  X(atomic_w_fetch_add, uint32_t, fetch_add) \
  X(atomic_w_fetch_or, uint32_t, fetch_or) \
  X(atomic_w_fetch_and, uint32_t, fetch_and) \
  X(atomic_w_fetch_xor, uint32_t, fetch_xor) \
  X(atomic_w_xchg, uint32_t, xchg) \
  X(atomic_w_cmpxchg, uint32_t, cmpxchg) \
  X(atomic_dw_add, uint64_t, add) \
  X(atomic_dw_or, uint64_t, or) \
  X(atomic_dw_and, uint64_t, and) \
  X(atomic_dw_xor, uint64_t, xor) \
  X(atomic_dw_fetch_add, uint64_t, fetch_add) \
  X(atomic_dw_fetch_or, uint64_t, fetch_or) \
  X(atomic_dw_fetch_and, uint64_t, fetch_and) \
  X(atomic_dw_fetch_xor, uint64_t, fetch_xor) \
  X(atomic_dw_xchg, uint64_t, xchg) \
  X(atomic_dw_cmpxchg, uint64_t, cmpxchg)

// Conditional jumps: form, width in bits, operator, source.
#define SKEP_JUMPS(X) \
  X(jmp_jeq_k, 64, jeq, k) \
  X(jmp32_jeq_k, 32, jeq, k) \
  X(jmp_jeq_x, 64, jeq, x) \
  X(jmp32_jeq_x, 32, jeq, x) \
  X(jmp_jgt_k, 64, jgt, k) \
  X(jmp32_jgt_k, 32, jgt, k) \
  X(jmp_jgt_x, 64, jgt, x) \
  X(jmp32_jgt_x, 32, jgt, x) \
  X(jmp_jge_k, 64, jge, k) \
  X(jmp32_jge_k, 32, jge, k) \
  X(jmp_jge_x, 64, jge, x) \
  X(jmp32_jge_x, 32, jge, x) \
  X(jmp_jset_k, 64, jset, k) \
  X(jmp32_jset_k, 32, jset, k) \
  X(jmp_jset_x, 64, jset, x) \
  X(jmp32_jset_x, 32, jset, x) \
  X(jmp_jne_k, 64, jne, k) \
  X(jmp32_jne_k, 32, jne, k) \
  X(jmp_jne_x, 64, jne, x) \
  X(jmp32_jne_x, 32, jne, x) \
  X(jmp_jsgt_k, 64, jsgt, k) \
  X(jmp32_jsgt_k, 32, jsgt, k) \
  X(jmp_jsgt_x, 64, jsgt, x) \
  X(jmp32_jsgt_x, 32, jsgt, x) \
  X(jmp_jsge_k, 64, jsge, k) \
  X(jmp32_jsge_k, 32, jsge, k) \
  X(jmp_jsge_x, 64, jsge, x) \
  X(jmp32_jsge_x, 32, jsge, x) \
  X(jmp_jlt_k, 64, jlt, k) \
  X(jmp32_jlt_k, 32, jlt, k) \
  X(jmp_jlt_x, 64, jlt, x) \
  X(jmp32_jlt_x, 32, jlt, x) \
  X(jmp_jle_k, 64, jle, k) \
  X(jmp32_jle_k, 32, jle, k) \
  X(jmp_jle_x, 64, jle, x) \
  X(jmp32_jle_x, 32, jle, x) \
  X(jmp_jslt_k, 64, jslt, k) \
  X(jmp32_jslt_k, 32, jslt, k) \
  X(jmp_jslt_x, 64, jslt, x) \
  X(jmp32_jslt_x, 32, jslt, x) \
  X(jmp_jsle_k, 64, jsle, k) \
  X(jmp32_jsle_k, 32, jsle, k) \
  X(jmp_jsle_x, 64, jsle, x) \
  X(jmp32_jsle_x, 32, jsle, x)

// Legacy packet loads.
#define SKEP_PACKET_LOADS(X) \
  X(ld_abs_w) \
  X(ld_ind_w) \
  X(ld_abs_h) \
  X(ld_ind_h) \
  X(ld_abs_b) \
  X(ld_ind_b)

// Constants of 64 bits.
#define SKEP_CONSTANTS(X) \
  X(ld_imm64_imm) \
  X(ld_imm64_map_fd) \
  X(ld_imm64_map_value) \
  X(ld_imm64_btf_id) \
  X(ld_imm64_func) \
  X(ld_imm64_map_idx) \
  X(ld_imm64_map_idx_value)
