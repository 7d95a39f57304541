/** The real kernel's verdicts, through oracle/oracle.c: built on first use, one process for many programs. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { mapTypeByName } from '../../core/maps/index.ts';
import { attachTypeByName } from '../../core/progs/attach-types.ts';
import { progTypeByName } from '../../core/progs/index.ts';
import type { FuncInfo, MapSpec } from '../../core/spec/spec.ts';

export interface Question {
  readonly type: string;
  readonly attach?: string | undefined;
  readonly btfId?: number;
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

function build(): string {
  const source = fileURLToPath(new URL('oracle/oracle.c', import.meta.url));
  const folder = `${tmpdir()}/skep-oracle-${process.getuid?.() ?? 0}`;
  const binary = `${folder}/oracle`;
  if (!existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(folder, { recursive: true });
    // Another test process may be running the old one, or building too: replace it in one step.
    const fresh = `${binary}.${process.pid}`;
    execFileSync('gcc', ['-O1', '-D_GNU_SOURCE', '-o', fresh, source], { stdio: 'pipe' });
    renameSync(fresh, binary);
  }
  return binary;
}

let permitted: string | undefined | null = null;

/** Why the kernel cannot be asked here, or undefined. */
export function whyNoOracle(): string | undefined {
  if (permitted !== null) return permitted;
  try {
    const out = execFileSync(build(), { input: '0 1 0 0 0 GPL b7000000000000009500000000000000 0\n' }).toString();
    permitted = out.startsWith('0\tok') ? undefined : `bpf(2) is not permitted here (${out.trim()})`;
  } catch (error) {
    permitted = `the oracle cannot be built: ${(error as Error).message.split('\n')[0]}`;
  }
  return permitted;
}

function encode(id: number, q: Question): string {
  const type = progTypeByName(q.type)!.id;
  const attach = q.attach === undefined ? 0 : (attachTypeByName(q.attach)?.id ?? 0);
  const maps = q.maps.map(
    (m) =>
      `${mapTypeByName(m.type)?.id ?? 0}:${m.keySize}:${m.valueSize}:${m.maxEntries}:${m.flags}:${m.keyType}:${m.valueType}`,
  );
  const funcs = q.funcs ?? [];
  const types = q.btfFile === undefined ? [] : [q.btfFile, funcs.length, ...funcs.map((f) => `${f.insn}:${f.btfId}`)];
  const code = Buffer.from(q.insns).toString('hex');
  return `${[id, type, attach, q.btfId ?? 0, q.flags ?? 0, q.license.replace(/ .*/, ''), code, maps.length, ...maps, ...types].join(' ')}\n`;
}

/** Ask the kernel about all the programs; answers in the same order. */
export function askKernel(questions: readonly Question[]): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(build(), { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers: Answer[] = [];
    let rest = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      rest += chunk;
      const lines = rest.split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const [id, verdict = '', last = ''] = line.split('\t');
        if (id === undefined || id === '') continue;
        answers[Number(id)] = { ok: verdict === 'ok', errno: verdict === 'ok' ? '' : verdict, last };
      }
    });
    child.on('error', reject);
    child.on('close', () => resolve(answers));
    child.stdin.on('error', () => {});
    for (let i = 0; i < questions.length; i++) child.stdin.write(encode(i, questions[i]!));
    child.stdin.end();
  });
}
