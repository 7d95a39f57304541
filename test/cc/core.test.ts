/** CO-RE relocations on request: what is compiled against one kernel's types fits another's, by our loader and by libbpf's. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { offsetOf } from '../../core/btf/layout.ts';
import { readBtf } from '../../core/btf/read.ts';
import { BtfBuilder } from '../../core/btf/write.ts';
import { relocateObject } from '../../core/elf/core-relo.ts';
import { readObject } from '../../core/elf/object.ts';
import { writeObject } from '../../core/elf/write.ts';
import { toInsns } from '../../core/isa/insn.ts';
import { OP_LD_IMM64 } from '../../core/isa/ops.ts';
import { mountBpffs } from '../linux/bpffs.ts';
import { KERNEL } from './kernel.ts';
import { compileOk } from './run-c.ts';

/** A kernel whose struct task has `before` bytes in front of its fields. */
function kernel(before: number): Uint8Array {
  const b = new BtfBuilder();
  const int = b.int('int', 4, { signed: true });
  const long = b.int('long', 8, { signed: true });
  const inner = b.declare('struct', 'mm');
  b.complete(inner, before + 8, [{ name: 'start', type: long, bitOffset: before * 8, bitSize: 0 }]);
  const nameless = b.declare('union', '');
  b.complete(nameless, 4, [
    { name: 'pid', type: int, bitOffset: 0, bitSize: 0 },
    { name: 'tid', type: int, bitOffset: 0, bitSize: 0 },
  ]);
  const task = b.declare('struct', 'task');
  b.complete(task, before + 24 + before, [
    { name: 'pad', type: b.array(int, before / 4), bitOffset: 0, bitSize: 0 },
    { name: 'parent', type: b.ptr(task), bitOffset: before * 8, bitSize: 0 },
    { name: '', type: nameless, bitOffset: (before + 8) * 8, bitSize: 0 },
    { name: 'mm', type: inner, bitOffset: (before + 16) * 8, bitSize: 0 },
  ]);
  return b.build().bytes;
}

const TEXT = `
BPF_ARRAY(out, u64, 1);
int kprobe__f(struct pt_regs *ctx) {
  struct task *t = (void *)bpf_get_current_task();
  u32 zero = 0;
  u64 v = t->parent->tid + t->mm.start;
  out.update(&zero, &v);
  return 0;
}`;

/** Constants of 64-bit loads that are no addresses. */
const offsets = (insns: Uint8Array) =>
  toInsns(insns)
    .filter((i) => i.opcode === OP_LD_IMM64 && i.src === 0)
    .map((i) => i.imm);

describe('CO-RE relocations of what is compiled', () => {
  it('fit a kernel that lays its structs out otherwise', () => {
    const object = compileOk(TEXT, { kernelBtf: readBtf(kernel(64)), core: true });
    const [prog] = object.progs;
    // mm.start is two fields, one inside the other: struct task's mm, and struct mm's start.
    expect(offsets(prog!.insns).sort((a, b) => a - b)).toEqual([64, 64, 72, 80]);
    expect([...new Set(prog!.coreRelos!.map((r) => r.access))].sort()).toEqual(['0:0', '0:1', '0:2:1', '0:3']);
    const read = readObject(writeObject(object));
    expect(read.progs[0]!.coreRelos).toHaveLength(4);
    const fitted = relocateObject(read, readBtf(kernel(16)));
    expect(offsets(fitted.progs[0]!.insns).sort((a, b) => a - b)).toEqual([16, 16, 24, 32]);
  });

  it('are not made unless asked for', () => {
    const object = compileOk(TEXT, { kernelBtf: readBtf(kernel(64)) });
    expect(object.progs[0]!.coreRelos).toBeUndefined();
    expect(offsets(object.progs[0]!.insns)).toEqual([]);
  });

  const live = '/sys/kernel/btf/vmlinux';
  const able = existsSync(live) && process.getuid?.() === 0 && spawnSync('bpftool', ['version']).status === 0;
  it.skipIf(!able)('are resolved by libbpf when bpftool loads the object on this kernel', () => {
    const text = `#include <linux/sched.h>
BPF_ARRAY(out, u64, 1);
SEC("tracepoint/raw_syscalls/sys_enter") int seen(void *ctx) {
  struct task_struct *t = (void *)bpf_get_current_task();
  u32 zero = 0;
  u64 v = t->real_parent->tgid;
  out.update(&zero, &v);
  return 0;
}`;
    const scratch = mkdtempSync(join(tmpdir(), 'skep-core-'));
    const bpffs = mountBpffs();
    try {
      const file = join(scratch, 'a.o');
      writeFileSync(file, writeObject(compileOk(text, { ...KERNEL, core: true })));
      const btf = readBtf(readFileSync(live));
      const pin = join(bpffs.path, 'p');
      execFileSync('bpftool', ['prog', 'load', file, pin], { stdio: 'pipe' });
      const shown = execFileSync('bpftool', ['prog', 'dump', 'xlated', 'pinned', pin], { encoding: 'utf8' });
      for (const field of ['real_parent', 'tgid'])
        expect(shown).toContain(`= 0x${offsetOf(btf, 'task_struct', field).toString(16)}\n`);
    } finally {
      bpffs.remove();
      rmSync(scratch, { recursive: true });
    }
  });
});
