/** What engines are compared with: the kernel's JIT by PROG_TEST_RUN, gcc -O2 of the same C, and peers that speak the batch protocol of skep-vm. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMap, progLoad, sys, testRun, updateElem } from '../../bindings/linux/bpf.ts';
import { toHex } from '../../core/base/bytes.ts';
import { OP_LD_IMM64 } from '../../core/isa/ops.ts';
import { engineCode, instructions } from './engines.ts';
import { type BenchProgram, code, HASH, PARSER, PROGRAMS, packet, START } from './programs.ts';

const [HASH_TYPE, ARRAY_TYPE] = [1, 2];
const [SOCKET_FILTER, XDP] = [1, 6];
const REPEAT = 1000;

/** The least of three test runs of `repeat`: ns a run. */
function kernelNs(fd: number, data: Uint8Array, repeat: number): number {
  return Math.min(...[1, 2, 3].map(() => testRun(fd, { data, repeat }).durationNs));
}

/** ns an instruction, by program, in the kernel; and ns a packet of the parser. A program that the kernel refuses is left out, and said. */
export function measureKernel(say: (text: string) => void): {
  readonly programs: Map<string, number>;
  readonly parser: number;
} {
  const hash = createMap({
    type: HASH_TYPE,
    keySize: HASH.key_size,
    valueSize: HASH.value_size,
    maxEntries: HASH.max_entries,
    name: 'bench',
  });
  for (let k = 0; k < HASH.max_entries; k++)
    updateElem(hash, new Uint8Array(Uint32Array.of(k).buffer), new Uint8Array(8));
  const array = createMap({ type: ARRAY_TYPE, keySize: 4, valueSize: 65536, maxEntries: 1, name: 'bench' });
  const fds = [hash, array];
  const programs = new Map<string, number>();
  for (const program of PROGRAMS) {
    const bytes = code(START.kernel(program.memory), program.text(program.kernelN));
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 8) {
      if (bytes[at] !== OP_LD_IMM64) continue;
      view.setInt32(at + 4, view.getInt32(at + 4, true) === 0 ? hash : array, true);
      at += 8;
    }
    try {
      const { fd } = progLoad({ type: SOCKET_FILTER, insns: bytes });
      fds.push(fd);
      const count = instructions(engineCode(program, program.kernelN), program.memory);
      programs.set(program.name, kernelNs(fd, new Uint8Array(64), REPEAT) / count);
    } catch (error) {
      say(`kernel, ${program.name}: ${(error as Error).message.slice(0, 200)}`);
    }
  }
  const { fd } = progLoad({ type: XDP, insns: code(START.xdp, PARSER) });
  fds.push(fd);
  const parser = kernelNs(fd, packet(1), 1_000_000);
  for (const one of fds) sys().close(one);
  return { programs, parser };
}

/** ns an instruction of BPF for the same C by gcc -O2, where there is a gcc. */
export function measureGcc(counts: ReadonlyMap<string, number>): Map<string, number> | undefined {
  if (spawnSync('gcc', ['--version']).status !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
  const loops = PROGRAMS.filter((p) => p.c !== undefined);
  const text = `#include <stdint.h>
#include <stdio.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
${loops.map((p) => `__attribute__((noinline)) uint64_t ${p.name}(uint64_t n) { ${p.c} }`).join('\n')}
static void measure(const char *name, uint64_t (*f)(uint64_t), uint64_t n) {
  volatile uint64_t sink;
  double least = 1e18;
  for (int k = 0; k < 200; k++) { double t = now(); sink = f(n); t = now() - t; if (t < least) least = t; }
  (void)sink;
  printf("%s %f\\n", name, least);
}
int main(void) { ${loops.map((p) => `measure("${p.name}", ${p.name}, ${p.n});`).join(' ')} return 0; }
`;
  try {
    writeFileSync(join(folder, 'loops.c'), text);
    const made = spawnSync('gcc', ['-O2', '-o', join(folder, 'loops'), join(folder, 'loops.c')], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
    const { stdout } = spawnSync(join(folder, 'loops'), { encoding: 'utf8' });
    return new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string])
        .map(([name, ns]) => [name, Number(ns) / counts.get(name)!]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * ns an instruction on a peer: the difference between a long and a short run of one program, so that what the protocol costs falls out.
 * `command` is a shell command that speaks the batch protocol on stdin and stdout.
 */
export async function measurePeer(command: string, say: (text: string) => void): Promise<Map<string, number>> {
  const child = spawn('sh', ['-c', command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  }) as unknown as ChildProcessWithoutNullStreams;
  const peer = new LinePeer(child);
  const out = new Map<string, number>();
  try {
    for (const program of PROGRAMS) {
      try {
        out.set(program.name, await peerNs(peer, program));
      } catch (error) {
        say(`peer, ${program.name}: ${(error as Error).message}`);
      }
    }
  } finally {
    child.stdin.end();
  }
  return out;
}

async function peerNs(peer: LinePeer, program: BenchProgram): Promise<number> {
  const request = (n: number) => {
    const bytes = engineCode(program, n);
    const init = Array.from({ length: HASH.max_entries }, (_, k) => [
      toHex(new Uint8Array(Uint32Array.of(k).buffer)),
      '00'.repeat(8),
    ]);
    const maps = program.map ? [{ ...HASH, init }] : [];
    return {
      line: JSON.stringify({ code: toHex(bytes), mem: '00'.repeat(program.memory), maps }),
      count: instructions(bytes, program.memory),
    };
  };
  // Memory programs cannot be longer than the memory; the others are stretched until the protocol is small beside them.
  const long = request(program.memory > 0 ? program.n : program.n * 8);
  const short = request(program.memory > 0 ? 64 : 16);
  const least = async (line: string): Promise<number> => {
    let best = Number.POSITIVE_INFINITY;
    for (let k = 0; k < 7; k++) {
      const start = performance.now();
      const answer = await peer.ask(line);
      best = Math.min(best, performance.now() - start);
      if (answer.includes('"error"')) throw new Error(answer);
    }
    return best * 1e6;
  };
  return ((await least(long.line)) - (await least(short.line))) / (long.count - short.count);
}

class LinePeer {
  readonly #child: ChildProcessWithoutNullStreams;
  #rest = '';
  #end: Error | undefined;
  #waiting: { done(line: string): void; fail(error: Error): void } | undefined;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#rest += text;
      const end = this.#rest.indexOf('\n');
      if (end < 0) return;
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      this.#waiting?.done(line);
    });
    child.once('close', (status) => {
      this.#end = new Error(`the peer ended (status ${status})`);
      this.#waiting?.fail(this.#end);
    });
  }

  ask(line: string): Promise<string> {
    return new Promise((done, fail) => {
      if (this.#end) throw this.#end;
      this.#waiting = { done, fail };
      this.#child.stdin.write(`${line}\n`);
    });
  }
}
