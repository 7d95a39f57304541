/**
 * The door of `core`: the object model wired to the model kernel. Runs in a browser, in a bare worker, anywhere: the host
 * passes bytes (a kernel's BTF, a recording), core opens no file.
 */
import { type Session, setSession as set } from './bcc/session.ts';
import { readBtf } from './btf/read.ts';
import { ModelBackend, type ModelBackendOptions } from './model/backend.ts';
import { ReplaySource } from './model/recording.ts';

export type { Backend, Link, MapHandle, ProgHandle, WaitResult } from './backend/backend.ts';
export { fromHex, toHex } from './base/bytes.ts';
export type { Diagnostic } from './base/diagnostics.ts';
export { renderDiagnostics } from './base/diagnostics.ts';
export { BpfError, CompileError, Fault, nearestNames, SysError, Unsupported, VerifierError } from './base/errors.ts';
export { BPF, type GetTableOptions } from './bcc/bpf.ts';
export { BPFAttachType, BPFProgType, XDPAction, XDPFlags } from './bcc/bpf-constants.ts';
export type {
  AttachIterOptions,
  AttachOptions,
  AttachPerfEventOptions,
  AttachPerfEventRawOptions,
  AttachSocketOptions,
  AttachTracepointOptions,
  AttachUprobeOptions,
  AttachXdpOptions,
  BpfOptions,
} from './bcc/bpf-options.ts';
export { filterByContainers } from './bcc/containers.ts';
export { EventStream, type PerfBufferOptions, type PerfCallback, type RingCallback } from './bcc/events.ts';
export { Func } from './bcc/func.ts';
export type { HistOptions } from './bcc/hist.ts';
export { IterOutput } from './bcc/iter.ts';
export { SymbolCache } from './bcc/kernel-queries.ts';
export { Perf, PerfEventSampleFormat, PerfHWConfig, PerfSWConfig, PerfType } from './bcc/perf-constants.ts';
export {
  arrayToSpec,
  RawBpf,
  RawMap,
  type RawMapOptions,
  RawProgram,
  type RawProgramOptions,
} from './bcc/raw.ts';
export {
  ArgString,
  type Cell,
  detectLanguage,
  getOnlineCpus,
  getPossibleCpus,
  inetNtop,
  printb,
  sprintf,
} from './bcc/script-aids.ts';
export {
  currentSession,
  Interrupted,
  type Session,
  setFunctionCompiler,
  setSession,
  sleep,
} from './bcc/session.ts';
export type { BuildIdFrame } from './bcc/stack.ts';
export { StrcmpRewrite } from './bcc/strcmp-rewrite.ts';
export { syscallName, syscallNames } from './bcc/syscalls.ts';
export { Table, type TableOptions } from './bcc/table.ts';
export { tcpFlagNames, tcpStateName } from './bcc/tcp.ts';
export { formatTraceFields, parseTraceLine, TRACE_FIELD_NAMES, type TraceFields, TraceStream } from './bcc/trace.ts';
export * from './bcc/uapi.gen.ts';
export { USDTProbe, USDTProbeArgument, USDTProbeLocation } from './bcc/usdt/probe.ts';
export { type ActiveProbe, Bailed, USDT, type UsdtOptions } from './bcc/usdt/usdt.ts';
export type { Btf, BtfType } from './btf/btf.ts';
export { snapshot } from './btf/lazy.ts';
export { readBtf } from './btf/read.ts';
export type { CompileFunction } from './btf/value.ts';
export * from './isa/builders.ts';
export { decode, encode, type Insn, toInsns } from './isa/insn.ts';
export { ModelBackend, type ModelBackendOptions } from './model/backend.ts';
export { Recorder, ReplaySource } from './model/recording.ts';
export type { EventSource, FdFacts, SyscallInterest, TaskEvent, TaskFacts, TaskView } from './model/source.ts';
export type { LineInfo, MapSpec, ObjectSpec, ProgSpec } from './spec/spec.ts';
export {
  applyPatch,
  type Explanation,
  explainKernelLog,
  type Hooks,
  type InsnRemoval,
  type InsnReplacement,
  onlyHelpers,
  type Patch,
  programOfLog,
  renderExplanation,
  type StateView,
  type VerifyInput,
  type VerifyOptions,
  type VerifyResult,
  verify,
} from './verifier/index.ts';

/**
 * A model kernel ready for `new BPF({ text, backend })`: `btf` is the bytes of a kernel's BTF (uncompressed), `replay` the text of a
 * recording. Throws BpfError for malformed BTF or a truncated recording, before anything runs.
 */
export function createModel(
  options: Omit<ModelBackendOptions, 'btf'> & { readonly btf: Uint8Array; readonly replay?: string },
): ModelBackend {
  const { btf, replay, ...rest } = options;
  return new ModelBackend({
    ...rest,
    btf: readBtf(btf),
    ...(replay !== undefined && { source: new ReplaySource(replay) }),
  });
}

/** A session over one backend, for hosts without the `skep` command: lines go to the callbacks. */
export function useBackend(
  backend: import('./backend/backend.ts').Backend,
  output: Pick<Session, 'print' | 'warn'>,
): void {
  set({ backend: () => backend, ...output });
}
