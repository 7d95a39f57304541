/** The command line of `skep-vm`: small enough to be read by hand, so that starting costs nothing. */

export type VmCommand =
  | { readonly kind: 'help' }
  | { readonly kind: 'run'; readonly engine: string; readonly memory: string }
  | { readonly kind: 'batch'; readonly engine: string };

export const USAGE = `usage: skep-vm [MEMORY_HEX] [--engine ENGINE] < PROGRAM_HEX
       skep-vm --batch [--engine ENGINE] < REQUESTS

Runs one BPF program, given as hex bytes on standard input (white space is ignored), with r1 = address of a copy of MEMORY_HEX (0 when it is
empty or absent) and r2 = its length. Prints r0 as hex. The program is not verified: every access is checked.

  --engine ENGINE  auto (default), interp, jit or native
  --batch          one JSON object a line in, one a line out:
                   {"code": HEX, "mem": HEX, "maps": [{"type", "key_size", "value_size", "max_entries", "flags"?, "init"?}], "fuel"?}
                   {"r0": "0x..", "mem": HEX, "maps": [[[KEY_HEX, VALUE_HEX], ...], ...]} or {"error": TEXT}
                   ld_imm64 with src 1 is the map of index imm, with src 2 the address of its value 0 plus the next imm
  -h, --help       this text
`;

/** What the arguments ask for, or a sentence that says what is wrong with them. */
export function parseArguments(argv: readonly string[]): VmCommand | string {
  let engine: string | undefined;
  let memory: string | undefined;
  let batch = false;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '-h' || word === '--help') return { kind: 'help' };
    if (word === '--batch') batch = true;
    else if (word === '--engine' || word.startsWith('--engine=')) {
      if (engine !== undefined) return '--engine is given twice';
      engine = word === '--engine' ? argv[++i] : word.slice('--engine='.length);
      if (engine === undefined || engine === '') return '--engine needs a name: auto, interp, jit or native';
    } else if (word.startsWith('-')) return `unknown option '${word}'`;
    else if (memory !== undefined) return `one memory argument is enough: '${word}' is a second one`;
    else memory = word;
  }
  if (!batch) return { kind: 'run', engine: engine ?? 'auto', memory: memory ?? '' };
  if (memory !== undefined && memory !== '') return 'with --batch the memory stands in each request\'s "mem"';
  return { kind: 'batch', engine: engine ?? 'auto' };
}
