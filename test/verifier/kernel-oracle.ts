/** The real kernel's verdicts, through oracle/oracle.c: built on first use, one process for many programs. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { mapTypeByName } from '../../core/maps/index.ts';
import { attachTypeByName } from '../../core/progs/attach-types.ts';
import { progTypeByName } from '../../core/progs/index.ts';
import type { FuncInfo, MapSpec } from '../../core/spec/spec.ts';

export interface Question {
  readonly type: string;
  readonly attach?: string | undefined;
  readonly btfId?: number;
  /** Number that stands in place of the attach type's: the member of a struct of functions. */
  readonly member?: number | undefined;
  readonly license: string;
  readonly maps: readonly MapSpec[];
  readonly insns: Uint8Array;
  readonly flags?: number;
  /** File with the program's BTF, and its functions' types. */
  readonly btfFile?: string | undefined;
  readonly funcs?: readonly FuncInfo[];
}

export interface Answer {
  readonly ok: boolean;
  /** Name of the errno, or '' when accepted. */
  readonly errno: string;
  readonly last: string;
}

/** The oracle's binary. `linkage` 'static' is for a machine without libraries. */
export function buildOracle(linkage: 'dynamic' | 'static' = 'dynamic'): string {
  const source = fileURLToPath(new URL('oracle/oracle.c', import.meta.url));
  const folder = `${tmpdir()}/skep-oracle-${process.getuid?.() ?? 0}`;
  const binary = `${folder}/oracle-${linkage}`;
  if (!existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(folder, { recursive: true });
    // Another test process may be running the old one, or building too: replace it in one step.
    const fresh = `${binary}.${process.pid}`;
    const flags = ['-O1', '-D_GNU_SOURCE', ...(linkage === 'static' ? ['-static'] : [])];
    execFileSync('gcc', [...flags, '-o', fresh, source], { stdio: 'pipe' });
    renameSync(fresh, binary);
  }
  return binary;
}

let permitted: string | undefined | null = null;

/** Why the kernel cannot be asked here, or undefined. */
export function whyNoOracle(): string | undefined {
  if (permitted !== null) return permitted;
  try {
    const out = execFileSync(buildOracle(), { input: '0 1 0 0 0 GPL b7000000000000009500000000000000 0\n' }).toString();
    permitted = out.startsWith('0\tok') ? undefined : `bpf(2) is not permitted here (${out.trim()})`;
  } catch (error) {
    permitted = `the oracle cannot be built: ${(error as Error).message.split('\n')[0]}`;
  }
  return permitted;
}

function encode(id: number, q: Question): string {
  const type = progTypeByName(q.type)!.id;
  const attach = q.member ?? (q.attach === undefined ? 0 : (attachTypeByName(q.attach)?.id ?? 0));
  const maps = q.maps.map(
    (m) =>
      `${mapTypeByName(m.type)?.id ?? 0}:${m.keySize}:${m.valueSize}:${m.maxEntries}:${m.flags}:${m.keyType}:${m.valueType}`,
  );
  const funcs = q.funcs ?? [];
  const types = q.btfFile === undefined ? [] : [q.btfFile, funcs.length, ...funcs.map((f) => `${f.insn}:${f.btfId}`)];
  const code = Buffer.from(q.insns).toString('hex');
  return `${[id, type, attach, q.btfId ?? 0, q.flags ?? 0, q.license.replace(/ .*/, ''), code, maps.length, ...maps, ...types].join(' ')}\n`;
}

/** Send the questions over `input` and collect the answers that come back over `output`, in the order of the questions. */
export function converse(input: Writable, output: Readable, questions: readonly Question[]): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const answers: Answer[] = new Array(questions.length);
    let [rest, missing] = ['', questions.length];
    const settle = (error?: Error) => {
      output.off('data', take).off('error', settle).off('close', end);
      input.off('error', ignore);
      if (error) reject(error);
      else resolve(answers);
    };
    const take = (chunk: Buffer | string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const [id = '', verdict = '', text = ''] = line.split('\t');
        if (!/^\d+$/.test(id)) continue;
        // Some of the kernel's messages lack their newline: the statistics stand right behind them.
        const last = text.replace(/(?<=.)processed \d+ insns \(limit.*$/, '');
        answers[Number(id)] = { ok: verdict === 'ok', errno: verdict === 'ok' ? '' : verdict, last };
        missing--;
      }
      if (missing === 0) settle();
    };
    // The oracle went away: what it has answered is what there is.
    const end = () => settle();
    const ignore = () => {};
    output.on('data', take).on('error', settle).on('close', end);
    input.on('error', ignore);
    if (missing === 0) settle();
    for (let i = 0; i < questions.length; i++) input.write(encode(i, questions[i]!));
  });
}

/** Ask the running kernel about all the programs; answers in the same order. */
export async function askKernel(questions: readonly Question[]): Promise<Answer[]> {
  const child = spawn(buildOracle(), { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = new Promise<never>((_, reject) => child.on('error', reject));
  child.stdout.setEncoding('utf8');
  // It may go away with questions still on their way to it.
  child.stdin.on('error', () => {});
  try {
    return await Promise.race([converse(child.stdin, child.stdout, questions), failed]);
  } finally {
    child.stdin.end();
  }
}
