/**
 * Cases with types (data/typed/*.txt): programs that call functions of the kernel, look into its objects, or bring types of their own. The format
 * is that of cases.ts, and
 *
 *   value: locked         the program begins with a lookup in a map of such values (generate-types.ts), which is in r6 (the next one in r7)
 *   main: main_catching   the type of the main function, where it is not the ordinary one
 *   own: no               the program brings no types
 *   reason: TEXT          the line of the log before the last
 *   wants: UNSAFE         why the running kernel is not asked
 *
 * `type(NAME)` and `kernel(NAME)` are the numbers of a struct of the program's types and of the kernel's, `variable(NAME)` is that of a
 * variable, `field(STRUCT,FIELD)` is an offset in the kernel's. A label that is a function of generate-types.ts begins that function. `call NAME` calls a helper, a label, or a function of the kernel.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Btf } from '../../core/btf/btf.ts';
import { compositeOf, offsetOf } from '../../core/btf/layout.ts';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import type { FuncInfo, MapSpec } from '../../core/spec/spec.ts';
import { lastLine, type VerifyResult, verify } from '../../core/verifier/index.ts';
import { makeMap, makeProg, readBlocks } from './cases.ts';
import { type FuzzTypes, fuzzTypes } from './generate-types.ts';
import type { Question } from './kernel-oracle.ts';

export interface TypedCase {
  readonly file: string;
  readonly name: string;
  readonly type: string;
  readonly attach: string | undefined;
  readonly target: string | undefined;
  readonly license: string;
  readonly sleepable: boolean;
  readonly unprivileged: boolean;
  readonly kernel: string | undefined;
  readonly maps: readonly MapSpec[];
  readonly main: string;
  readonly own: boolean;
  readonly code: string;
  readonly says: string;
  /** The line before the last, where the last says only who called. */
  readonly reason: string | undefined;
  /** Why the kernel is not asked. */
  readonly unasked: string | undefined;
}

let types: FuzzTypes | undefined;
export function ownTypes(): FuzzTypes {
  types ??= fuzzTypes();
  return types;
}

const FIRST_VALUE = 6;

/** Look up key 0 in a map; the value is in the register. */
const lookup = (map: number, reg: number) => `
  *(u32 *)(r10 - 4) = 0
  r1 = map[id:${map}]
  r2 = r10
  r2 += -4
  call map_lookup_elem
  if r0 != 0 goto found${reg}
  r0 = 0
  exit
  found${reg}: r${reg} = r0
`;

function parse(file: string, text: string): TypedCase[] {
  return readBlocks(text).map(({ name, headers, lists, code }) => {
    const values = (lists.get('value') ?? []).map((value) => {
      const spec = ownTypes().values.get(value);
      if (!spec) throw new Error(`${file}: ${name}: no value '${value}'`);
      return spec;
    });
    // The oracle's maps are all called so.
    const maps = [...values, ...(lists.get('map') ?? []).map((m, i) => makeMap(i, m))].map((m) => ({
      ...m,
      name: 'm',
    }));
    return {
      file,
      name,
      type: headers.get('type') ?? 'sched_cls',
      attach: headers.get('attach'),
      target: headers.get('target'),
      license: headers.get('license') ?? 'GPL',
      sleepable: headers.get('sleepable') === 'yes',
      maps,
      main: headers.get('main') ?? 'main',
      own: headers.get('own') !== 'no',
      code: values.map((_, i) => lookup(i, FIRST_VALUE + i)).join('') + code,
      says: headers.get('says') ?? 'ok',
      reason: headers.get('reason'),
      unprivileged: headers.get('unprivileged') === 'yes',
      kernel: headers.get('kernel'),
      unasked: headers.get('wants') ?? headers.get('kernel') ?? headers.get('unprivileged'),
    };
  });
}

export function typedCases(): TypedCase[] {
  const folder = new URL('data/typed/', import.meta.url);
  return readdirSync(folder)
    .sort()
    .flatMap((f) => parse(f, readFileSync(new URL(f, folder), 'utf8')));
}

/** Kernel functions are numbered from here until the calls are mended. */
const KFUNC = 1 << 24;
const SRC_KFUNC = 0x20;

/** The case's program with the numbers that functions have in these types of a kernel. Undefined where it has not all of them. */
export function programOf(c: TypedCase, kernel: Btf): Question | undefined {
  let complete = true;
  const kfunc = (name: string): number => {
    // The assembler takes the prefix away.
    const id = kernel.find(`bpf_${name}`, 'func') ?? kernel.find(name, 'func');
    if (id === undefined) complete = false;
    return KFUNC + (id ?? 0);
  };
  const labels = new Map<string, number>();
  const functions = /^\s*(\w+):/gm;
  const local = new Set([...c.code.matchAll(functions)].map((m) => m[1]!));
  const code = c.code
    .replace(/\btype\((\w+)\)/g, (_, name) => String(ownTypes().btf.find(name, 'struct')))
    .replace(/\bkernel\((\w+)\)/g, (_, name) => String(kernel.find(name, 'struct')))
    .replace(/\bvariable\((\w+)\)/g, (_, name) => String(kernel.find(name, 'var')))
    .replace(/\bfield\((\w+),(\w+)\)/g, (_, struct, field) => String(offsetOf(kernel, struct, field)));
  const insns = assemble(code, {
    file: `${c.file}: ${c.name}`,
    labels,
    helper: (n) => helperByName(n)?.id ?? (local.has(n) ? undefined : kfunc(n)),
  });
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  for (let at = 0; at < insns.length; at += 8) {
    const imm = view.getInt32(at + 4, true);
    if (insns[at] !== 0x85 || insns[at + 1] !== 0 || imm < KFUNC) continue;
    insns[at + 1] = SRC_KFUNC;
    view.setInt32(at + 4, imm - KFUNC, true);
  }
  const { type, attach, license, maps } = c;
  const funcs: FuncInfo[] = [[c.main, 0] as const, ...[...labels].filter(([label]) => ownTypes().has(label))].map(
    ([label, insn]) => {
      const btfId = ownTypes().func(label, type);
      const t = ownTypes().btf.type(btfId);
      return { name: 'name' in t ? t.name : label, insn, btfId };
    },
  );
  const place = targetOf(c, kernel);
  const question = { type, attach, license, maps, insns, ...place, ...(c.sleepable && { flags: 0x10 }) };
  return complete ? { ...question, ...(c.own && { funcs: funcs.sort((a, b) => a.insn - b.insn) }) } : undefined;
}

/** What the program attaches to, as BPF_PROG_LOAD wants it. */
function targetOf({ type, attach, target = '' }: TypedCase, kernel: Btf): { btfId?: number; member?: number } {
  let id: number | undefined;
  if (type === 'struct_ops') {
    const [struct = '', name] = target.split(':');
    id = kernel.find(struct, 'struct');
    const members = id === undefined ? [] : compositeOf(kernel, id)!.members;
    const index = members.findIndex((m) => m.name === name);
    return id === undefined ? {} : { btfId: id, member: index < 0 ? members.length : index };
  }
  if (attach === 'trace_raw_tp') id = kernel.find(`btf_trace_${target}`, 'typedef');
  else id = kernel.find(`${attach === 'trace_iter' ? 'bpf_iter_' : type === 'lsm' ? 'bpf_lsm_' : ''}${target}`, 'func');
  return id === undefined ? {} : { btfId: id };
}

export function verifyTyped(c: TypedCase, q: Question, kernel: Btf): VerifyResult {
  const prog = { ...makeProg({ ...c, insns: q.insns }), funcs: q.funcs ?? [] };
  return verify(
    { prog, maps: c.maps, kernelBtf: kernel, ...(c.own && { objectBtf: ownTypes().btf }) },
    { sleepable: c.sleepable, privileged: !c.unprivileged, ...(c.kernel === undefined ? {} : { kernel: c.kernel }) },
  );
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Is that what the case says? `…` there stands for a number that differs from kernel to kernel. */
export function isSaid(c: TypedCase, text: string): boolean {
  return new RegExp(`^${c.says.split('…').map(escaped).join('[-\\w]+')}$`).test(text);
}

export function verdict(r: VerifyResult): string {
  return r.ok ? 'ok' : lastLine(r);
}
