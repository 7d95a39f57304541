/** The corpus' own parts: what the stand-in records of a script, how failures are grouped, and which reasons count as the kernel's. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compile } from '../../core/cc/index.ts';
import { readObject } from '../../core/elf/object.ts';
import { parseModule } from '../../core/ir/text.ts';
// @ts-expect-error: a script without types
import { clangMissing, clangTotals, compileWithClang } from '../../scripts/corpus/clang.mjs';
// @ts-expect-error: a script without types
import { commandLines } from '../../scripts/corpus/option-sets.mjs';
// @ts-expect-error: a script without types
import { sharedReason } from '../../scripts/corpus/reasons.mjs';
// @ts-expect-error: a script without types
import { compareOracle, distinctTexts, recordScripts } from '../../scripts/corpus/record.mjs';
// @ts-expect-error: a script without types
import { causeOf, groupByCause, putSection } from '../../scripts/corpus/report.mjs';

import { KERNEL } from '../cc/kernel.ts';

const SCRIPT = `#!/usr/bin/python3
import argparse
from bcc import BPF, USDT
from time import sleep
parser = argparse.ArgumentParser()
parser.add_argument("-p", "--pid")
parser.add_argument("--ebpf", action="store_true")
args = parser.parse_args()
text = "int on_open(struct pt_regs *ctx) { return FIELD; }"
text = text.replace("FIELD", "1" if BPF.kernel_struct_has_field(b"bio", b"bi_disk") == 1 else "0")
if args.ebpf:
    print(text)
    exit()
fn = "do_open" if BPF.get_kprobe_functions(b"do_open") else "none"
probes = USDT(pid=1)
probes.enable_probe("gc", "on_gc")
b = BPF(text=text, cflags=["-DPID=" + (args.pid or "0")], usdt_contexts=[probes])
b.attach_kprobe(event=fn, fn_name="on_open")
b.load_func("on_packet", BPF.XDP)
try:
    sleep(99)
except KeyboardInterrupt:
    pass
b["counts"].print_log2_hist("x")
while True:
    b.perf_buffer_poll()
`;

const python = spawnSync('python3', ['-c', 'pass']).status === 0;

/** bcc/utils.py comes from BCC's package; here the few names that the stand-in takes from it. */
const UTILS = `
class ArgString: pass
class StrcmpRewrite: pass
def get_online_cpus(): return [0]
def get_possible_cpus(): return [0]
def printb(*args): pass
`;

describe.skipIf(!python)('the recording stand-in', () => {
  it('writes down text, flags and what each function is loaded as, and gets scripts past what blocks', () => {
    const folder = mkdtempSync(join(tmpdir(), 'corpus-test-'));
    try {
      const path = join(folder, 'tool.py');
      writeFileSync(path, SCRIPT);
      const packaged = join(folder, 'bcc');
      spawnSync('mkdir', [packaged]);
      writeFileSync(join(packaged, 'utils.py'), UTILS);
      for (const name of ['containers.py', 'syscall.py']) writeFileSync(join(packaged, name), '');
      const table = { functions: ['do_open'], tracepoints: [], fields: { bio: ['bi_disk'] } };
      const script = { kind: 'tool', name: 'tool', path };
      const runs = recordScripts([script], table, { cache: folder, python: folder });
      const [text] = distinctTexts(runs);
      expect(text.text).toBe('int on_open(struct pt_regs *ctx) { return 1; }');
      expect(text.cflags).toEqual(['-DPID=0']);
      expect(text.prefix).toContain('_bpf_readarg_on_gc_1(');
      expect(new Set(text.loads.map((l: { function: string; type: unknown }) => `${l.function} ${l.type}`))).toEqual(
        new Set(['on_gc kprobe', 'on_open kprobe', 'on_packet 6']),
      );
      expect(text.loads.find((l: { target?: string }) => l.target)?.target).toBe('do_open');
      expect(compareOracle(runs)).toEqual({ equal: 1, different: [] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('option sets', () => {
  it('are the empty command line, or what a script needs, and more', () => {
    expect(commandLines('no such script')).toEqual([[]]);
    expect(commandLines('btrfsslower')).toEqual([[], ['1', '-p', '@PID', '-j'], ['0']]);
    expect(commandLines('deadlock')).toEqual([['@PID']]);
  });
});

describe('failures', () => {
  it('of one cause differ in names and numbers only', () => {
    expect(causeOf("R3 invalid mem access 'scalar' at 12")).toBe(causeOf("R1 invalid mem access 'ptr' at 7"));
    const items = [{ why: 'bad at 1' }, { why: 'worse' }, { why: 'bad at 2' }];
    expect(groupByCause(items).map(([cause, group]: [string, unknown[]]) => [cause, group.length])).toEqual([
      ['bad at N', 2],
      ['worse', 1],
    ]);
  });

  it('have a reason that the kernel shares only where its own types say so', () => {
    const names = new Set(['struct task_struct', 'func vfs_read']);
    const facts = {
      btf: { find: (name: string, kind: string) => (names.has(`${kind} ${name}`) ? 1 : undefined) },
      fields: { task_struct: ['pid'] },
      tracepoints: ['sched:sched_switch'],
    };
    const cases: [string, boolean][] = [
      ["incomplete definition of type 'struct gone'", true],
      ["incomplete definition of type 'struct task_struct'", false],
      ["no member named 'state' in 'struct task_struct'", true],
      ["no member named 'pid' in 'struct task_struct'", false],
      ["tracepoint 'random:urandom_read' is not known: its format", true],
      ["tracepoint 'sched:sched_switch' is not known", false],
      ["this kernel has no function 'vfs_read'", false],
      ["this kernel has no function 'vfs_gone'", true],
      ['invalid mem access', false],
    ];
    for (const [message, shared] of cases)
      expect([message, sharedReason(message, facts) !== undefined]).toEqual([message, shared]);
  });

  it("the report replaces its own section of the page and nothing else's", () => {
    const section = (body: string) => `<!-- corpus: begin (npm run corpus writes this) -->${body}<!-- corpus: end -->`;
    const first = putSection('# Page\n', section('one'));
    expect(putSection(`${first}\n## Later\n`, section('two'))).toBe(`${first.replace('one', 'two')}\n## Later\n`);
  });
});

describe('beside clang', () => {
  const missing: string | undefined = clangMissing();
  it.skipIf(missing !== undefined)(`clang takes the front end's module${missing ? ` (${missing})` : ''}`, () => {
    const text = `BPF_HASH(counts, u32, u64);
static const int table[] = { 3, 1, 4, 1 };
int count(struct xdp_md *ctx) {
  u32 key = table[bpf_get_prandom_u32() & 3];
  u64 zero = 0, *value = counts.lookup_or_try_init(&key, &zero);
  if (value) __sync_fetch_and_add(value, __builtin_bswap16(key));
  return XDP_PASS;
}`;
    let ir: string | undefined;
    const dump = { wants: (pass: string) => pass === 'front', show: (_: string, shown: string) => (ir = shown) };
    const { object } = compile({ name: 'a.c', text }, { ...KERNEL, dump });
    const made = compileWithClang({ parseModule, readObject }, ir);
    expect(made.why).toBeUndefined();
    const ours = object!.progs[0]!;
    const [theirs] = made.object.progs;
    expect(theirs.name).toBe('count');
    expect(new Set(theirs.relocs.map((r: { map: string }) => r.map))).toEqual(
      new Set(ours.relocs.map((r) => 'map' in r && r.map)),
    );
    expect(ours.insns.length / theirs.insns.length).toBeLessThan(1.25);
  });

  it('means are geometric, over what both have', () => {
    const rows = new Map([
      ['tool:a', { ours: 20, clang: 10, oursProcessed: 0, clangProcessed: 0 }],
      ['tool:b', { ours: 10, clang: 20, oursProcessed: 8, clangProcessed: 4 }],
      ['tool:c', { ours: 10 }],
    ]);
    const { insns, processed } = clangTotals(rows);
    expect([insns.count, insns.mean, insns.worst[0].name]).toEqual([2, 1, 'tool:a']);
    expect(processed.count).toBe(1);
    expect(processed.mean).toBeCloseTo(2);
  });
});
