/**
 * Prints native/gen/layout.gen.h: what C++ shares with the TypeScript side beyond the instruction set. Map storage comes from
 * core/maps/layout.ts, addresses from core/base/memory.ts, limits from core/isa/ops.ts and core/vm/layout.ts, the meeting place from
 * state.ts. Rewrite the file with `SKEP_WRITE_GEN=1 npx vitest run test/native`.
 */
import { FIRST_MAPPED, KERNEL_BASE } from '../../core/base/memory.ts';
import { MAX_CALL_FRAMES, REG_COUNT, REG_FP, STACK_SIZE } from '../../core/isa/ops.ts';
import { ARRAY } from '../../core/maps/array.ts';
import { HASH } from '../../core/maps/hash.ts';
import { HEADER, HEADER_SIZE, NODE, NODE_REFERENCED } from '../../core/maps/layout.ts';
import { LRU_HASH } from '../../core/maps/lru.ts';
import {
  FUNCTION_HI,
  FUNCTION_LO,
  HELPER_MAP_LOOKUP,
  HELPER_TAIL_CALL,
  MAY_GOTO_BUDGET,
  STACK_AREA,
} from '../../core/vm/layout.ts';
import {
  BELL,
  BLOCK,
  BLOCK_BYTES,
  COMMAND,
  HEADER_BYTES,
  LEVELS,
  OUTERMOST,
  REGION_BYTES,
  STATE_BYTES,
  STATUS,
} from './state.ts';

function namespace(name: string, values: Readonly<Record<string, number>>): string {
  const rows = Object.entries(values).map(
    ([key, value]) => `inline constexpr uint32_t k_${key.toLowerCase()} = ${value};`,
  );
  return `namespace ${name} {\n${rows.join('\n')}\n}  // namespace ${name}`;
}

function enumeration(name: string, values: Readonly<Record<string, number>>): string {
  const rows = Object.entries(values).map(([key, value]) => `k_${key} = ${value}`);
  return `enum class ${name} : uint32_t { ${rows.join(', ')} };`;
}

export function printLayout(): string {
  const hex = (value: bigint) => `0x${BigInt.asUintN(64, value).toString(16)}ull`;
  const functionBase = (BigInt(FUNCTION_HI) << 32n) | BigInt(FUNCTION_LO >>> 0);
  return `// Printed by bindings/engine/layout-header.ts; do not edit.
#pragma once
#include <cstdint>

namespace skep::layout {

inline constexpr uint64_t kKernelBase = ${hex(KERNEL_BASE)};
inline constexpr uint64_t kFunctionBase = ${hex(functionBase)};
inline constexpr uint32_t kFirstMapped = ${FIRST_MAPPED};
inline constexpr uint32_t kRegisters = ${REG_COUNT};
inline constexpr uint32_t kFramePointer = ${REG_FP};
inline constexpr uint32_t kFrameBytes = ${STACK_SIZE};
inline constexpr uint32_t kMaxFrames = ${MAX_CALL_FRAMES};
inline constexpr uint32_t kStackArea = ${STACK_AREA};
inline constexpr uint32_t kMayGotoBudget = ${MAY_GOTO_BUDGET};
inline constexpr int32_t kHelperMapLookup = ${HELPER_MAP_LOOKUP};
inline constexpr int32_t kHelperTailCall = ${HELPER_TAIL_CALL};

// core/maps/layout.ts
inline constexpr uint32_t kMapTypeHash = ${HASH.id};
inline constexpr uint32_t kMapTypeArray = ${ARRAY.id};
inline constexpr uint32_t kMapTypeLruHash = ${LRU_HASH.id};
inline constexpr uint32_t kMapHeaderBytes = ${HEADER_SIZE};
inline constexpr uint32_t kNodeReferenced = ${NODE_REFERENCED};
${namespace('map', HEADER)}
${namespace('node', NODE)}

// bindings/engine/state.ts
inline constexpr uint32_t kLevels = ${LEVELS};
inline constexpr uint32_t kHeaderBytes = ${HEADER_BYTES};
inline constexpr uint32_t kBlockBytes = ${BLOCK_BYTES};
inline constexpr uint32_t kStateBytes = ${STATE_BYTES};
inline constexpr uint32_t kRegionBytes = ${REGION_BYTES};
inline constexpr uint32_t kOutermost = ${OUTERMOST};
${namespace('bell', BELL)}
${namespace('block', BLOCK)}
${enumeration('Command', COMMAND)}
${enumeration('Status', STATUS)}

}  // namespace skep::layout
`;
}
