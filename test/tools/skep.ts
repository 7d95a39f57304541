/** Running the built command in tests, and asking whether the machine has what a comparison needs. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { traceUnavailable } from '../../bindings/trace/index.ts';

export const root = join(import.meta.dirname, '../..');
export const SKEP = join(root, 'dist/bin/skep.js');

/** The recording that ships. */
export const RECORDING = join(root, 'data/connects.rec.jsonl');

export function skep(
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [SKEP, ...args], { encoding: 'utf8', timeout: 50_000, ...options });
}

/** The command, asynchronously: for servers in this process and for signals. */
export async function skepAsync(
  args: readonly string[],
  during?: (child: ReturnType<typeof spawn>, stdout: () => string) => void,
): Promise<{ status: number | null; signal: string | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [SKEP, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    during?.(child, () => stdout);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done) => child.on('close', (status, signal) => done({ status, signal, stdout, stderr })));
}

export function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'skep-test-'));
}

export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** Why live tracing cannot be tested here, for the name of a skipped test. */
export const tracingProblem: string | undefined = traceUnavailable();

/** The rows of tcpv4connect's output, without the header. */
export function rows(stdout: string): { pid: number; comm: string; saddr: string; daddr: string; dport: number }[] {
  const [header, ...lines] = stdout.trimEnd().split('\n');
  if (header !== HEADER) throw new Error(`not the header: ${header}`);
  return lines.map((line) => {
    const [pid, comm, saddr, daddr, dport] = [
      line.slice(0, 6),
      line.slice(7, 19),
      line.slice(20, 36),
      line.slice(37, 53),
      line.slice(54),
    ].map((t) => t.trim());
    return { pid: Number(pid), comm: comm!, saddr: saddr!, daddr: daddr!, dport: Number(dport) };
  });
}

export const HEADER = 'PID    COMM         SADDR            DADDR            DPORT';
