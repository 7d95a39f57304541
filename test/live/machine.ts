/** What live tests need of the machine: why they cannot run here, a backend for each test, own network namespaces, small C programs. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { LinuxBackend, type LinuxBackendOptions } from '../../bindings/linux/backend.ts';
import { BpfAttr, bpfUnavailable } from '../../bindings/linux/bpf.ts';
import { vmlinuxBtf } from '../../bindings/linux/machine.ts';
import { pmuType } from '../../bindings/linux/perf-event.ts';
import { tracefsProblem } from '../../bindings/linux/tracefs.ts';
import { setSession } from '../../core/bcc/session.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { keepSession } from '../bcc/session.ts';

/** Why there is no live kernel here, or undefined. */
export const noKernel: string | undefined = bpfUnavailable() ?? withoutBtf();

function withoutBtf(): string | undefined {
  try {
    vmlinuxBtf();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export const noTracefs: string | undefined = noKernel ?? tracefsProblem();
export const noUprobes: string | undefined =
  noKernel ?? (pmuType('uprobe') === undefined ? 'no uprobe PMU' : undefined);

/** For the title of a suite: `(skipped: ...)`. */
export function title(what: string, problem: string | undefined): string {
  return problem === undefined ? what : `${what} (skipped: ${problem})`;
}

/** Can a program be run? Else a reason to skip. */
export function noCommand(name: string): string | undefined {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0 ? undefined : `no ${name}`;
}

let types: Btf | undefined;
const undo: (() => void)[] = [];

afterEach(() => {
  for (const one of undo.splice(0).reverse()) one();
});

/** Something to do when the test is over, last first. */
export function afterwards(action: () => void): void {
  undo.push(action);
}

/** The live backend as the session's, closed after the test; with what was warned. */
export function liveBackend(options: LinuxBackendOptions = {}): {
  backend: LinuxBackend;
  warned: string[];
  printed: string[];
} {
  types ??= vmlinuxBtf();
  const { backend, warned, printed } = keepSession((warn) => new LinuxBackend({ btf: types!, warn, ...options }));
  afterwards(() => {
    backend.close();
    setSession(undefined);
  });
  return { backend, warned, printed };
}

/** A directory for the test. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'skep-live-'));
  afterwards(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Compiles a C program; its path. */
export function compileC(text: string, flags: readonly string[] = []): string {
  const directory = scratch();
  writeFileSync(join(directory, 'prog.c'), text);
  execFileSync('cc', [
    '-O1',
    '-fno-omit-frame-pointer',
    '-o',
    join(directory, 'prog'),
    join(directory, 'prog.c'),
    ...flags,
  ]);
  return join(directory, 'prog');
}

/** Ids of all programs, links or maps that the kernel has now. */
export function kernelIds(what: 'PROG' | 'LINK' | 'MAP'): Set<number> {
  const ids = new Set<number>();
  for (let id = 0; ; ) {
    const attr = new BpfAttr(`${what}_GET_NEXT_ID`, { start_id: id });
    if (attr.call() !== 0) return ids;
    id = attr.u32('next_id');
    ids.add(id);
  }
}

/** How many programs, maps, links and the like this process holds. The machine's own lists are everybody's. */
export function heldHere(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /anon_inode:.?bpf/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}
