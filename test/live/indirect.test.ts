/** Probes of indirect functions (GNU_IFUNC): the implementation that runs, or a word about why not; and of instructions that uprobes misread. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { binaryFile } from '../../bindings/linux/symbols/binary-file.ts';
import { findLibrary } from '../../bindings/linux/symbols/find-binary.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { compileC, liveBackend, noCommand, noUprobes, title } from './machine.ts';

const libc = findLibrary('c');
const isIndirect = libc !== undefined && binaryFile(libc).isIndirect('strlen');
const noIndirect =
  noUprobes ?? noCommand('cc') ?? (isIndirect ? undefined : "the C library's strlen is no indirect function");

const COUNT = 'BPF_ARRAY(calls, u64, 1); int f(void *ctx) { calls.increment(0); return 0; }';

describe.skipIf(noIndirect)(title('indirect functions', noIndirect), () => {
  it("of the C library: each call is seen, not the linker's one question", () => {
    const program = compileC(
      '#include <string.h>\nint main(int n, char **v) { long all = 0; for (int i = 0; i < 50; i++) all += strlen(v[1]); return all != 250; }',
      ['-fno-builtin', '-O0'],
    );
    const { warned } = liveBackend();
    const b = new BPF({
      text: COUNT.replace(
        '{ calls',
        "{ char text[8]; bpf_probe_read_user_str(text, 8, (void *)PT_REGS_PARM1((struct pt_regs *)ctx)); if (text[0] == 's' && text[1] == 'k' && text[2] == 'e' && text[3] == 'p' && text[4] == '!' && text[5] == 0) calls",
      ),
    });
    b.attachUprobe({ name: 'c', sym: 'strlen', fnName: 'f' });
    expect(spawnSync(program, ['skep!']).status).toBe(0);
    // The start of the program looks at its arguments too.
    expect(Number(b.getTable<number, bigint>('calls').get(0))).toBeGreaterThanOrEqual(50);
    expect(warned).toEqual([]);
  });

  it('of what skep has not loaded: at the resolver, and said so', () => {
    const program = compileC(`
      static int one(void) { return 1; }
      static void *pick(void) { return one; }
      int chosen(void) __attribute__((ifunc("pick")));
      int main(void) { return chosen() + chosen() - 2; }`);
    const { warned } = liveBackend();
    const b = new BPF({ text: COUNT });
    b.attachUprobe({ name: program, sym: 'chosen', fnName: 'f' });
    execFileSync(program);
    expect(b.getTable('calls').get(0)).toBe(1n);
    expect(warned).toEqual([
      expect.stringMatching(
        /chosen': attached to 'its resolver' instead, which runs once a process: 'chosen' is an indirect function/,
      ),
    ]);
    // Among others as well.
    const all = new BPF({ text: COUNT });
    all.attachUprobe({ name: program, syms: ['main', 'chosen'], fnName: 'f' });
    execFileSync(program);
    expect(all.getTable('calls').get(0)).toBe(2n);
    expect(warned).toHaveLength(2);
  });
});

const noAvx =
  noUprobes ??
  noCommand('cc') ??
  (process.arch === 'x64' && / avx /.test(readFileSync('/proc/cpuinfo', 'utf8')) ? undefined : 'no AVX');
describe.skipIf(noAvx)(title('instructions that the kernel would run wrongly', noAvx), () => {
  it('are refused, by name; those beside them are not', () => {
    // int ones(void): all ones or, with its first instruction left out, the 0 of xmm0.
    const program = compileC(`
      int ones(void);
      __asm__(".globl ones\\n.type ones,@function\\nones: vpor %xmm1,%xmm1,%xmm0\\n.globl behind\\n.type behind,@function\\nbehind: vmovq %xmm0,%rax\\n ret\\n.size ones,.-ones\\n.size behind,.-behind\\n");
      int main(void) { __asm__ volatile("vpcmpeqd %%xmm1,%%xmm1,%%xmm1; vpxor %%xmm0,%%xmm0,%%xmm0" ::: "xmm0", "xmm1"); return ones() + 1; }`);
    liveBackend();
    const b = new BPF({ text: COUNT });
    expect(() => b.attachUprobe({ name: program, sym: 'ones', fnName: 'f' })).toThrow(
      /a uprobe at '.*:ones' is not supported on the linux backend: Linux's uprobes take its AVX instruction for a jump.*probe a caller/,
    );
    expect(spawnSync(program).status).toBe(0);
    expect(() => b.attachUprobe({ name: program, sym: 'behind', fnName: 'f' })).toThrow(
      /Linux's uprobes take its AVX instruction for a jump/,
    );
    b.attachUprobe({ name: program, sym: 'main', fnName: 'f' });
    expect(spawnSync(program).status).toBe(0);
    expect(b.getTable('calls').get(0)).toBe(1n);
  });
});
