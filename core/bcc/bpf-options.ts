/** What `new BPF` and its attach methods take: BCC's arguments, with BCC's defaults where one is left out. */
import type { Backend } from '../backend/backend.ts';
import type { Func } from './func.ts';
import type { USDT } from './usdt/usdt.ts';

export interface BpfOptions {
  /** The C text. */
  text?: string;
  /** A C file to read instead: as named, or beside the running script. */
  srcFile?: string;
  /** A header read before the text. */
  hdrFile?: string;
  /** -D, -I, -include. */
  cflags?: readonly string[];
  /** BCC's DEBUG_* bits: what compiling and loading print. */
  debug?: number;
  /** USDT probes that were enabled: their argument readers are put before the text, and they are attached. */
  usdtContexts?: readonly USDT[];
  /** Attach USDT probes in every process, whatever pid they were looked up in. */
  attachUsdtIgnorePid?: boolean;
  /** Offload to this network device. */
  device?: string;
  /** BCC raises RLIMIT_MEMLOCK unless this is false. skep's backends ask for what they need: taken, and of no effect. */
  allowRlimit?: boolean;
  /** Where to run; the session's backend when absent. */
  backend?: Backend;
}

export const BPF_OPTIONS = [
  'text',
  'srcFile',
  'hdrFile',
  'cflags',
  'debug',
  'usdtContexts',
  'attachUsdtIgnorePid',
  'device',
  'allowRlimit',
  'backend',
] as const satisfies readonly (keyof BpfOptions)[];

export interface AttachOptions {
  event?: string;
  /** Every function whose whole name matches. */
  eventRe?: string;
  /** Bytes into the function. */
  eventOff?: number;
  fnName?: string;
  /** kretprobes: calls under way at once that are seen; 0 is the kernel's choice. */
  maxactive?: number;
  /** All of these functions, by one link where the kernel has such links (kprobe_multi, 5.18). skep's own. */
  events?: readonly string[];
  /** What bpf_get_attach_cookie() gives, a number for each of `events` (or one for `event`); Linux 5.15. skep's own. */
  cookies?: readonly (number | bigint)[];
}

export interface AttachIterOptions {
  /** The function, by its C name or by what it iterates over. */
  fnName?: string;
  /** bpf_map_elem, sockmap: name of the table. */
  map?: string;
  /** task, task_file, task_vma: the threads of this process alone, or this thread alone (Linux 6.1). */
  pid?: number;
  tid?: number;
  /** cgroup: descriptor of the group's folder to begin with; the current namespace's root unless given (Linux 6.1). */
  cgroupFd?: number;
  /** cgroup: 1 it alone, 2 it and those below (unless said), 3 the same but those below first, 4 it and those above. */
  order?: number;
}

export interface AttachTracepointOptions {
  tp?: string;
  /** Every tracepoint whose `category:event` matches from its start. */
  tpRe?: string;
  fnName?: string;
  /** All of these. skep's own. */
  tps?: readonly string[];
  /** What bpf_get_attach_cookie() gives, a number for each of `tps` (or one for `tp`); Linux 5.15. skep's own. */
  cookies?: readonly (number | bigint)[];
}

export interface AttachUprobeOptions {
  /** Path of a program or library, or a library's name as the linker knows it: 'c', 'pthread'. */
  name?: string;
  sym?: string;
  /** Every function whose name matches from its start; functions at one address are attached once. */
  symRe?: string;
  /** A virtual address of the file, as its symbol table has it. */
  addr?: number | bigint;
  fnName?: string;
  /** Only this process; -1 for all. */
  pid?: number;
  symOff?: number;
  /** All of these functions, by one link where the kernel has such links (uprobe_multi, 6.6). skep's own. */
  syms?: readonly string[];
  /** What bpf_get_attach_cookie() gives, a number for each of `syms` (or one for the only place); Linux 5.15. skep's own. */
  cookies?: readonly (number | bigint)[];
}

export interface AttachPerfEventOptions {
  evType?: number;
  evConfig?: number;
  fnName?: string;
  samplePeriod?: number;
  sampleFreq?: number;
  pid?: number;
  /** Only this CPU; -1 for each. */
  cpu?: number;
  groupFd?: number;
}

export interface AttachPerfEventRawOptions {
  /** A whole struct perf_event_attr (include/uapi/linux/perf_event.h): its bytes, or its fields by name. */
  attr?: Uint8Array | Readonly<Record<string, number | bigint>>;
  fnName?: string;
  pid?: number;
  cpu?: number;
  groupFd?: number;
}

/** BCC's functions that take a loaded Function: `fn` is that, or `fnName` a function that is loaded as this kind asks. */
export interface AttachSocketOptions {
  fn?: Func;
  fnName?: string;
  dev?: string;
}

export interface AttachXdpOptions extends AttachSocketOptions {
  /** BPF.XDP_FLAGS_*. */
  flags?: number;
}
