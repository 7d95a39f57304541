/**
 * USDT arguments in the words of the x86-64 assembler, as <sys/sdt.h> writes them, and the C that reads one from the registers of a uprobe:
 *
 *   argument := [size '@'] operand        size: bytes, negative for signed; 'f' after it for floating point
 *   operand  := '$' number | '%' register
 *             | [displacement] '(' '%' base [',' '%' index [',' scale]] ')'
 *   displacement := number | symbol | symbol ('+'|'-') number | number '+' symbol
 */
import { BpfError } from '../../base/errors.ts';

export interface UsdtArgument {
  /** 1, 2, 4 or 8. */
  readonly size: number;
  readonly signed: boolean;
  readonly constant?: bigint;
  /** Field of struct pt_regs; `shift` for the second byte of a register (ah), `lost` for registers that a probe cannot see (xmm). */
  readonly register?: { readonly name: string; readonly shift: number; readonly lost: boolean };
  readonly memory?: {
    /** Absent for an address relative to the instruction pointer, which `symbol` then names. */
    readonly base?: string;
    readonly index?: string;
    readonly scale: number;
    readonly displacement: bigint;
    readonly symbol?: string;
  };
  /** As the note has it. */
  readonly text: string;
}

/** Names of the 16 general registers by family: letters without prefix and suffix, and the field of struct pt_regs. */
const LEGACY: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['a', 'b', 'c', 'd'].flatMap((l) => [`r${l}x`, `e${l}x`, `${l}x`, `${l}l`].map((n) => [n, `${l}x`])),
  ),
  ...Object.fromEntries(
    ['si', 'di', 'bp', 'sp'].flatMap((n) => [`r${n}`, `e${n}`, n, `${n}l`].map((name) => [name, n])),
  ),
  rip: 'ip',
  eip: 'ip',
};

function registerField(name: string): { name: string; shift: number; lost: boolean } | undefined {
  const legacy = LEGACY[name];
  if (legacy) return { name: legacy, shift: 0, lost: false };
  const high = /^([abcd])h$/.exec(name);
  if (high) return { name: `${high[1]}x`, shift: 8, lost: false };
  const numbered = /^(r(?:8|9|1[0-5]))[dwb]?$/.exec(name);
  if (numbered) return { name: numbered[1]!, shift: 0, lost: false };
  if (/^([xyz]mm\d+|st(\(\d\))?)$/.test(name)) return { name, shift: 0, lost: true };
  return undefined;
}

const NUMBER = '[-+]?(?:0x[0-9a-fA-F]+|\\d+)';
const SYMBOL = '[A-Za-z_.$@][\\w.$@]*';
const MEMORY = new RegExp(
  `^(?:(?<first>${NUMBER})|)(?<symbol>\\+?${SYMBOL}|)(?<second>[-+](?:0x[0-9a-fA-F]+|\\d+)|)\\(%(?<base>\\w+)(?:,%(?<index>\\w+)(?:,(?<scale>[1248]))?)?\\)$`,
);

/** The arguments of a note. Throws BpfError USDT with the text and the argument that is not understood. */
export function parseUsdtArguments(text: string): UsdtArgument[] {
  const words = text.trim() === '' ? [] : text.trim().split(/\s+/);
  return words.map((word) => parseArgument(word, text));
}

function parseArgument(word: string, whole: string): UsdtArgument {
  const fail = (): never => {
    throw new BpfError('USDT', `USDT argument '${word}' of '${whole}' is not understood`);
  };
  const sized = /^(-?\d+)[a-z]*@(.*)$/.exec(word);
  const bytes = sized ? Number(sized[1]) : 8;
  const operand = sized ? sized[2]! : word;
  const size = Math.abs(bytes);
  if (![1, 2, 4, 8].includes(size)) fail();
  const common = { size, signed: bytes < 0, text: word };
  if (operand.startsWith('$')) {
    const value = integer(operand.slice(1));
    return value === undefined ? fail() : { ...common, constant: value };
  }
  if (operand.startsWith('%')) {
    const register = registerField(operand.slice(1));
    return register ? { ...common, register } : fail();
  }
  const groups = MEMORY.exec(operand)?.groups;
  if (!groups) return fail();
  const base = registerField(groups['base']!);
  const index = groups['index'] === undefined ? undefined : registerField(groups['index']);
  if (!base || base.lost || (groups['index'] !== undefined && (!index || index.lost))) return fail();
  const symbol = groups['symbol']!.replace(/^\+/, '');
  if (symbol !== '' && base.name !== 'ip') return fail();
  const displacement = (integer(groups['first'] ?? '') ?? 0n) + (integer(groups['second'] ?? '') ?? 0n);
  return {
    ...common,
    memory: {
      ...(symbol === '' && { base: base.name }),
      ...(symbol !== '' && { symbol }),
      ...(index && { index: index.name }),
      scale: Number(groups['scale'] ?? 1),
      displacement,
    },
  };
}

function integer(text: string): bigint | undefined {
  const found = /^([-+]?)(0x[0-9a-fA-F]+|\d+)$/.exec(text);
  if (!found) return undefined;
  return found[1] === '-' ? -BigInt(found[2]!) : BigInt(found[2]!);
}

/** C type of an argument, as <stdint.h> calls it. */
export function argumentType(argument: Pick<UsdtArgument, 'size' | 'signed'>): string {
  return `${argument.signed ? '' : 'u'}int${argument.size * 8}_t`;
}

/**
 * A C statement that stores the argument in `target`. `symbolAddress` is where in the process a symbol lies that the operand names; the answer
 * is undefined where it is needed and not known.
 */
export function readArgument(
  argument: UsdtArgument,
  target: string,
  symbolAddress: (name: string) => bigint | undefined,
): string | undefined {
  const { constant, register, memory } = argument;
  const type = argumentType(argument);
  if (constant !== undefined) return `${target} = (${type})${constant}LL;`;
  // What is in xmm registers no probe can see: BCC reads 0 there, and so do ported scripts expect it.
  if (register?.lost) return `${target} = 0;`;
  if (register) return `${target} = (${type})(ctx->${register.name}${register.shift ? ` >> ${register.shift}` : ''});`;
  const { base, index, scale, displacement, symbol } = memory!;
  let address: string;
  if (symbol !== undefined) {
    const at = symbolAddress(symbol);
    if (at === undefined) return undefined;
    address = `0x${at.toString(16)}ULL`;
  } else address = `ctx->${base}`;
  if (index !== undefined) address += ` + ctx->${index} * ${scale}`;
  if (displacement !== 0n) address += ` + (${displacement}LL)`;
  return `{ ${type} __value = 0; bpf_probe_read_user(&__value, sizeof(__value), (void *)(${address})); ${target} = __value; }`;
}
