import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../core/base/bytes.ts';
import * as B from '../../core/isa/builders.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { answerLine, runHex } from '../../core/vm/harness.ts';
import { ENGINES } from './engines.ts';

const hex = (code: readonly Insn[]) => toHex(encode(code));
const exit = B.BPF_EXIT_INSN();
const LOOKUP = 1;
const UPDATE = 2;

/** Counts the byte at ctx in map 0, the way the oldest BPF example does. */
const COUNTER = [
  B.BPF_LDX_MEM(B.BPF_B, 0, 1, 0),
  B.BPF_STX_MEM(B.BPF_W, B.BPF_REG_FP, 0, -4),
  B.BPF_MOV64_REG(2, 10),
  B.BPF_ALU64_IMM(B.BPF_ADD, 2, -4),
  B.BPF_LD_MAP_FD(1, 0),
  B.BPF_EMIT_CALL(LOOKUP),
  B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, 2),
  B.BPF_MOV64_IMM(1, 1),
  B.BPF_STX_XADD(B.BPF_DW, 0, 1, 0),
  B.BPF_MOV64_IMM(0, 0),
  exit,
];

describe.each(ENGINES)('$name', (engine) => {
  const ask = (request: unknown) => JSON.parse(answerLine(engine, JSON.stringify(request)));

  it('runs a program on memory', () => {
    expect(runHex(engine, hex([B.BPF_MOV64_REG(0, 2), exit]), 'aa bb cc')).toBe('0x3');
    expect(runHex(engine, hex([B.BPF_MOV64_REG(0, 1), exit]))).toBe('0x0');
    expect(runHex(engine, 'b700000 0ffffffff\n9500000000000000')).toBe('0xffffffffffffffff');
    expect(
      ask({ code: hex([B.BPF_ST_MEM(B.BPF_H, 1, 1, 0x1234), B.BPF_MOV64_IMM(0, 1), exit]), mem: '00000000' }),
    ).toEqual({
      r0: '0x1',
      mem: '00341200',
      maps: [],
    });
  });

  it.each([
    {
      type: 'array',
      init: undefined,
      want: [
        ['00000000', '0000000000000000'],
        ['01000000', '0100000000000000'],
      ],
    },
    { type: 'hash', init: [['01000000', '2900000000000000']], want: [['01000000', '2a00000000000000']] },
    {
      type: 'hash',
      init: [
        ['ff000000', '0000000000000000'],
        ['02000000', '0000000000000000'],
      ],
      want: [
        ['02000000', '0000000000000000'],
        ['ff000000', '0000000000000000'],
      ],
    },
  ])('gives maps to programs ($type)', ({ type, init, want }) => {
    const maps = [{ type, key_size: 4, value_size: 8, max_entries: 2, ...(init ? { init } : {}) }];
    expect(ask({ code: hex(COUNTER), mem: '01', maps })).toEqual({ r0: '0x0', mem: '01', maps: [want] });
  });

  it('updates maps from programs', () => {
    const code = [
      B.BPF_ST_MEM(B.BPF_W, 10, -4, 7),
      B.BPF_ST_MEM(B.BPF_DW, 10, -16, 9),
      B.BPF_LD_MAP_FD(1, 1),
      B.BPF_MOV64_REG(2, 10),
      B.BPF_ALU64_IMM(B.BPF_ADD, 2, -4),
      B.BPF_MOV64_REG(3, 10),
      B.BPF_ALU64_IMM(B.BPF_ADD, 3, -16),
      B.BPF_MOV64_IMM(4, 0),
      B.BPF_EMIT_CALL(UPDATE),
      exit,
    ];
    const hash = { type: 'hash', key_size: 4, value_size: 8, max_entries: 4 };
    expect(ask({ code: hex(code), maps: [hash, hash] })).toEqual({
      r0: '0x0',
      mem: '',
      maps: [[], [['07000000', '0900000000000000']]],
    });
  });

  it('gives the address of values', () => {
    const code = [
      B.BPF_LD_MAP_VALUE(2, 0, 12),
      B.BPF_ST_MEM(B.BPF_W, 2, 0, 5),
      B.BPF_LDX_MEM(B.BPF_DW, 0, 2, -4),
      exit,
    ];
    const maps = [{ type: 'array', key_size: 4, value_size: 16, max_entries: 1 }];
    expect(ask({ code: hex(code), maps })).toEqual({
      r0: '0x500000000',
      mem: '',
      maps: [[['00000000', '00000000000000000000000005000000']]],
    });
    const past = [B.BPF_LD_MAP_VALUE(2, 0, 14), B.BPF_ST_MEM(B.BPF_W, 2, 0, 5), exit];
    expect(ask({ code: hex(past), maps }).error).toMatch(/^fault at pc 2: write to 0x[0-9a-f]+ \(4 bytes\) is outside/);
  });

  it.each([
    [{ code: 'b7000' }, /"code": hex text has an odd number of digits/],
    [{ code: 'zz' }, /"code": hex text has 'z'/],
    [{ code: 'b700000000000000' }, /fault at pc 0: control falls off the end/],
    [{ code: 'b70000000000000095' }, /fault at pc 1: program of 9 bytes/],
    [{ code: '' }, /fault at pc 0: program is empty/],
    [
      { code: hex([B.BPF_LD_MAP_FD(1, 3), B.BPF_MOV64_IMM(0, 0), exit]) },
      /fault at pc 0: map index 3 does not exist: the request has 0 maps/,
    ],
    [{ code: hex([B.BPF_JMP_A(-1), exit]), fuel: 100 }, /fault at pc 0: out of fuel/],
    [{ code: hex([exit]), maps: [{ type: 'hsah', key_size: 4, value_size: 4, max_entries: 1 }] }, /hsah/],
    [{ code: hex([exit]), maps: [{ type: 'hash', key_size: 0, value_size: 4, max_entries: 1 }] }, /EINVAL/],
    [{ code: hex([exit]), maps: [{ type: 'hash', key_size: 4 }] }, /map 0: "value_size" must be a whole number/],
    [{}, /"code" must be a string/],
    [[], /no JSON object/],
  ])('answers %j with an error', (request, says) => {
    expect(ask(request)).toEqual({ error: expect.stringMatching(says) });
  });

  it('answers a broken line, and then the next', () => {
    expect(JSON.parse(answerLine(engine, '{"code":')).error).toMatch(/^the line is no JSON/);
    expect(ask({ code: hex([B.BPF_MOV64_IMM(0, 5), exit]) }).r0).toBe('0x5');
    expect(fromHex('00')).toHaveLength(1);
  });
});
