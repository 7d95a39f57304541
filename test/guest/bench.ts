/** What the cases of the guest share: one backend, programs that are closed after each case, something to trace. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import type { AttachWay } from '../../bindings/linux/attach/attach-kind.ts';
import { LinuxBackend } from '../../bindings/linux/backend.ts';
import { BPF } from '../../core/index.ts';

export interface Case {
  readonly name: string;
  run(): void | Promise<void>;
}

export const MINE = `if ((bpf_get_current_pid_tgid() >> 32) != ${process.pid}) return 0;`;

/** One process, one backend for each kind of kernel: types and symbols are read once. */
const backends = new Map<string, LinuxBackend>();
export const warnings: string[] = [];

/** Closed after each case, however it ends. */
const open: BPF[] = [];

/** A program, on this kernel or on what it would be without some of its ways to attach. */
export function load(text: string, ...without: AttachWay[]): BPF {
  const key = without.join();
  let backend = backends.get(key);
  if (!backend) {
    const btf = backends.values().next().value?.kernelBtf;
    backend = new LinuxBackend({ warn: (line) => warnings.push(line), without, ...(btf && { btf }) });
    backends.set(key, backend);
  }
  const b = new BPF({ text, backend });
  open.push(b);
  return b;
}

export function closePrograms(): void {
  for (const b of open.splice(0)) b.close();
}

export function closeBackends(): void {
  for (const backend of backends.values()) backend.close();
}

/** Makes and removes `times` folders: vfs_mkdir and its security hooks. */
export function makeFolders(times: number): void {
  for (let i = 0; i < times; i++) {
    mkdirSync(`/tmp/folder-${i}`);
    rmdirSync(`/tmp/folder-${i}`);
  }
}

export const count = (b: BPF, table: string, key: number): number => Number(b.getTable(table).get(key) ?? 0);

/** What the guest runs as a user would. */
export function command(line: string): { stdout: string; stderr: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8', timeout: 120_000 });
  return { stdout, stderr, status };
}

/** Nothing of ours hangs on the kernel any more: no kprobe, no program. */
export function nothingLeft(): void {
  assert.equal(readFileSync('/sys/kernel/debug/kprobes/list', 'utf8'), '');
  assert.equal(readFileSync('/sys/kernel/debug/tracing/kprobe_events', 'utf8'), '');
}
