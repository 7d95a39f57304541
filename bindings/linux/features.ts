/**
 * What this machine permits, each thing tried on the spot and undone at once, and why it does not: the missing capability by name, lockdown, the
 * kernel's configuration, its version. https://man7.org/linux/man-pages/man7/capabilities.7.html
 */
import { release } from 'node:os';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { BtfBuilder } from '../../core/btf/write.ts';
import { BPF_F_MMAPABLE, BPF_F_NO_PREALLOC } from '../../core/maps/flags.ts';
import { MAP_TYPES } from '../../core/maps/index.ts';
import type { MapAttrs, MapTypeRow } from '../../core/maps/map.ts';
import { attachTypeByName } from '../../core/progs/attach-types.ts';
import { PROG_TYPES } from '../../core/progs/index.ts';
import { bpf, bpfUnavailable, sys } from './bpf.ts';
import { kernelConfig } from './config.ts';
import { kernelAtLeast, textOf, vmlinuxBtf } from './machine.ts';
import { closeAll, PERF_TYPE, perfEventOpen, pmuType } from './perf-event.ts';
import { mountPrivately } from './private-mount.ts';
import { CAPABILITIES, type Capability, has, missingCapabilities, neededToLoad, underSeccomp } from './rights.ts';
import { binaryFile } from './symbols/binary-file.ts';
import { findProgram } from './symbols/find-binary.ts';
import { tracefsIsPrivate, tracefsProblem } from './tracefs.ts';

export interface LiveFeature {
  /** 'rights', 'kernel', 'program type', 'map type', 'attach'. */
  readonly group: string;
  readonly name: string;
  readonly available: boolean;
  /** What it is, or why it is not. */
  readonly detail: string;
}

/** 'none', 'integrity', 'confidentiality'; undefined where nobody says (no securityfs). */
export function lockdownMode(): string | undefined {
  lockdown ??= textOf('/sys/kernel/security/lockdown') ?? privateLockdown() ?? '';
  return /\[(\w+)\]/.exec(lockdown)?.[1];
}

let lockdown: string | undefined;

function privateLockdown(): string | undefined {
  const { path } = mountPrivately('securityfs');
  return path && textOf(`${path}/lockdown`);
}

interface Needs {
  readonly capabilities?: readonly Capability[];
  readonly config?: readonly string[];
  readonly since?: string;
}

/** Why the kernel said no, as far as it can be told. */
export function whyNot(errno: number, needs: Needs): string {
  const name = errnoName(errno);
  const missing = missingCapabilities(needs.capabilities ?? []);
  if (missing !== undefined) return `${name}: needs ${missing}`;
  const unset = (needs.config ?? []).filter((option) => kernelConfig(option) === 'n');
  if (unset.length > 0) return `${name}: the kernel was built without ${unset.join(' and ')}`;
  if (needs.since !== undefined && !kernelAtLeast(needs.since))
    return `${name}: needs Linux ${needs.since}, this is ${release()}`;
  const mode = lockdownMode();
  if (errno === -ERRNO.EPERM || errno === -ERRNO.EACCES) {
    if (underSeccomp())
      return `${name} with all rights: a seccomp filter of this process or a security module refuses it`;
    if (mode !== undefined && mode !== 'none') return `${name}: lockdown is '${mode}'`;
    return mode === undefined
      ? `${name} with all rights: a security module or lockdown refuses it (no securityfs to ask)`
      : `${name}: a security module refuses it`;
  }
  return name;
}

// ---- programs ----------------------------------------------------------------------------------------------------------

/** `r0 = value; exit`. */
function returning(value: number): Uint8Array {
  return Uint8Array.of(0xb7, 0, 0, 0, value, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
}

/** Where a program that is tied to a place of the kernel can be tried. */
const BTF_PLACES: Readonly<Record<string, { readonly name: string; readonly kind: 'func' | 'typedef' }>> = {
  trace_raw_tp: { name: 'btf_trace_sched_process_exit', kind: 'typedef' },
  trace_fentry: { name: 'do_nanosleep', kind: 'func' },
  trace_fexit: { name: 'do_nanosleep', kind: 'func' },
  modify_return: { name: 'bpf_modify_return_test', kind: 'func' },
  trace_iter: { name: 'bpf_iter_task', kind: 'func' },
  lsm_mac: { name: 'bpf_lsm_file_open', kind: 'func' },
  lsm_cgroup: { name: 'bpf_lsm_socket_bind', kind: 'func' },
};
/** BPF_F_SLEEPABLE: syscall programs are nothing else. */
const SLEEPABLE = 1 << 4;

/** A descriptor, or -errno. */
function tryProgram(type: string, attachType: string | undefined, btf: Btf | undefined, flags = 0): number {
  const row = PROG_TYPES.find((one) => one.name === type)!;
  const place = attachType === undefined ? undefined : BTF_PLACES[attachType];
  const attempt = (value: number): number =>
    bpf('PROG_LOAD', {
      prog_type: row.id,
      insn_cnt: 2,
      insns: returning(value),
      license: Buffer.from('GPL\0'),
      expected_attach_type: attachType === undefined ? 0 : attachTypeByName(attachType)!.id,
      attach_btf_id: (place && btf?.find(place.name, place.kind)) ?? 0,
      prog_flags: flags | (type === 'syscall' ? SLEEPABLE : 0),
    });
  const fd = attempt(0);
  return fd === -ERRNO.EINVAL ? attempt(1) : fd;
}

function programTypes(btf: Btf | undefined): LiveFeature[] {
  return PROG_TYPES.filter((row) => row.name !== 'ext' && row.name !== 'struct_ops').map((row) => {
    const attachType =
      row.name === 'tracing'
        ? 'trace_raw_tp'
        : (row.attachTypes?.[0] ?? row.sections.find((s) => s.attachType && s.prefix !== 'kprobe.multi')?.attachType);
    const wanted = row.name === 'kprobe' || row.name === 'xdp' || row.name === 'sched_cls' ? undefined : attachType;
    const fd = tryProgram(row.name, wanted, btf);
    if (fd >= 0) sys().close(fd);
    const detail =
      fd >= 0
        ? ''
        : whyNot(fd, {
            capabilities: neededToLoad(row.name),
            since: row.since,
            config: PROG_CONFIG[row.name] ?? [],
          });
    return { group: 'program type', name: row.name, available: fd >= 0, detail };
  });
}

const PROG_CONFIG: Readonly<Record<string, readonly string[]>> = {
  kprobe: ['CONFIG_BPF_EVENTS'],
  tracepoint: ['CONFIG_BPF_EVENTS'],
  perf_event: ['CONFIG_BPF_EVENTS'],
  lsm: ['CONFIG_BPF_LSM'],
  lirc_mode2: ['CONFIG_BPF_LIRC_MODE2'],
  netfilter: ['CONFIG_NETFILTER_BPF_LINK'],
  cgroup_skb: ['CONFIG_CGROUP_BPF'],
  cgroup_sock: ['CONFIG_CGROUP_BPF'],
};

// ---- maps --------------------------------------------------------------------------------------------------------------

/** Sizes to try, until a type's own rules take one: key, value, entries, flags. */
const SHAPES: readonly (readonly [number, number, number, number])[] = [
  [4, 4, 1, 0],
  [4, 8, 1, 0],
  [0, 4, 1, 0],
  [0, 0, 4096, 0],
  [8, 4, 1, BPF_F_NO_PREALLOC],
  [8, 4, 0, 0],
  [0, 0, 1, BPF_F_MMAPABLE],
  [4, 4, 0, BPF_F_NO_PREALLOC],
  [12, 4, 0, 0],
];

function mapTypes(): LiveFeature[] {
  const builder = new BtfBuilder();
  const int = builder.int('int', 4, { signed: true });
  const bytes = builder.build().bytes;
  const btfFd = bpf('BTF_LOAD', { btf: bytes, btf_size: bytes.length });
  const innerFd = bpf('MAP_CREATE', { map_type: 2, key_size: 4, value_size: 4, max_entries: 1 });
  const features = MAP_TYPES.filter((row) => row.name !== 'struct_ops' && row.name !== 'unspec').map(
    (row): LiveFeature => {
      const fd = tryMap(row, innerFd, btfFd, int);
      if (fd >= 0) sys().close(fd);
      return {
        group: 'map type',
        name: row.name,
        available: fd >= 0,
        detail: fd >= 0 ? '' : whyNot(fd, { capabilities: ['BPF'], since: row.since }),
      };
    },
  );
  closeAll([btfFd, innerFd].filter((fd) => fd >= 0));
  return features;
}

function tryMap(row: MapTypeRow, innerFd: number, btfFd: number, int: number): number {
  const inner: MapAttrs = { name: 'inner', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 };
  let errno = -ERRNO.EINVAL;
  for (const [keySize, valueSize, maxEntries, flags] of SHAPES) {
    const attrs: MapAttrs = {
      name: row.name,
      type: row.name,
      keySize,
      valueSize,
      maxEntries,
      flags,
      ...(row.name.endsWith('of_maps') && { inner }),
    };
    if (row.check(attrs) !== undefined) continue;
    const typed = /_storage$/.test(row.name) && !row.name.includes('cgroup');
    errno = bpf('MAP_CREATE', {
      map_type: row.id,
      key_size: keySize,
      value_size: valueSize,
      max_entries: maxEntries,
      map_flags: flags,
      inner_map_fd: row.name.endsWith('of_maps') ? innerFd : 0,
      ...(typed && { btf_fd: btfFd, btf_key_type_id: int, btf_value_type_id: int }),
    });
    if (errno >= 0 || errno === -ERRNO.EPERM) return errno;
  }
  return errno;
}

// ---- attachments -------------------------------------------------------------------------------------------------------

interface AttachRow {
  readonly name: string;
  readonly needs: Needs;
  /** 0 or more when it works, else -errno. Closes what it opened. */
  attempt(btf: Btf | undefined): number;
}

/** Loads a program and does something with it; the first errno that comes. */
function withProgram(
  type: string,
  attachType: string | undefined,
  btf: Btf | undefined,
  use: (fd: number) => number,
): number {
  const fd = tryProgram(type, attachType, btf);
  if (fd < 0) return fd;
  const result = use(fd);
  closeAll([...new Set(result >= 0 ? [result, fd] : [fd])]);
  return result;
}

const cpuClock = (cpu: number): number =>
  perfEventOpen({ type: PERF_TYPE.SOFTWARE, config: 0, samplePeriod: 1_000_000, disabled: true }, -1, cpu);
const opened = (fd: number): number => {
  if (fd >= 0) sys().close(fd);
  return fd;
};
const pmu = (name: string, target: string, offset = 0): number => {
  const type = pmuType(name);
  return type === undefined
    ? -ERRNO.ENOENT
    : opened(perfEventOpen({ type, name: Buffer.from(`${target}\0`), offset, disabled: true }, -1, 0));
};
const tracingProgram =
  (attachType: string): AttachRow['attempt'] =>
  (btf) =>
    withProgram(attachType.startsWith('lsm') ? 'lsm' : 'tracing', attachType, btf, (fd) =>
      bpf('RAW_TRACEPOINT_OPEN', { prog_fd: fd }),
    );
const FUNCTIONS: Needs = {
  capabilities: ['BPF', 'PERFMON'],
  config: ['CONFIG_FUNCTION_TRACER', 'CONFIG_DYNAMIC_FTRACE'],
  since: '5.5',
};

const ATTACH_ROWS: readonly AttachRow[] = [
  {
    name: 'kprobe',
    needs: { capabilities: ['PERFMON'], config: ['CONFIG_KPROBES', 'CONFIG_KPROBE_EVENTS'], since: '4.1' },
    attempt: () => pmu('kprobe', 'do_nanosleep'),
  },
  {
    name: 'kprobe_multi',
    needs: { capabilities: ['BPF', 'PERFMON'], config: ['CONFIG_FPROBE'], since: '5.18' },
    attempt: (btf) =>
      withProgram('kprobe', 'trace_kprobe_multi', btf, (fd) => {
        const result = bpf('LINK_CREATE', {
          prog_fd: fd,
          attach_type: 42,
          kprobe_multi_cnt: 1,
          kprobe_multi_addrs: BigUint64Array.of(1n),
        });
        // No function lies there: the kernel got as far as looking.
        return result === -ERRNO.ESRCH || result === -ERRNO.ENOENT ? fd : result;
      }),
  },
  {
    name: 'uprobe',
    needs: { capabilities: ['PERFMON'], config: ['CONFIG_UPROBES', 'CONFIG_UPROBE_EVENTS'], since: '4.1' },
    attempt: () => pmu('uprobe', ...userPlace()),
  },
  {
    name: 'uprobe_multi',
    needs: { capabilities: ['BPF', 'PERFMON'], config: ['CONFIG_UPROBES'], since: '6.6' },
    attempt: (btf) => withProgram('kprobe', 'trace_uprobe_multi', btf, (fd) => uprobeMulti(fd)),
  },
  {
    name: 'tracepoint',
    needs: { capabilities: ['BPF', 'PERFMON'], config: ['CONFIG_BPF_EVENTS'], since: '4.7' },
    attempt: (btf) =>
      tracefsProblem() === undefined ? withProgram('tracepoint', undefined, btf, (fd) => fd) : -ERRNO.ENOENT,
  },
  {
    name: 'raw_tracepoint',
    needs: { capabilities: ['BPF', 'PERFMON'], config: ['CONFIG_BPF_EVENTS'], since: '4.17' },
    attempt: (btf) =>
      withProgram('raw_tracepoint', undefined, btf, (fd) =>
        bpf('RAW_TRACEPOINT_OPEN', { prog_fd: fd, name: Buffer.from('sched_process_exit\0') }),
      ),
  },
  {
    name: 'tp_btf',
    needs: { capabilities: ['BPF', 'PERFMON'], config: ['CONFIG_DEBUG_INFO_BTF'], since: '5.5' },
    attempt: tracingProgram('trace_raw_tp'),
  },
  { name: 'fentry', needs: FUNCTIONS, attempt: tracingProgram('trace_fentry') },
  { name: 'fexit', needs: FUNCTIONS, attempt: tracingProgram('trace_fexit') },
  { name: 'fmod_ret', needs: { ...FUNCTIONS, since: '5.7' }, attempt: tracingProgram('modify_return') },
  {
    name: 'lsm',
    needs: { capabilities: ['BPF', 'PERFMON'], config: ['CONFIG_BPF_LSM'], since: '5.7' },
    attempt: tracingProgram('lsm_mac'),
  },
  {
    name: 'iter',
    needs: { capabilities: ['BPF', 'PERFMON'], since: '5.8' },
    attempt: (btf) =>
      withProgram('tracing', 'trace_iter', btf, (fd) => bpf('LINK_CREATE', { prog_fd: fd, attach_type: 28 })),
  },
  { name: 'perf_event software', needs: { capabilities: ['PERFMON'] }, attempt: () => opened(cpuClock(0)) },
  {
    name: 'perf_event hardware',
    needs: { capabilities: ['PERFMON'] },
    attempt: () =>
      opened(perfEventOpen({ type: PERF_TYPE.HARDWARE, config: 0, samplePeriod: 1_000_000, disabled: true }, -1, 0)),
  },
  {
    name: 'socket',
    needs: { capabilities: ['NET_RAW'] },
    attempt: () => opened(sys().syscall(sys().calls.socket, 17, 3, 0)),
  },
  {
    name: 'xdp',
    needs: { capabilities: ['NET_ADMIN', 'BPF'], since: '4.8' },
    attempt: (btf) => withProgram('xdp', 'xdp', btf, (fd) => fd),
  },
  {
    name: 'tcx',
    needs: { capabilities: ['NET_ADMIN', 'BPF'], config: ['CONFIG_NET_XGRESS'], since: '6.6' },
    attempt: (btf) =>
      withProgram('sched_cls', 'tcx_ingress', btf, (fd) => {
        const result = bpf('LINK_CREATE', { prog_fd: fd, target_ifindex: 0x7fffffff, attach_type: 46 });
        return result === -ERRNO.ENODEV ? fd : result;
      }),
  },
  {
    name: 'netfilter',
    needs: { capabilities: ['NET_ADMIN', 'BPF'], config: ['CONFIG_NETFILTER_BPF_LINK'], since: '6.4' },
    attempt: (btf) =>
      withProgram('netfilter', 'netfilter', btf, (fd) => {
        // No family has this number: the kernel got as far as looking.
        const attach_type = attachTypeByName('netfilter')!.id;
        const result = bpf('LINK_CREATE', { prog_fd: fd, attach_type, netfilter_pf: 250 });
        return result === -ERRNO.EAFNOSUPPORT ? fd : result;
      }),
  },
  {
    name: 'cgroup',
    needs: { capabilities: ['NET_ADMIN', 'BPF'], config: ['CONFIG_CGROUP_BPF'], since: '4.10' },
    attempt: (btf) => withProgram('cgroup_skb', 'cgroup_inet_egress', btf, (fd) => fd),
  },
];

/** A place in a program that hardly ever runs: where /bin/true begins. */
function userPlace(): [path: string, offset: number] {
  const path = findProgram('true') ?? process.execPath;
  const file = binaryFile(path);
  return [path, file.fileOffset(Number(file.elf.entry)) ?? 0];
}

function uprobeMulti(progFd: number): number {
  const [path, offset] = userPlace();
  return bpf('LINK_CREATE', {
    prog_fd: progFd,
    attach_type: 48,
    uprobe_multi_path: Buffer.from(`${path}\0`),
    uprobe_multi_offsets: BigUint64Array.of(BigInt(offset)),
    uprobe_multi_cnt: 1,
  });
}

/** Why programs cannot be attached so, or undefined when they can. */
export function attachProblem(name: string, btf: Btf | undefined): string | undefined {
  const row = ATTACH_ROWS.find((one) => one.name === name);
  if (!row) return `no kind of attachment is called '${name}'`;
  const result = row.attempt(btf);
  return result >= 0 ? undefined : whyNot(result, row.needs);
}

// ---- all of it ---------------------------------------------------------------------------------------------------------

function sysctl(path: string, meanings: Readonly<Record<string, string>>): Omit<LiveFeature, 'available'> {
  const value = textOf(`/proc/sys/${path}`)?.trim();
  return {
    group: 'kernel',
    name: path.replaceAll('/', '.'),
    detail: value === undefined ? 'not there' : `${value}${meanings[value] ? ` (${meanings[value]})` : ''}`,
  };
}

function kernelRows(btf: Btf | undefined, btfProblem: string | undefined): LiveFeature[] {
  const helpers = btf?.find('bpf_func_id', 'enum');
  const type = helpers === undefined ? undefined : btf!.type(helpers);
  const mode = lockdownMode();
  const jit = sysctl('net/core/bpf_jit_enable', {
    0: 'off: programs are interpreted',
    1: 'on',
    2: 'on, with traces in the log',
  });
  return [
    {
      group: 'kernel',
      name: 'BTF',
      available: btf !== undefined,
      detail: btf ? `${btf.typeCount} types` : btfProblem!,
    },
    {
      group: 'kernel',
      name: 'helpers',
      available: type !== undefined,
      detail: type?.kind === 'enum' ? `${type.values.length - 2} helper functions` : 'not told',
    },
    {
      group: 'kernel',
      name: 'tracefs',
      available: tracefsProblem() === undefined,
      detail: tracefsProblem() ?? (tracefsIsPrivate() ? 'not mounted; skep mounts it for itself alone' : 'mounted'),
    },
    {
      group: 'kernel',
      name: 'lockdown',
      available: mode === 'none' || mode === undefined,
      detail: mode ?? 'not told (no securityfs)',
    },
    { ...jit, available: !jit.detail.startsWith('0') },
    {
      ...sysctl('kernel/unprivileged_bpf_disabled', {
        0: 'anybody may use bpf(2)',
        1: 'only with CAP_BPF, for good',
        2: 'only with CAP_BPF',
      }),
      available: true,
    },
    {
      ...sysctl('kernel/perf_event_paranoid', {
        '-1': 'everybody may do everything',
        2: 'no kernel profiling without CAP_PERFMON',
      }),
      available: true,
    },
    {
      ...sysctl('kernel/kptr_restrict', {
        0: 'addresses are shown',
        1: 'addresses need CAP_SYSLOG',
        2: 'no addresses',
      }),
      available: true,
    },
  ];
}

/** Everything, by trying. Makes maps, programs and links for a moment; nothing of it is seen by anybody. */
export function liveFeatures(): LiveFeature[] {
  const rights = (Object.keys(CAPABILITIES) as Capability[]).map(
    (name): LiveFeature => ({
      group: 'rights',
      name: `CAP_${name}`,
      available: has(name),
      detail: has(name) ? '' : 'this process does not have it (root does)',
    }),
  );
  let btf: Btf | undefined;
  let problem: string | undefined;
  try {
    btf = vmlinuxBtf();
  } catch (error) {
    problem = (error as Error).message;
  }
  const rows = [...rights, ...kernelRows(btf, problem)];
  if (bpfUnavailable() !== undefined) return rows;
  const attachments = ATTACH_ROWS.map((row): LiveFeature => {
    const why = attachProblem(row.name, btf);
    return { group: 'attach', name: row.name, available: why === undefined, detail: why ?? '' };
  });
  return [...rows, ...programTypes(btf), ...mapTypes(), ...attachments];
}
