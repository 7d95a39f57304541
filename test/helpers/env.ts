/** A HelperEnv for tests, and calling a helper by name with numbers, strings and addresses as arguments. */
import { KERNEL_HI } from '../../core/base/memory.ts';
import type { HelperEnv } from '../../core/helpers/helper.ts';
import { helperByName, runHelper } from '../../core/helpers/index.ts';
import { createMap } from '../../core/maps/index.ts';
import type { BpfMap, MapAttrs } from '../../core/maps/map.ts';
import { TestHost } from '../maps/host.ts';

export interface TestEnv extends HelperEnv {
  readonly host: TestHost;
  readonly lines: string[];
}

/**
 * Every address below 2^32 in kernel space is the linear memory, except the page at 0xdead0000. User space is empty.
 */
export function testEnv(more: Partial<HelperEnv> = {}): TestEnv & { map(attrs: MapAttrs): BpfMap } {
  const host = new TestHost();
  const { memory } = host;
  const maps = new Map<number, BpfMap>();
  const lines: string[] = [];
  const env = {
    host,
    lines,
    memory,
    ctx: memory.alloc(512),
    mapAt: (offset: number) => maps.get(offset),
    task: { pid: 41, tgid: 40, uid: 1000, gid: 100, comm: 'a-long-command-name', taskStruct: () => 0x20000 },
    get cpu() {
      return host.cpu;
    },
    now: () => [0x89abcdef | 0, 0x1234567] as const,
    random: () => 7,
    read(space: string, lo: number, hi: number, size: number, to: number) {
      if (space === 'user' || hi !== KERNEL_HI || lo >>> 0 >= 0xdead0000) return -14;
      memory.u8.copyWithin(to, lo >>> 0, (lo >>> 0) + size);
      return 0;
    },
    readString(space: string, lo: number, hi: number, size: number, to: number) {
      if (space === 'user' || hi !== KERNEL_HI || lo >>> 0 >= 0xdead0000) return -14;
      for (let i = 0; i < size; i++) {
        const c = (memory.u8[to + i] = memory.u8[(lo >>> 0) + i]!);
        if (c === 0) return i + 1;
      }
      return size;
    },
    tracePrintk(text: string) {
      lines.push(text);
    },
    progType: 'kprobe',
    map(attrs: MapAttrs) {
      const map = createMap(attrs, host);
      maps.set(map.offset, map);
      return map;
    },
    ...more,
  };
  return env;
}

/** Bytes of a string with its NUL, in the linear memory. */
export function put(env: HelperEnv, data: string | Uint8Array): number {
  const bytes = typeof data === 'string' ? Uint8Array.from([...Buffer.from(data, 'utf8'), 0]) : data;
  const at = env.memory.alloc(Math.max(8, bytes.length));
  env.memory.u8.set(bytes, at);
  return at;
}

/** Argument forms: a bigint is a plain 64-bit number, a number an offset (a kernel address) or 0. */
export function call(env: HelperEnv, name: string, ...args: (number | bigint)[]): bigint {
  const r = new Int32Array(22);
  args.forEach((arg, i) => {
    if (typeof arg === 'bigint') {
      r[2 + 2 * i] = Number(BigInt.asIntN(32, arg));
      r[3 + 2 * i] = Number(BigInt.asIntN(32, arg >> 32n));
    } else {
      r[2 + 2 * i] = arg;
      r[3 + 2 * i] = arg === 0 ? 0 : KERNEL_HI;
    }
  });
  const row = helperByName(name);
  if (!row) throw new Error(`no helper ${name}`);
  runHelper(row, env, r);
  return (BigInt(r[1]!) << 32n) | BigInt(r[0]! >>> 0);
}
