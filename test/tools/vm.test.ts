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
    [['aabbcc', '--engine=jit'], '0x3\n'],
    [['\n aa\r\n\tBB  cC \n', '--engine', 'interp'], '0x3\n'],
    [['', '--engine', 'interp'], '0x0\n'],
    [['--engine', 'interp', ''], '0x0\n'],
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
    [['--elf', 'aa'], "unknown option '--elf'"],
    [['aa', '--elf'], "unknown option '--elf'"],
    [['--'], "unknown option '--'"],
    [['--engine='], '--engine needs a name'],
    [['--engine', 'interp', 'aa', 'bb'], 'one memory argument is enough'],
    [['--engine', 'ubpf'], "there is no engine 'ubpf'; there is: auto, "],
    [['--batch', 'aa'], 'with --batch'],
  ])('%j is refused', (args, says) => {
    const result = vm(args, LENGTH);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain(`skep-vm: ${says.startsWith('given') || says.startsWith('with') ? '' : says}`);
    expect(result.stderr).toContain(says);
  });

  it.each([
    ['in every place', ` b7 0000\t00 2a\n0000 00\r\n95\f000000\v00000000 \n\n`],
    ['none at all', 'b70000002a0000009500000000000000'],
    ['capital digits', 'B70000002A0000009500000000000000'],
  ])('white space in the program: %s', (_, program) => {
    expect(vm(['--engine', 'interp'], program)).toEqual({ status: 0, stdout: '0x2a\n', stderr: '' });
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

/** `auto` too: its first run is another engine's. */
describe.each(['auto', ...ENGINES])('bad programs on %s', (engine) => {
  it.each(BAD)('%s', (_name, program, says, memory) => {
    expect(vm([...(memory === undefined ? [] : [memory]), '--engine', engine], program!)).toEqual({
      status: 1,
      stdout: '',
      stderr: `skep-vm: ${says}\n`,
    });
  });

  it('the same in a batch, each line for itself', () => {
    const good = { code: hex('r0 = r2\nexit'), mem: '0102' };
    const requests = BAD.flatMap(([, code, , mem = '']) => [{ code, mem }, good]);
    const { status, stdout, stderr } = vm(
      ['--batch', '--engine', engine],
      requests.map((r) => JSON.stringify(r)).join('\n'),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const answers = stdout.trimEnd().split('\n');
    expect(answers.map((line) => JSON.parse(line))).toEqual(
      BAD.flatMap(([, , says]) => [
        { error: says.replace('the program:', '"code":').replace('the memory:', '"mem":') },
        { r0: '0x2', mem: '0102', maps: [] },
      ]),
    );
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

  it.each(ENGINES)('maps of several types in one request, by name and by number (%s)', (engine) => {
    // map[i] gets key 1 (or none) and the value 0x11 * (i + 1); then the newest element of map 4 is looked at.
    const update = (map: number, keySize: number) => `r1 = map[id:${map}]
r2 = r10
r2 += -${keySize === 8 ? 16 : 4}
*(u64 *)(r10 -24) = ${0x11 * (map + 1)}
r3 = r10
r3 += -24
r4 = 0
call #2
`;
    const code = hex(`*(u32 *)(r10 -4) = 1
*(u32 *)(r10 -16) = 32
*(u32 *)(r10 -12) = 1
${[4, 4, 4, 8].map((size, i) => update(i, size)).join('')}r1 = map[id:4]
r2 = r10
r2 += -24
r3 = 0
call #87
r1 = map[id:4]
r2 = r10
r2 += -24
call #89
r0 = *(u64 *)(r10 -24)
exit`);
    const of = (type: string | number, key_size: number, flags = 0, init: string[][] = []) => ({
      type,
      key_size,
      value_size: 8,
      max_entries: 3,
      flags,
      init,
    });
    const request = {
      code,
      maps: [
        of('hash', 4, 0, [['02000000', '0200000000000000']]),
        of('BPF_MAP_TYPE_ARRAY', 4),
        of(9, 4),
        of('lpm_trie', 8, 1),
        of('stack', 0),
      ],
    };
    const { status, stdout } = vm(['--batch', '--engine', engine], JSON.stringify(request));
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      r0: '0x44',
      mem: '',
      maps: [
        [
          ['01000000', '1100000000000000'],
          ['02000000', '0200000000000000'],
        ],
        [
          ['00000000', '0000000000000000'],
          ['01000000', '2200000000000000'],
          ['02000000', '0000000000000000'],
        ],
        [['01000000', '3300000000000000']],
        [['2000000001000000', '4400000000000000']],
        [],
      ],
    });
  });

  it('a bad line is answered and harms no other', () => {
    const exit = hex('r0 = 7\nexit');
    const map = { type: 'array', key_size: 4, value_size: 8, max_entries: 1 };
    const lines: readonly (readonly [line: string, says: RegExp])[] = [
      ['{"code":', /^the line is no JSON/],
      ['nothing', /^the line is no JSON/],
      ['[]', /^the line is no JSON object/],
      ['null', /^the line is no JSON object/],
      ['{}', /^"code" must be a string/],
      [JSON.stringify({ code: 7 }), /^"code" must be a string/],
      [JSON.stringify({ code: exit, mem: 7 }), /^"mem" must be a string/],
      [JSON.stringify({ code: exit, mem: 'abc' }), /^"mem": hex text has an odd number of digits/],
      [JSON.stringify({ code: exit, maps: {} }), /^"maps" must be a list/],
      [JSON.stringify({ code: exit, maps: [7] }), /^map 0 is no object/],
      [JSON.stringify({ code: exit, maps: [map, { ...map, type: 'arry' }] }), /arry/],
      [JSON.stringify({ code: exit, maps: [{ ...map, type: 999 }] }), /^map 0: "type" must be a map type's name/],
      [JSON.stringify({ code: exit, maps: [{ ...map, key_size: -1 }] }), /^map 0: "key_size" must be a whole number/],
      [JSON.stringify({ code: exit, maps: [{ ...map, max_entries: 0 }] }), /EINVAL/],
      [JSON.stringify({ code: exit, maps: [{ ...map, init: [['00']] }] }), /^map 0: "init" must be a list of/],
      [
        JSON.stringify({ code: exit, maps: [{ ...map, init: [['00', '00']] }] }),
        /initial entry 00 is refused|key|value/,
      ],
      [JSON.stringify({ code: exit, fuel: 'much' }), /^"fuel" must be a number/],
    ];
    const good = JSON.stringify({ code: exit, maps: [map] });
    const { status, stdout, stderr } = vm(['--batch'], `${lines.flatMap(([line]) => [line, good]).join('\n')}\n`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const fine = { r0: '0x7', mem: '', maps: [[['00000000', '0000000000000000']]] };
    expect(answers).toEqual(lines.flatMap(([, says]) => [{ error: expect.stringMatching(says) }, fine]));
  });

  it('takes a request of megabytes', () => {
    const mem = 'ab'.repeat(1 << 20);
    const { stdout } = vm(['--batch'], `${JSON.stringify({ code: hex('r0 = r2\nexit'), mem })}\n`);
    expect(JSON.parse(stdout)).toEqual({ r0: '0x100000', mem, maps: [] });
  });
});
