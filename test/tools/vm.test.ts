/** `skep-vm` as harnesses call it: arguments, one program, bad input, the batch protocol. The command is the built one. */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../core/base/bytes.ts';
import { assemble } from '../../core/isa/asm.ts';
import { availableEngines } from '../../tools/vm/engines.ts';
import { root } from './skep.ts';

const BIN = join(root, 'dist/bin/skep-vm.js');
const ENGINES = availableEngines().map((engine) => engine.name);

function vm(args: readonly string[], input: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    input,
    encoding: 'utf8',
    timeout: 30_000,
    maxBuffer: 1 << 24,
  });
  return { status, stdout, stderr };
}

const hex = (text: string) => toHex(assemble(text));
const LENGTH = hex('r0 = r2\nexit');

describe('arguments', () => {
  it.each([
    [['aabbcc'], '0x3\n'],
    [['aa bb\tcc', '--engine', 'interp'], '0x3\n'],
    [['--engine', 'interp', 'aabbcc'], '0x3\n'],
    [['--engine=jit', 'aabbcc'], '0x3\n'],
    [[''], '0x0\n'],
    [[], '0x0\n'],
    [['--engine', 'auto'], '0x0\n'],
  ])('%j runs', (args, stdout) => {
    expect(vm(args, LENGTH)).toEqual({ status: 0, stdout, stderr: '' });
  });

  it.each([
    [['--elf'], "unknown option '--elf'"],
    [['-x', 'aa'], "unknown option '-x'"],
    [['--batch=1'], "unknown option '--batch=1'"],
    [['aa', 'bb'], 'one memory argument is enough'],
    [['--engine'], '--engine needs a name'],
    [['--engine', 'jit', '--engine', 'jit'], 'given twice'],
    [['--engine', 'ubpf'], "there is no engine 'ubpf'; there is: auto, "],
    [['--batch', 'aa'], 'with --batch'],
  ])('%j is refused', (args, says) => {
    const result = vm(args, LENGTH);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain(`skep-vm: ${says.startsWith('given') || says.startsWith('with') ? '' : says}`);
    expect(result.stderr).toContain(says);
  });

  it('--help names the protocol', () => {
    expect(vm(['--help'], '')).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('"max_entries"'),
    });
  });
});

/** Bad programs: source text or hex, memory, and the one message that every engine must give. */
const BAD: readonly (readonly [name: string, program: string, says: string, memory?: string])[] = [
  ['odd hex', 'b70', 'the program: hex text has an odd number of digits (3)'],
  ['no hex', 'b7 0g', "the program: hex text has 'g' at digit 3"],
  ['odd memory', LENGTH, 'the memory: hex text has an odd number of digits (1)', 'a'],
  ['nothing', ' \n', 'fault at pc 0: program is empty'],
  [
    'a cut instruction',
    'b70000000000000095',
    'fault at pc 1: program of 9 bytes is not a whole number of 8-byte instructions',
  ],
  ['a cut ld_imm64', '1800000001000000', 'fault at pc 0: ld_imm64 lacks its second slot'],
  ['an unknown opcode', `ff00000000000000${hex('exit')}`, 'fault at pc 0: unknown opcode 0xff'],
  ['an unknown opcode later', `${hex('r0 = 0')}8f00000000000000${hex('exit')}`, 'fault at pc 1: unknown opcode 0x8f'],
  ['a register too many', `b70b000000000000${hex('exit')}`, 'fault at pc 0: register r11 does not exist'],
  ['a source register too many', `bfc0000000000000${hex('exit')}`, 'fault at pc 0: register r12 does not exist'],
  ['a store to r10', hex('r10 = 0\nexit'), 'fault at pc 0: frame pointer r10 is read only'],
  [
    'a jump too far',
    hex('r0 = 0\ngoto pc+5\nexit'),
    'fault at pc 1: jump to 7 is out of range: the program has 3 instructions',
  ],
  [
    'a jump before the start',
    hex('if r1 == 0 goto pc-9\nexit'),
    'fault at pc 0: jump to -8 is out of range: the program has 2 instructions',
  ],
  [
    'a jump into ld_imm64',
    hex('goto pc+1\nr0 = 1 ll\nexit'),
    'fault at pc 0: jump to 2 goes into the middle of ld_imm64',
  ],
  [
    'a call out of range',
    hex('call pc+7\nexit'),
    'fault at pc 0: call to 8 is out of range: the program has 2 instructions',
  ],
  ['no exit', hex('r0 = 0'), 'fault at pc 0: control falls off the end: the last instruction is neither exit nor goto'],
  ['a loop without end', hex('r0 = 0\nl: r0 += 1\ngoto l'), 'fault at pc 2: out of fuel'],
  ['recursion', hex('f: r1 += 1\ncall f\nexit'), 'fault at pc 1: call depth exceeds 8 frames'],
  [
    'a map without maps',
    hex('r1 = map[id:3]\nr0 = 0\nexit'),
    'fault at pc 0: map index 3 does not exist: the request has 0 maps',
  ],
  ['an unknown helper', hex('call #9999\nexit'), 'fault at pc 0: helper 9999 does not exist'],
  [
    'a null pointer',
    hex('r0 = *(u64 *)(r1 +0)\nexit'),
    "fault at pc 0: read of 0x0 (8 bytes) is outside the program's memory",
  ],
  [
    'a wild pointer',
    hex('r1 = 0x7fff00001234 ll\n*(u32 *)(r1 -4) = 1\nexit'),
    "fault at pc 2: write to 0x7fff00001230 (4 bytes) is outside the program's memory",
  ],
];

describe.each(ENGINES)('bad programs on %s', (engine) => {
  it.each(BAD)('%s', (_name, program, says, memory) => {
    expect(vm([...(memory === undefined ? [] : [memory]), '--engine', engine], program!)).toEqual({
      status: 1,
      stdout: '',
      stderr: `skep-vm: ${says}\n`,
    });
  });

  it('reads and writes beside the memory, by one byte', () => {
    for (const [text, what] of [
      ['r0 = *(u8 *)(r1 +4)', 'read of'],
      ['r0 = *(u8 *)(r1 -1)', 'read of'],
      ['r0 = *(u32 *)(r1 +1)', 'read of'],
      ['*(u16 *)(r1 +3) = 7', 'write to'],
      ['*(u8 *)(r10 +0) = 7', 'write to'],
      ['*(u8 *)(r10 -513) = 7', 'write to'],
      ['lock *(u64 *)(r1 +0) += r2', 'write to'],
    ] as const) {
      const { status, stderr } = vm(['01020304', '--engine', engine], hex(`${text}\nr0 = 0\nexit`));
      expect([text, status, stderr]).toEqual([text, 1, expect.stringContaining(`fault at pc 0: ${what} 0xffff8880`)]);
    }
  });
});

describe('--batch', () => {
  const requests = [
    { code: hex('*(u8 *)(r1 +1) = 7\nr0 = -1\nexit'), mem: '000000' },
    { code: 'zz' },
    {
      code: hex(
        'r6 = r1\n*(u32 *)(r10 -4) = 1\nr2 = r10\nr2 += -4\nr1 = map[id:0]\ncall #1\nif r0 == 0 goto l\nr1 = 5\nlock *(u64 *)(r0 +0) += r1\nl: r0 = 0\nexit',
      ),
      maps: [{ type: 'hash', key_size: 4, value_size: 8, max_entries: 4, init: [['01000000', '0100000000000000']] }],
    },
  ];
  const answers = [
    { r0: '0xffffffffffffffff', mem: '000700', maps: [] },
    { error: expect.stringContaining('"code": hex text has') },
    { r0: '0x0', mem: '', maps: [[['01000000', '0600000000000000']]] },
  ];

  it.each(ENGINES)('answers line by line (%s)', (engine) => {
    // No newline after the last request, a blank line between.
    const { status, stdout, stderr } = vm(
      ['--batch', '--engine', engine],
      requests.map((r) => JSON.stringify(r)).join('\n\n'),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(answers);
  });

  it('answers each line before the next one comes', async () => {
    const child = spawn(process.execPath, [BIN, '--batch'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines: unknown[] = [];
    let rest = '';
    child.stdout.setEncoding('utf8');
    for (const request of requests) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      while (!rest.includes('\n')) rest += await new Promise<string>((done) => child.stdout.once('data', done));
      lines.push(JSON.parse(rest.slice(0, rest.indexOf('\n'))));
      rest = rest.slice(rest.indexOf('\n') + 1);
    }
    child.stdin.end();
    await new Promise((done) => child.once('close', done));
    expect(lines).toEqual(answers);
  });

  it('takes a request of megabytes', () => {
    const mem = 'ab'.repeat(1 << 20);
    const { stdout } = vm(['--batch'], `${JSON.stringify({ code: hex('r0 = r2\nexit'), mem })}\n`);
    expect(JSON.parse(stdout)).toEqual({ r0: '0x100000', mem, maps: [] });
  });
});
