/** Numbers for attachPerfEvent under BCC's class names (include/uapi/linux/perf_event.h): type, then config by type. */

/** enum perf_type_id. */
export const PerfType = {
  HARDWARE: 0,
  SOFTWARE: 1,
  TRACEPOINT: 2,
  HW_CACHE: 3,
  RAW: 4,
  BREAKPOINT: 5,
} as const;

/** enum perf_hw_id: config of PerfType.HARDWARE. */
export const PerfHWConfig = {
  CPU_CYCLES: 0,
  INSTRUCTIONS: 1,
  CACHE_REFERENCES: 2,
  CACHE_MISSES: 3,
  BRANCH_INSTRUCTIONS: 4,
  BRANCH_MISSES: 5,
  BUS_CYCLES: 6,
  STALLED_CYCLES_FRONTEND: 7,
  STALLED_CYCLES_BACKEND: 8,
  REF_CPU_CYCLES: 9,
} as const;

/** enum perf_sw_ids: config of PerfType.SOFTWARE. */
export const PerfSWConfig = {
  CPU_CLOCK: 0,
  TASK_CLOCK: 1,
  PAGE_FAULTS: 2,
  CONTEXT_SWITCHES: 3,
  CPU_MIGRATIONS: 4,
  PAGE_FAULTS_MIN: 5,
  PAGE_FAULTS_MAJ: 6,
  ALIGNMENT_FAULTS: 7,
  EMULATION_FAULTS: 8,
  DUMMY: 9,
  BPF_OUTPUT: 10,
} as const;

/** enum perf_event_sample_format: what a sample holds. */
export const PerfEventSampleFormat = {
  IP: 1 << 0,
  TID: 1 << 1,
  TIME: 1 << 2,
  ADDR: 1 << 3,
  READ: 1 << 4,
  CALLCHAIN: 1 << 5,
  ID: 1 << 6,
  CPU: 1 << 7,
  PERIOD: 1 << 8,
  STREAM_ID: 1 << 9,
  RAW: 1 << 10,
  BRANCH_STACK: 1 << 11,
  REGS_USER: 1 << 12,
  STACK_USER: 1 << 13,
  WEIGHT: 1 << 14,
  DATA_SRC: 1 << 15,
  IDENTIFIER: 1 << 16,
  TRANSACTION: 1 << 17,
  REGS_INTR: 1 << 18,
  PHYS_ADDR: 1 << 19,
  AUX: 1 << 20,
  CGROUP: 1 << 21,
  DATA_PAGE_SIZE: 1 << 22,
  CODE_PAGE_SIZE: 1 << 23,
  WEIGHT_STRUCT: 1 << 24,
} as const;

/** BCC's class Perf: types by their kernel names, and a struct perf_event_attr whose fields are set one by one for attachPerfEventRaw. */
export const Perf = {
  PERF_TYPE_HARDWARE: PerfType.HARDWARE,
  PERF_TYPE_SOFTWARE: PerfType.SOFTWARE,
  PERF_TYPE_TRACEPOINT: PerfType.TRACEPOINT,
  PERF_TYPE_HW_CACHE: PerfType.HW_CACHE,
  PERF_SAMPLE_RAW: PerfEventSampleFormat.RAW,
  PERF_FLAG_FD_CLOEXEC: 8,
  /** An attr with nothing set: `const attr = Perf.perf_event_attr(); attr.type = ...`. */
  perf_event_attr: (): Record<string, number | bigint> => ({}),
} as const;
