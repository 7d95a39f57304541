/**
 * What a device can run: an offload device (a network card with a BPF core of its own) takes part of what the kernel takes. A device is
 * described by data, and `fits` says of a program every reason why it does not fit, so that a user can choose what to give up.
 *
 * The limits that Linux knows of such devices: net/core/dev.c and kernel/bpf/offload.c (program types, map types), and the one driver in
 * the tree, drivers/net/ethernet/netronome/nfp/bpf/ (instructions, helpers, stack, map sizes).
 */
import { helperById } from '../helpers/index.ts';
import { decode } from '../isa/insn.ts';
import { ALU_OPS, CALL, CLASS, MODE, OP_CALL, OP_CALLX, OP_LD_IMM64 } from '../isa/ops.ts';
import { progTypeByName } from '../progs/index.ts';
import type { MapSpec, ProgSpec } from '../spec/spec.ts';

export interface DeviceCapabilities {
  /** For messages: "the default device". */
  readonly name: string;
  readonly progTypes: readonly string[];
  /** Longest program, in 8-byte instructions. */
  readonly mostInsns: number;
  /** Largest stack, bytes. */
  readonly stackBytes: number;
  /** Helpers by kernel name without `bpf_`. */
  readonly helpers: readonly string[];
  readonly mapTypes: readonly string[];
  /** Most maps on the device, most elements in all of them, and largest key and value, bytes. */
  readonly mostMaps: number;
  readonly mostElements: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** Division and modulo by a register. */
  readonly divideByRegister: boolean;
  /** Atomic operations: none, add without fetch, or all. */
  readonly atomics: 'none' | 'add' | 'all';
  /** BPF-to-BPF calls. */
  readonly functions: boolean;
}

/** A card like the one that Linux has a driver for: XDP and classifiers, hash and array maps, adjust_head. */
export const DEFAULT_DEVICE: DeviceCapabilities = {
  name: 'the default device',
  progTypes: ['xdp', 'sched_cls'],
  mostInsns: 8192,
  stackBytes: 512,
  helpers: [
    'map_lookup_elem',
    'map_update_elem',
    'map_delete_elem',
    'get_prandom_u32',
    'perf_event_output',
    'xdp_adjust_head',
    'xdp_adjust_tail',
  ],
  mapTypes: ['hash', 'array', 'perf_event_array'],
  mostMaps: 64,
  mostElements: 1 << 20,
  keyBytes: 64,
  valueBytes: 64,
  divideByRegister: false,
  atomics: 'add',
  functions: true,
};

/** Why a program does not fit. `pc` is an instruction's slot, where one is to blame. */
export interface Misfit {
  readonly reason: string;
  readonly pc?: number;
}

const ATOMIC_ADD = 0;

/** Every reason why `prog` with `maps` does not fit the device, in program order; none means that it fits. `stackBytes` is what the verifier proved. */
export function fits(
  prog: ProgSpec,
  maps: readonly MapSpec[],
  device: DeviceCapabilities,
  stackBytes = prog.facts?.stackDepth ?? 0,
): Misfit[] {
  const out: Misfit[] = [];
  const say = (reason: string, pc?: number) => out.push(pc === undefined ? { reason } : { reason, pc });
  if (!device.progTypes.includes(prog.type)) {
    const known = progTypeByName(prog.type) ? '' : ' (no such program type)';
    say(`${device.name} runs ${device.progTypes.join(' and ')} programs, not ${prog.type}${known}`);
  }
  const code = decode(prog.insns);
  if (code.length > device.mostInsns) say(`${code.length} instructions; ${device.name} holds ${device.mostInsns}`);
  if (stackBytes > device.stackBytes) say(`${stackBytes} bytes of stack; ${device.name} has ${device.stackBytes}`);
  checkMaps(maps, device, say);
  for (let pc = 0; pc < code.length; pc++) {
    const [opcode, src, imm] = [code.opcode[pc]!, code.src[pc]!, code.imm[pc]!];
    const kind = opcode & 7;
    if (opcode === OP_LD_IMM64) pc++;
    else if (opcode === OP_CALLX) say('calls through a register', pc);
    else if (opcode === OP_CALL) checkCall(src, imm, device, (reason) => say(reason, pc));
    else if (kind === CLASS.ALU || kind === CLASS.ALU64) {
      const operation = ALU_OPS.find((row) => row.code === (opcode & 0xf0))?.name;
      if ((operation === 'div' || operation === 'mod') && (opcode & 8) !== 0 && !device.divideByRegister)
        say(`${operation} by a register`, pc);
    } else if (kind === CLASS.STX && (opcode & 0xe0) === MODE.ATOMIC) {
      if (device.atomics === 'none') say('atomic operations', pc);
      else if (device.atomics === 'add' && imm !== ATOMIC_ADD) say('atomic operations other than add', pc);
    }
  }
  return out;
}

function checkMaps(maps: readonly MapSpec[], device: DeviceCapabilities, say: (reason: string) => void): void {
  if (maps.length > device.mostMaps) say(`${maps.length} maps; ${device.name} has room for ${device.mostMaps}`);
  const elements = maps.reduce((sum, map) => sum + map.maxEntries, 0);
  if (elements > device.mostElements)
    say(`${elements} map elements in all; ${device.name} has room for ${device.mostElements}`);
  for (const map of maps) {
    if (!device.mapTypes.includes(map.type))
      say(`map ${map.name} is of type ${map.type}; ${device.name} has ${device.mapTypes.join(', ')}`);
    if (map.keySize > device.keyBytes)
      say(`map ${map.name} has keys of ${map.keySize} bytes; ${device.name} takes ${device.keyBytes}`);
    if (map.valueSize > device.valueBytes)
      say(`map ${map.name} has values of ${map.valueSize} bytes; ${device.name} takes ${device.valueBytes}`);
  }
}

function checkCall(src: number, imm: number, device: DeviceCapabilities, say: (reason: string) => void): void {
  if (src === CALL.local) {
    if (!device.functions) say('calls of BPF functions');
    return;
  }
  if (src === CALL.kfunc) {
    say('calls of kernel functions');
    return;
  }
  const name = helperById(imm)?.name;
  if (name === undefined) say(`calls helper number ${imm}, which does not exist`);
  else if (!device.helpers.includes(name)) say(`helper ${name} is not on ${device.name}`);
}
