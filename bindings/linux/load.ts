/**
 * Programs of the running kernel: references become descriptors and BTF ids, then BPF_PROG_LOAD. Our verifier looks first, and what it refuses
 * the kernel is not asked about, unless `askKernel` says so. Where ours cannot tell (something it does not know, no time left, a rule of a release,
 * which vendors change by moving features back), the kernel decides, and a line says that. A refusal by the kernel that ours did not foresee is
 * explained from the kernel's log, and says so.
 */
import type { MapHandle, ProgHandle } from '../../core/backend/backend.ts';
import { ERRNO } from '../../core/base/errno.ts';
import { BpfError, nearestNames, SysError, Unsupported, VerifierError } from '../../core/base/errors.ts';
import { timed } from '../../core/base/timings.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { POISON_HELPER, relocateProg } from '../../core/elf/core-relo.ts';
import { CALL, OP_CALL, OP_LD_IMM64, PSEUDO } from '../../core/isa/ops.ts';
import { attachTypeByName } from '../../core/progs/attach-types.ts';
import { progTypeByName, progTypeOfSection } from '../../core/progs/index.ts';
import type { ObjectSpec, ProgReloc, ProgSpec } from '../../core/spec/spec.ts';
import {
  explainKernelLog,
  renderExplanation,
  type VerifyInput,
  type VerifyResult,
  verify,
} from '../../core/verifier/index.ts';
import { progLoad, sys } from './bpf.ts';
import { whyNot } from './features.ts';
import { onlineCpus, versionCode } from './machine.ts';
import { ownMap } from './maps.ts';
import { findInModules, ModuleFds } from './module-btf.ts';
import type { ObjectBtf } from './prog-btf.ts';
import { neededToLoad } from './rights.ts';
import { attachTarget, moduleOfCalls } from './targets.ts';

/** BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS (include/uapi/linux/bpf.h). */
const F_SLEEPABLE = 1 << 4;
const F_XDP_HAS_FRAGS = 1 << 5;

/** Instructions that kernels go through before a program is too large (BPF_COMPLEXITY_LIMIT_INSNS). */
const MOST_PROCESSED = 1_000_000;

/** What loading asks of the backend. */
export interface LoadHost {
  readonly kernelBtf: Btf;
  readonly release: string;
  /** Address of a kernel symbol, for references without a type. */
  ksymAddress(name: string): bigint | undefined;
  objectBtf(object: ObjectSpec): ObjectBtf;
  /** Load what our verifier refuses as well: the kernel alone decides. */
  readonly askKernel?: boolean | undefined;
  warn?(line: string): void;
}

/** What may run in front of a program, and when it lets it run: see filter.ts. */
export interface Prologue {
  /** Instructions; they keep r1 and fall through to the program, or exit. */
  readonly insns: Uint8Array;
}

/** Another way to load a program that is loaded already. */
interface Variant {
  readonly prologue?: Prologue | undefined;
  readonly attachType?: string | undefined;
}

/** What a loaded program does to be loaded again. */
interface LoadWays {
  again(variant: Variant): number;
  /** Another program of the same object, with the same maps. */
  load(spec: ProgSpec): LinuxProg;
}

export class LinuxProg implements ProgHandle {
  readonly spec: ProgSpec;
  readonly log: string;
  readonly fd: number;
  /** What our verifier was given. */
  readonly input: VerifyInput;
  readonly #ways: LoadWays;
  readonly #variants = new Map<string, number>();
  readonly #others = new Map<string, LinuxProg>();
  #open = true;

  constructor(
    spec: ProgSpec,
    loaded: { readonly fd: number; readonly log: string; readonly input: VerifyInput },
    ways: LoadWays,
  ) {
    this.spec = spec;
    this.fd = loaded.fd;
    this.log = loaded.log;
    this.input = loaded.input;
    this.#ways = ways;
  }

  /** The same program behind a prologue, or for another expected attach type; loaded when first asked for. Throws as loading does. */
  variantFd(variant: Variant): number {
    if (!variant.prologue && variant.attachType === undefined) return this.fd;
    const key = `${variant.prologue ? 'behind a prologue ' : ''}${variant.attachType ?? ''}`;
    let fd = this.#variants.get(key);
    if (fd === undefined) this.#variants.set(key, (fd = this.#ways.again(variant)));
    return fd;
  }

  /** A program made of this one, with the same maps, which lives as long; loaded when first asked for under this name. Throws as loading does. */
  other(name: string, rewrite: (input: VerifyInput) => ProgSpec): LinuxProg {
    let prog = this.#others.get(name);
    if (!prog) this.#others.set(name, (prog = this.#ways.load(rewrite(this.input))));
    return prog;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    sys().close(this.fd);
    for (const fd of this.#variants.values()) sys().close(fd);
    for (const prog of this.#others.values()) prog.close();
  }
}

/** Throws VerifierError, SysError, Unsupported. */
export function loadProgram(
  given: ProgSpec,
  object: ObjectSpec,
  maps: ReadonlyMap<string, MapHandle>,
  host: LoadHost,
): LinuxProg {
  const prog = relocateProg(given, object.btf, host.kernelBtf);
  const section = progTypeOfSection(prog.section);
  const sleepable = section?.section.sleepable === true && section.row.name === prog.type;
  // Before the verifier, which knows no names that are near.
  const target = attachTarget(prog, host.kernelBtf);
  const inModule = target?.inModule ?? moduleOfCalls(prog, host.kernelBtf);
  const input: VerifyInput = {
    prog: target?.inModule ? { ...prog, attach: { ...prog.attach!, target: target.name } } : prog,
    maps: [...maps.values()].map((map) => map.spec),
    kernelBtf: inModule?.btf ?? host.kernelBtf,
    objectBtf: object.btf,
    source: (file: string) => object.sources?.[file],
  };
  const check = (kernel?: string): VerifyResult =>
    timed('verify', () => verify(input, { ...(kernel && { kernel }), cpus: onlineCpus().length, sleepable, level: 0 }));
  const checked = check(host.release);
  if (!checked.ok && !host.askKernel) {
    const doubt =
      doubtOf(checked) ??
      (check().ok ? `${checked.error!.message} (by the rules of Linux ${host.release})` : undefined);
    if (doubt === undefined)
      throw ourRefusal(prog, checked, 'not loaded; with --no-verify the running kernel is asked all the same');
    host.warn?.(`program '${prog.name}': skep's verifier cannot tell: ${doubt}; the running kernel decides`);
  }
  const load = ({ prologue, attachType }: Variant) => {
    const modules = new ModuleFds();
    const shift = (prologue?.insns.length ?? 0) / 8;
    try {
      const insns = joined(prologue, resolveRelocs(prog, maps, host, modules));
      const request = {
        ...requestOf(attachType === undefined ? prog : { ...prog, attachType }, insns, sleepable, target?.id ?? 0),
        ...(target?.inModule && { attachBtfFd: modules.fd(target.inModule.module) }),
        fds: modules.array,
      };
      const btf = host.objectBtf(object).infoOf(prog, insns, shift);
      try {
        return timed('load', () => progLoad({ ...request, ...(btf && { btf }) }));
      } catch (error) {
        // Line info that this kernel does not like must not keep the program out.
        if (!btf || !(error instanceof VerifierError) || !/(func|line)_info|BTF/i.test(error.message)) throw error;
        return progLoad(request);
      }
    } finally {
      modules.close();
    }
  };
  try {
    const loaded = load({});
    return new LinuxProg(
      prog,
      { fd: loaded.fd, log: loaded.log || checked.log, input },
      { again: (variant) => load(variant).fd, load: (spec) => loadProgram(spec, object, maps, host) },
    );
  } catch (error) {
    throw refusal(prog, object, checked, error);
  }
}

function requestOf(prog: ProgSpec, insns: Uint8Array, sleepable: boolean, target: number) {
  const row = progTypeByName(prog.type);
  if (!row)
    throw new BpfError(
      'EINVAL',
      `program '${prog.name}' (section '${prog.section}') has no program type: name one in loadFunc`,
    );
  const attachType = prog.attachType === undefined ? undefined : attachTypeByName(prog.attachType);
  const frags = prog.section.startsWith('xdp.frags');
  return {
    type: row.id,
    insns,
    license: prog.license,
    name: prog.name,
    kernVersion: versionCode(),
    flags: (sleepable ? F_SLEEPABLE : 0) | (frags ? F_XDP_HAS_FRAGS : 0),
    expectedAttachType: attachType?.id ?? 0,
    attachBtfId: target,
  };
}

/** A copy of the instructions with every reference resolved. */
function resolveRelocs(
  prog: ProgSpec,
  maps: ReadonlyMap<string, MapHandle>,
  host: LoadHost,
  modules: ModuleFds,
): Uint8Array {
  const bytes = prog.insns.slice();
  const view = new DataView(bytes.buffer);
  const put = (reloc: ProgReloc, pseudo: number, low: number, high = 0): void => {
    const at = reloc.insn * 8;
    if (bytes[at] !== OP_LD_IMM64)
      throw new BpfError(
        'EINVAL',
        `program ${prog.name}: relocation at instruction ${reloc.insn}, which loads no address`,
      );
    bytes[at + 1] = (bytes[at + 1]! & 15) | (pseudo << 4);
    view.setInt32(at + 4, low, true);
    view.setInt32(at + 12, high, true);
  };
  for (const reloc of prog.relocs) {
    if (reloc.kind === 'map' || reloc.kind === 'map_value') {
      const map = maps.get(reloc.map);
      if (!map) throw new BpfError('ENOENT', `program ${prog.name} names a map ${reloc.map} that was not created`);
      const { fd } = ownMap(map);
      if (reloc.kind === 'map') put(reloc, PSEUDO.map_fd, fd);
      else put(reloc, PSEUDO.map_value, fd, reloc.offset);
    } else if (bytes[reloc.insn * 8] === OP_CALL) {
      const inKernel = host.kernelBtf.find(reloc.name, 'func');
      const inModule = inKernel === undefined ? findInModules(reloc.name, 'func', host.kernelBtf) : undefined;
      const id = inKernel ?? inModule?.id;
      if (inModule) view.setInt16(reloc.insn * 8 + 2, modules.place(inModule.module), true);
      if (id === undefined && !reloc.weak) throw missingSymbol(prog, reloc.name, host.kernelBtf.names('func'));
      const at = reloc.insn * 8;
      // A call that cannot be: the program asks beforehand whether the function is there, so the verifier never comes here.
      bytes[at + 1] = (bytes[at + 1]! & 15) | ((id === undefined ? CALL.helper : CALL.kfunc) << 4);
      view.setInt32(at + 4, id ?? POISON_HELPER, true);
    } else {
      const id = host.kernelBtf.find(reloc.name, 'var') ?? host.kernelBtf.find(reloc.name, 'func');
      const address = id === undefined ? host.ksymAddress(reloc.name) : undefined;
      if (id !== undefined) put(reloc, PSEUDO.btf_id, id);
      else if (address !== undefined)
        put(reloc, PSEUDO.imm, Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n)));
      else if (reloc.weak) put(reloc, PSEUDO.imm, 0);
      else throw missingSymbol(prog, reloc.name, host.kernelBtf.names('var'));
    }
  }
  return bytes;
}

function missingSymbol(prog: ProgSpec, name: string, names: Iterable<string>): BpfError {
  const near = nearestNames(name, names);
  return new BpfError(
    'ENOENT',
    `program '${prog.name}': the running kernel has no symbol '${name}'${near.length > 0 ? `; nearest: ${near.join(', ')}` : ''}`,
  );
}

function joined(prologue: Prologue | undefined, insns: Uint8Array): Uint8Array {
  if (!prologue) return insns;
  const out = new Uint8Array(prologue.insns.length + insns.length);
  out.set(prologue.insns);
  out.set(insns, prologue.insns.length);
  return out;
}

/** What keeps our verifier from knowing, as far as that is why it says no: something that it does not have, or its own limit of time and memory. */
function doubtOf({ error, insnsProcessed }: VerifyResult): string | undefined {
  if (error?.category === 'unsupported') return error.message;
  if (
    error?.category === 'limit' &&
    insnsProcessed < MOST_PROCESSED &&
    /^BPF program is too large\. P/.test(error.message)
  )
    return `the program takes too long (${insnsProcessed} instructions gone through)`;
  return undefined;
}

function ourRefusal(prog: ProgSpec, { error, log }: VerifyResult, note: string, kernel?: VerifierError): VerifierError {
  const { message, pc, sourceLine, explanation } = error!;
  return new VerifierError(
    `program ${prog.name} was refused: ${message} (${sourceLine ?? `instruction ${pc}`})\n${renderExplanation(explanation)}${note === '' ? '' : `\n${note}`}`,
    { pc, sourceLine, log: kernel?.log ?? log, ...(kernel && { cause: kernel }) },
  );
}

/** What the user hears: our explanation where we refuse as well, else the kernel's log explained. */
function refusal(prog: ProgSpec, object: ObjectSpec, checked: VerifyResult, error: unknown): unknown {
  if (error instanceof SysError && error.errno === 'EPERM' && /^(tracing|lsm|ext)$/.test(prog.type))
    return new Unsupported(`loading ${prog.type} program '${prog.name}' (${prog.attachType ?? 'no attach type'})`, {
      backend: 'linux',
      hint: whyNot(-ERRNO.EPERM, { capabilities: neededToLoad(prog.type) }),
      cause: error,
    });
  if (!(error instanceof VerifierError)) return error;
  if (!checked.ok && doubtOf(checked) === undefined) return ourRefusal(prog, checked, '', error);
  const explained = explainKernelLog(error.log, prog, {
    maps: object.maps,
    objectBtf: object.btf,
    source: (file) => object.sources?.[file],
  });
  const tail = error.log.trimEnd().split('\n').slice(-20).join('\n');
  return new VerifierError(
    `program ${prog.name} was refused by the running kernel, which skep's verifier did not foresee: ${error.message}\n${explained ? renderExplanation(explained) : tail}`,
    { pc: error.pc, log: error.log, cause: error },
  );
}
