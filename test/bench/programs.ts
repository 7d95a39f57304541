/**
 * The fixed set of benchmarks, typed in the kernel's notation. Each begins with what its surroundings give it: r6 = memory, r7 = its end. For
 * engines that is r1 and r1 + r2; in the kernel a map's value, or the packet of an XDP program. So the same instructions run everywhere.
 */
import { assemble } from '../../core/isa/asm.ts';

export interface BenchProgram {
  readonly name: string;
  readonly what: string;
  /** After the start. `n` is the number of iterations. */
  text(n: number): string;
  readonly n: number;
  /** Iterations in the kernel, whose verifier walks through all of them. */
  readonly kernelN: number;
  readonly memory: number;
  /** Needs the hash map, map 0. */
  readonly map?: true;
  /** The same as a C function `uint64_t f(uint64_t n)`, for gcc -O2. */
  readonly c?: string;
}

export const HASH = { type: 'hash', key_size: 4, value_size: 8, max_entries: 1024 } as const;

/** A loop in which each step waits for the one before: on registers r0, r3, r4 or their halves w0, w3, w4. */
const arithmetic = (name: string, what: string, r: 'r' | 'w'): BenchProgram => ({
  name,
  what,
  n: 50_000,
  kernelN: 5000,
  memory: 0,
  text: (n) => `${r}4 = ${n}
loop: ${r}0 *= 1103515245
${r}0 += 12345
${r}3 = ${r}0
${r}3 >>= 13
${r}0 ^= ${r}3
${r}3 = ${r}0
${r}3 <<= 7
${r}0 ^= ${r}3
${r}0 += ${r}4
${r}4 -= 1
if ${r}4 != 0 goto loop
exit`,
  c: `uint${r === 'r' ? 64 : 32}_t x = 0; for (uint${r === 'r' ? 64 : 32}_t i = n; i != 0; i--) { x = x * 1103515245 + 12345; x ^= x >> 13; x ^= x << 7; x += i; } return x;`,
});

export const PROGRAMS: readonly BenchProgram[] = [
  arithmetic('alu64', '64-bit arithmetic, each step on the one before', 'r'),
  arithmetic('alu32', 'the same on 32 bits', 'w'),
  {
    name: 'memory',
    what: 'sum of 64 KiB, eight bytes at a time',
    n: 8192,
    kernelN: 8192,
    memory: 65536,
    text: (n) => `r4 = ${n}
loop: r5 = *(u64 *)(r6 +0)
r0 += r5
r6 += 8
r4 -= 1
if r4 != 0 goto loop
exit`,
  },
  {
    name: 'map',
    what: 'count in a hash map of 1,024 keys',
    n: 8192,
    kernelN: 4096,
    memory: 0,
    map: true,
    text: (n) => `r8 = ${n}
loop: r1 = r8
r1 &= 1023
*(u32 *)(r10 -4) = r1
r2 = r10
r2 += -4
r1 = map[id:0]
call #1
if r0 == 0 goto next
r1 = *(u64 *)(r0 +0)
r1 += 1
*(u64 *)(r0 +0) = r1
next: r8 -= 1
if r8 != 0 goto loop
r0 = 0
exit`,
  },
  {
    name: 'sieve',
    what: 'primes below 8,192 in memory',
    n: 8192,
    kernelN: 8192,
    memory: 65536,
    text: (n) => `r1 = r6
r2 = 0
zero: *(u64 *)(r1 +0) = 0
r1 += 8
r2 += 8
if r2 < ${n} goto zero
r1 = 2
outer: r3 = r6
r3 += r1
r4 = *(u8 *)(r3 +0)
if r4 != 0 goto composite
r2 = r1
r2 *= r1
inner: if r2 >= ${n} goto composite
r3 = r6
r3 += r2
*(u8 *)(r3 +0) = 1
r2 += r1
goto inner
composite: r1 += 1
if r1 < ${Math.ceil(Math.sqrt(n))} goto outer
r1 = 2
count: r3 = r6
r3 += r1
r4 = *(u8 *)(r3 +0)
r0 += 1
r0 -= r4
r1 += 1
if r1 < ${n} goto count
exit`,
  },
  {
    name: 'calls',
    what: 'a local call an iteration',
    n: 20_000,
    kernelN: 5000,
    memory: 0,
    text: (n) => `r8 = ${n}
r9 = 0
loop: r1 = r8
r2 = r9
call mix
r9 = r0
r8 -= 1
if r8 != 0 goto loop
r0 = r9
exit
mix: r0 = r1
r0 *= 3
r0 ^= r2
r0 += 7
exit`,
  },
];

/** A parser of 64-byte packets: Ethernet, IPv4, TCP or UDP; answers the destination port and the protocol. */
export const PARSER = `r0 = r6
r0 += 54
if r0 > r7 goto drop
r1 = *(u16 *)(r6 +12)
if r1 != 0x8 goto drop
r1 = *(u8 *)(r6 +14)
r2 = r1
r2 &= 0xf0
if r2 != 0x40 goto drop
r1 &= 15
if r1 != 5 goto drop
r3 = *(u8 *)(r6 +23)
if r3 == 6 goto ports
if r3 != 17 goto drop
ports: r0 = *(u16 *)(r6 +36)
r0 = be16 r0
r0 <<= 8
r0 |= r3
r4 = *(u32 *)(r6 +26)
r5 = *(u32 *)(r6 +30)
r4 ^= r5
r4 &= 1
r0 += r4
exit
drop: r0 = 0
exit`;

/** Starts of a program. `unique` makes the bytes of each repetition differ: engines and V8 keep what they compiled. */
export const START = {
  engine: (unique: number) => `r0 = ${unique}\nr0 = 0\nr6 = r1\nr7 = r6\nr7 += r2\n`,
  /** r6 = value 0 of the map with number 1. */
  kernel: (memory: number) => (memory > 0 ? 'r0 = 0\nr6 = map[id:1][0]+0\n' : 'r0 = 0\nr6 = 0\n'),
  xdp: 'r6 = *(u32 *)(r1 +0)\nr7 = *(u32 *)(r1 +4)\n',
} as const;

export const code = (start: string, text: string): Uint8Array => assemble(start + text);

/** A TCP packet that the parser takes. */
export function packet(seed: number): Uint8Array {
  const out = new Uint8Array(64);
  out.set([0x08, 0x00], 12);
  out[14] = 0x45;
  out[23] = seed % 3 === 0 ? 17 : 6;
  out.set([10, 0, 0, seed & 255, 10, 0, 1, (seed * 7) & 255], 26);
  out.set([0x30, 0x39, (seed >> 8) & 255, seed & 255], 34);
  return out;
}
