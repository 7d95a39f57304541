/**
 * Only the traced command: a map of its processes, kept by two small programs of our own (at fork and when a process is gone), and a prologue in
 * front of every program that fires in tasks, which leaves at once for anybody else. So nothing of other processes is ever sent.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Backend, Link, MapHandle, ProgHandle } from '../../core/backend/backend.ts';
import { BpfError } from '../../core/base/errors.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { compile } from '../../core/cc/index.ts';
import { OP_LD_IMM64 } from '../../core/isa/ops.ts';
import type { Prologue } from './load.ts';

const TEXT = `
BPF_HASH(skep_tree, u32, u8, 65536);

RAW_TRACEPOINT_PROBE(sched_process_fork)
{
    struct task_struct *parent = (struct task_struct *)ctx->args[0];
    struct task_struct *child = (struct task_struct *)ctx->args[1];
    u32 from = parent->tgid, to = child->tgid;
    u8 here = 1;
    if (skep_tree.lookup(&from))
        skep_tree.update(&to, &here);
    return 0;
}

RAW_TRACEPOINT_PROBE(sched_process_free)
{
    struct task_struct *task = (struct task_struct *)ctx->args[0];
    u32 tgid = task->tgid, tid = task->pid;
    if (tgid == tid)
        skep_tree.delete(&tgid);
    return 0;
}
`;

/** The processes of a command. */
export class ProcessTree {
  readonly prologue: Prologue;
  readonly #map: MapHandle & { readonly fd?: number };
  readonly #progs: ProgHandle[] = [];
  readonly #links: Link[] = [];

  constructor(backend: Pick<Backend, 'createMap' | 'load' | 'attach'>, kernelBtf: Btf, release: string) {
    const { object, diagnostics } = compile({ name: 'skep_tree.c', text: TEXT }, { kernelBtf, kernelRelease: release });
    if (!object)
      throw new BpfError('COMPILE', `the process filter does not compile on this kernel: ${diagnostics[0]?.message}`);
    const spec = object.maps.find((map) => map.name === 'skep_tree')!;
    this.#map = backend.createMap(spec, object);
    for (const prog of object.progs) {
      const loaded = backend.load(prog, object, new Map([[spec.name, this.#map]]));
      this.#progs.push(loaded);
      this.#links.push(backend.attach(loaded, { kind: 'raw_tracepoint', target: prog.attach!.target }));
    }
    this.prologue = { insns: prologueOf(this.#map.fd!) };
  }

  /** A process, and what it has started so far. */
  add(pid: number): void {
    this.#map.update(key(pid), Uint8Array.of(1));
    for (const child of childrenOf(pid)) this.add(child);
  }

  /** Processes that still run. */
  running(): number[] {
    const pids: number[] = [];
    for (let at = this.#map.nextKey(undefined); at !== undefined; at = this.#map.nextKey(at)) {
      const pid = new DataView(at.buffer, at.byteOffset).getUint32(0, true);
      if (isRunning(pid)) pids.push(pid);
    }
    return pids;
  }

  close(): void {
    for (const link of this.#links) link.close();
    for (const prog of this.#progs) prog.close();
    this.#map.close();
  }
}

function key(pid: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(pid).buffer);
}

function childrenOf(pid: number): number[] {
  const children: number[] = [];
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
      children.push(
        ...text
          .split(' ')
          .filter((word) => word !== '')
          .map(Number),
      );
    }
  } catch {
    // Gone, or a kernel that does not list children (CONFIG_PROC_CHILDREN).
  }
  return children;
}

/** A zombie runs no more. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const state = stat[stat.lastIndexOf(')') + 2];
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

/** `if (!tree[pid_tgid >> 32]) return 0;` with r1 kept (in r6, which a program may not read before it wrote it). */
function prologueOf(mapFd: number): Uint8Array {
  const MOV_REG = 0xbf;
  const MOV_IMM = 0xb7;
  const CALL = 0x85;
  const rows: readonly (readonly [op: number, dst: number, src: number, off: number, imm: number])[] = [
    [MOV_REG, 6, 1, 0, 0],
    [CALL, 0, 0, 0, 14], // bpf_get_current_pid_tgid
    [0x77, 0, 0, 0, 32], // r0 >>= 32
    [0x63, 10, 0, -4, 0], // *(u32 *)(r10 - 4) = r0
    [MOV_REG, 2, 10, 0, 0],
    [0x07, 2, 0, 0, -4], // r2 += -4
    [OP_LD_IMM64, 1, 1, 0, mapFd],
    [0, 0, 0, 0, 0],
    [CALL, 0, 0, 0, 1], // bpf_map_lookup_elem
    [MOV_REG, 1, 6, 0, 0],
    [0x55, 0, 0, 2, 0], // if r0 != 0 goto the program
    [MOV_IMM, 0, 0, 0, 0],
    [0x95, 0, 0, 0, 0],
  ];
  const bytes = new Uint8Array(rows.length * 8);
  const view = new DataView(bytes.buffer);
  rows.forEach(([op, dst, src, off, imm], i) => {
    bytes[i * 8] = op;
    bytes[i * 8 + 1] = dst | (src << 4);
    view.setInt16(i * 8 + 2, off, true);
    view.setInt32(i * 8 + 4, imm, true);
  });
  return bytes;
}
