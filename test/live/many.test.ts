/** One program at many functions: by one link, and one by one where the kernel has no such links; the same counts, each place detached alone. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { AttachWay } from '../../bindings/linux/attach/attach-kind.ts';
import { attachProblem } from '../../bindings/linux/features.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { compileC, heldHere, liveBackend, noCommand, noUprobes, title } from './machine.ts';

const missing = noUprobes ?? noCommand('cc');
const FUNCTIONS = 40;

/** Function `step_I` is called I times. */
const PROGRAM = `
${Array.from({ length: FUNCTIONS }, (_, i) => `__attribute__((noinline)) int step_${i}(int x) { __asm__ volatile(""); return x + ${i}; }`).join('\n')}
int main(void) {
  volatile int sum = 0;
${Array.from({ length: FUNCTIONS }, (_, i) => `  for (int i = 0; i < ${i}; i++) sum += step_${i}(i);`).join('\n')}
  return 0;
}`;

const COUNT = `
BPF_ARRAY(calls, u64, 64);
int on_call(struct pt_regs *ctx) { calls.atomic_increment(bpf_get_attach_cookie(ctx)); return 0; }`;

const steps = (n = FUNCTIONS): string[] => Array.from({ length: n }, (_, i) => `step_${i}`);
const cookies = steps().map((_, i) => i);
const counts = (b: BPF): number[] => steps().map((_, i) => Number(b.getTable<number, bigint>('calls').get(i)));
const called = steps().map((_, i) => i);

const WAYS: readonly (readonly [name: string, without: readonly AttachWay[]])[] = [
  ['by one link', []],
  ['one by one', ['uprobe_multi']],
];

describe.skipIf(missing)(title('one program at many user functions', missing), () => {
  it.each(WAYS)('%s: each place has its number, and is detached alone', (_name, without) => {
    const path = compileC(PROGRAM, ['-O0']);
    liveBackend({ without });
    const b = new BPF({ text: COUNT });
    const before = heldHere();
    b.attachUprobe({ name: path, syms: steps(), cookies, fnName: 'on_call' });
    const multi = without.length === 0 && attachProblem('uprobe_multi', b.backend.kernelBtf) === undefined;
    // The program as it is, and for such links, and the link; else a link a place.
    expect(heldHere() - before).toBe(multi ? 3 : 1 + FUNCTIONS);
    expect(b.numOpenUprobes()).toBe(FUNCTIONS);
    expect(spawnSync(path).status).toBe(0);
    expect(counts(b)).toEqual(called);

    b.detachUprobe({ name: path, sym: 'step_7' });
    b.detachUprobe({ name: path, sym: 'step_39' });
    expect(b.numOpenUprobes()).toBe(FUNCTIONS - 2);
    expect(spawnSync(path).status).toBe(0);
    expect(counts(b)).toEqual(called.map((n) => (n === 7 || n === 39 ? n : 2 * n)));

    expect(b.detachAllUprobesForBinary(path)).toBe(FUNCTIONS - 2);
    expect(b.numOpenUprobes()).toBe(0);
    expect(spawnSync(path).status).toBe(0);
    expect(counts(b)[10]).toBe(20);
  });

  it('by a pattern, once a function; a function twice is refused', () => {
    const path = compileC(PROGRAM, ['-O0']);
    const { warned } = liveBackend();
    const b = new BPF({ text: COUNT });
    b.attachUprobe({ name: path, symRe: 'step_3', fnName: 'on_call' });
    // step_3 and step_30 to step_39, all with number 0.
    expect(b.numOpenUprobes()).toBe(11);
    expect(spawnSync(path).status).toBe(0);
    expect(counts(b)[0]).toBe(3 + 345);
    expect(() => b.attachUprobe({ name: path, symRe: 'step_30', fnName: 'on_call' })).toThrow(/already attached/);
    expect(warned).toEqual([]);
  });

  it('what cannot be attached is told, function by function; the rest is', () => {
    const path = compileC(PROGRAM, ['-O0']);
    const { warned } = liveBackend();
    const b = new BPF({ text: COUNT });
    b.attachUprobe({ name: path, syms: ['step_1', 'no_such', 'step_2', 'step_2'], fnName: 'on_call' });
    expect(b.numOpenUprobes()).toBe(2);
    expect(warned).toHaveLength(1);
    expect(warned[0]).toMatch(
      /^attachUprobe: 2 of 4 could not be attached:\n {2}\S+:step_2: .*already.*\n {2}\S+:no_such: .*no_such/,
    );
    expect(() => b.attachUprobe({ name: path, syms: ['nor_this', 'no_such'], fnName: 'on_call' })).toThrow(/nor_this/);
    expect(() => b.attachUprobe({ name: path, syms: ['step_5'], cookies: [1, 2], fnName: 'on_call' })).toThrow(
      '2 cookies for 1 places',
    );
  });

  it('in one process only', () => {
    const path = compileC(PROGRAM, ['-O0']);
    liveBackend();
    const b = new BPF({ text: COUNT });
    b.attachUprobe({ name: path, syms: steps(), cookies, pid: process.pid, fnName: 'on_call' });
    expect(spawnSync(path).status).toBe(0);
    expect(counts(b).every((n) => n === 0)).toBe(true);
    expect(() =>
      b.attachUprobe({ name: path, syms: ['step_1', 'step_2'], pid: 0x7ffffff0, fnName: 'on_call' }),
    ).toThrow(/no process 2147483632/);
  });

  it('nothing is held when the program is closed', () => {
    const path = compileC(PROGRAM, ['-O0']);
    liveBackend();
    const before = heldHere();
    const b = new BPF({ text: COUNT });
    b.attachUprobe({ name: path, syms: steps(), cookies, fnName: 'on_call' });
    b.attachUretprobe({ name: path, syms: steps(), cookies, fnName: 'on_call' });
    expect(spawnSync(path).status).toBe(0);
    expect(counts(b)).toEqual(called.map((n) => 2 * n));
    b.close();
    expect(heldHere()).toBe(before);
  });
});
