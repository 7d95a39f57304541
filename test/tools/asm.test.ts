/** `skep asm` and `skep disasm`: both ways, by file and by pipe, and what they say about bad input. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../core/base/bytes.ts';
import { writeObject } from '../../core/elf/write.ts';
import { assemble } from '../../core/isa/asm.ts';
import { encode } from '../../core/isa/insn.ts';
import { tableCases } from '../vm/conformance/cases.ts';
import { CONTROL_CASES } from '../vm/conformance/control.ts';
import { has, SKEP } from './skep.ts';

const folder = mkdtempSync(join(tmpdir(), 'skep-asm-'));

function run(args: readonly string[], input: string | Uint8Array = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SKEP, ...args], { input, timeout: 30_000 });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const TEXT = `; the counter
    *(u32 *)(r10 -4) = 0
    r2 = r10
    r2 += -4
    r1 = map[id:3]
    call map_lookup_elem
    if r0 == 0 goto out
    r1 = 1
    lock *(u64 *)(r0 +0) += r1
out: exit
`;
const HEX = `620afcff00000000
bfa2000000000000
07020000fcffffff
1811000003000000
0000000000000000
8500000001000000
1500020000000000
b701000001000000
db10000000000000
9500000000000000
`;
const SHOWN = `   0: (62) *(u32 *)(r10 -4) = 0
   1: (bf) r2 = r10
   2: (07) r2 += -4
   3: (18) r1 = map[id:3]
   5: (85) call bpf_map_lookup_elem#1
   6: (15) if r0 == 0x0 goto pc+2
   7: (b7) r1 = 1
   8: (db) lock *(u64 *)(r0 +0) += r1
   9: (95) exit
`;

describe('asm and disasm', () => {
  it('prints hex, and shows it again', () => {
    const source = file('counter.s', TEXT);
    expect(run(['asm', source])).toEqual({ status: 0, stdout: HEX, stderr: '' });
    expect(run(['disasm', file('counter.hex', HEX)])).toEqual({ status: 0, stdout: SHOWN, stderr: '' });
    expect(run(['disasm', '-'], HEX).stdout).toBe(SHOWN);
    expect(run(['asm', '-'], SHOWN).stdout).toBe(HEX);
    const raw = join(folder, 'counter.bin');
    expect(run(['asm', source, '-o', raw])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(toHex(readFileSync(raw))).toBe(HEX.replaceAll('\n', ''));
    expect(run(['disasm', raw]).stdout).toBe(SHOWN);
  });

  it('every form of the conformance cases goes there and back', () => {
    const all = encode([...tableCases(), ...CONTROL_CASES].flatMap((c) => c.code));
    const shown = run(['disasm', '-'], toHex(all));
    expect(shown.stderr).toBe('');
    expect(run(['asm', '-'], shown.stdout).stdout.replaceAll('\n', '')).toBe(toHex(all));
  });

  it('shows an ELF object: programs, functions and maps by name', () => {
    const map = {
      name: 'hits',
      type: 'array',
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
      flags: 0,
      keyType: 0,
      valueType: 0,
    };
    const insns = assemble('r1 = map[id:0]\nr0 = 0\nexit');
    const prog = {
      name: 'count',
      type: 'socket_filter',
      section: 'socket',
      insns,
      relocs: [{ kind: 'map', insn: 0, map: 'hits' } as const],
      funcs: [{ insn: 0, name: 'count', btfId: 0 }],
      lines: [],
      license: 'GPL',
    };
    const object = file('written.o', writeObject({ maps: [map], progs: [prog], btf: undefined, license: 'GPL' }));
    expect(run(['disasm', object])).toEqual({
      status: 0,
      stdout:
        '; socket_filter count (section socket)\ncount:\n   0: (18) r1 = map[id:0] ; map hits\n   2: (b7) r0 = 0\n   3: (95) exit\n',
      stderr: '',
    });
  });

  it.skipIf(!has('clang'))(`shows an ELF object of clang${has('clang') ? '' : ' (skipped: no clang here)'}`, () => {
    const source = file(
      'object.c',
      `struct { int (*type)[1]; int *key; long *value; int (*max_entries)[1]; } hits __attribute__((section(".maps")));
static long *(*lookup)(void *, void *) = (void *)1;
__attribute__((section("socket"))) int count(void *ctx) { int k = 0; long *v = lookup(&hits, &k); if (v) ++*v; return 0; }
char license[] __attribute__((section("license"))) = "GPL";
`,
    );
    const object = join(folder, 'object.o');
    const clang = spawnSync('clang', ['-target', 'bpf', '-O2', '-g', '-c', source, '-o', object], { encoding: 'utf8' });
    expect(clang.stderr).toBe('');
    const { status, stdout } = run(['disasm', object]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^; socket_filter count \(section socket\)\ncount:\n/);
    expect(stdout).toMatch(/\(18\) r1 = .* ; map hits\n/);
    expect(stdout).toContain('call bpf_map_lookup_elem#1');
  });

  it.each([
    ['asm', 'r0 = \nexit\nr11 = 0\n', /<stdin>:1:1: error: 'r0 =' is no instruction[\s\S]*<stdin>:3:1: error/],
    ['asm', '; nothing\n', /there is no instruction/],
    ['disasm', '', /there is no instruction/],
    ['disasm', 'b700000000000', /-: hex text has an odd number of digits \(13\)/],
    ['disasm', 'b7000000000000', /-: hex text has 7 bytes: no whole number/],
    ['disasm', 'hello', /-: neither an ELF object nor hex text, and as raw instructions it has 5 bytes/],
  ])('%s refuses %j', (command, input, says) => {
    const { status, stdout, stderr } = run([command, '-'], input);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(says);
  });

  it.each(['asm', 'disasm'])('%s says when a file is not there', (command) => {
    expect(run([command, join(folder, 'none')])).toEqual({
      status: 1,
      stdout: '',
      stderr: `skep: '${join(folder, 'none')}' cannot be read (ENOENT)\n`,
    });
  });
});
