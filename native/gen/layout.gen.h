// Printed by bindings/engine/layout-header.ts; do not edit.
#pragma once
#include <cstdint>

namespace skep::layout {

inline constexpr uint64_t kKernelBase = 0xffff888000000000ull;
inline constexpr uint64_t kFunctionBase = 0xffffffffa0000000ull;
inline constexpr uint32_t kFirstMapped = 65536;
inline constexpr uint32_t kRegisters = 11;
inline constexpr uint32_t kFramePointer = 10;
inline constexpr uint32_t kFrameBytes = 512;
inline constexpr uint32_t kMaxFrames = 8;
inline constexpr uint32_t kStackArea = 4096;
inline constexpr uint32_t kMayGotoBudget = 8388608;
inline constexpr int32_t kHelperMapLookup = 1;
inline constexpr int32_t kHelperTailCall = 12;

// core/maps/layout.ts
inline constexpr uint32_t kMapTypeHash = 1;
inline constexpr uint32_t kMapTypeArray = 2;
inline constexpr uint32_t kMapTypeLruHash = 9;
inline constexpr uint32_t kMapHeaderBytes = 128;
inline constexpr uint32_t kNodeReferenced = 2;
namespace map {
inline constexpr uint32_t k_type = 0;
inline constexpr uint32_t k_key_size = 4;
inline constexpr uint32_t k_value_size = 8;
inline constexpr uint32_t k_max_entries = 12;
inline constexpr uint32_t k_flags = 16;
inline constexpr uint32_t k_elem_size = 20;
inline constexpr uint32_t k_data = 24;
inline constexpr uint32_t k_buckets = 28;
inline constexpr uint32_t k_bucket_mask = 32;
inline constexpr uint32_t k_seed = 36;
inline constexpr uint32_t k_count = 40;
inline constexpr uint32_t k_free_head = 44;
inline constexpr uint32_t k_free_tail = 48;
inline constexpr uint32_t k_fresh = 52;
inline constexpr uint32_t k_fresh_end = 56;
inline constexpr uint32_t k_cpus = 60;
inline constexpr uint32_t k_cpu_stride = 64;
inline constexpr uint32_t k_lock = 68;
inline constexpr uint32_t k_key_at = 72;
inline constexpr uint32_t k_value_at = 76;
inline constexpr uint32_t k_own = 80;
}  // namespace map
namespace node {
inline constexpr uint32_t k_next = 0;
inline constexpr uint32_t k_hash = 4;
inline constexpr uint32_t k_state = 8;
inline constexpr uint32_t k_link = 12;
inline constexpr uint32_t k_key = 16;
}  // namespace node

// bindings/engine/state.ts
inline constexpr uint32_t kLevels = 32;
inline constexpr uint32_t kHeaderBytes = 64;
inline constexpr uint32_t kBlockBytes = 192;
inline constexpr uint32_t kStateBytes = 6208;
inline constexpr uint32_t kRegionBytes = 12;
inline constexpr uint32_t kOutermost = 4294967295;
namespace bell {
inline constexpr uint32_t k_level = 0;
inline constexpr uint32_t k_ctx = 8;
inline constexpr uint32_t k_r2 = 12;
inline constexpr uint32_t k_fuel = 16;
inline constexpr uint32_t k_program = 24;
inline constexpr uint32_t k_stack = 28;
}  // namespace bell
namespace block {
inline constexpr uint32_t k_regs = 0;
inline constexpr uint32_t k_fuel = 96;
inline constexpr uint32_t k_command = 104;
inline constexpr uint32_t k_status = 108;
inline constexpr uint32_t k_program = 112;
inline constexpr uint32_t k_pc = 116;
inline constexpr uint32_t k_stack = 120;
inline constexpr uint32_t k_depth = 124;
inline constexpr uint32_t k_checked = 128;
inline constexpr uint32_t k_regions = 132;
inline constexpr uint32_t k_region_count = 136;
inline constexpr uint32_t k_batch_count = 140;
inline constexpr uint32_t k_batch_stride = 144;
inline constexpr uint32_t k_batch_result = 148;
inline constexpr uint32_t k_tail_calls = 152;
inline constexpr uint32_t k_region_base = 156;
}  // namespace block
enum class Command : uint32_t { k_start = 0, k_resume = 1, k_tail = 2, k_leave = 3 };
enum class Status : uint32_t { k_done = 0, k_call = 1, k_tail_call = 2, k_packet = 3, k_out_of_fuel = 4, k_too_deep = 5, k_no_access = 6, k_unreachable = 7, k_bad_request = 8 };

}  // namespace skep::layout
