/** Decoding one event to a plain object: the decoder that tables and buffers use, and Python's ctypes on the same bytes. */
import { spawnSync } from 'node:child_process';
import { compileFunction } from '../../bindings/node/compile-function.ts';
import { lazyDecoder } from '../../core/btf/lazy.ts';
import { decoder } from '../../core/btf/value.ts';
import { BtfBuilder } from '../../core/btf/write.ts';
import { bestSample } from './engines.ts';

/** struct event { u64 ts; u32 pid, tid, uid, ret; u64 a, b; char comm[16]; } */
const SIZE = 56;

export interface EventDecode {
  readonly compiled: number;
  readonly closures: number;
  /** Two fields of a record that is read lazily. */
  readonly lazy: number;
  /** undefined: no Python here. */
  readonly ctypes: number | undefined;
}

export function measureEvents(spellMs: number): EventDecode {
  const b = new BtfBuilder();
  const u64 = b.int('unsigned long long', 8);
  const u32 = b.int('unsigned int', 4);
  const comm = b.array(b.int('char', 1, { signed: true, char: true }), 16);
  const fields = [
    ['ts', u64, 0],
    ['pid', u32, 8],
    ['tid', u32, 12],
    ['uid', u32, 16],
    ['ret', u32, 20],
    ['a', u64, 24],
    ['b', u64, 32],
    ['comm', comm, 40],
  ] as const;
  const type = b.composite(
    'struct',
    'event',
    SIZE,
    fields.map(([name, id, at]) => ({ name, type: id, bitOffset: at * 8, bitSize: 0 })),
  );
  const btf = b.build();
  // Many records in one buffer, as a ring buffer has them, all different.
  const count = 1024;
  const bytes = new Uint8Array(SIZE * count);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const at = i * SIZE;
    view.setBigUint64(at, 1_700_000_000_000_000_000n + BigInt(i), true);
    for (let k = 0; k < 4; k++) view.setUint32(at + 8 + 4 * k, i * 4 + k, true);
    view.setBigUint64(at + 24, BigInt(i) << 20n, true);
    view.setBigUint64(at + 32, BigInt(i), true);
    bytes.set(new TextEncoder().encode(`process-${i}`).subarray(0, 15), at + 40);
  }
  let sink = 0;
  const time = (decode: ReturnType<typeof decoder>): number =>
    bestSample(spellMs * 3, () => {
      for (let i = 0; i < count; i++) sink += (decode(bytes, i * SIZE) as { pid: number }).pid;
    }) / count;
  const lazyTime = (): number => {
    const view = lazyDecoder(btf, type);
    const run = () => {
      for (let i = 0; i < count; i++) {
        const event = view(bytes, i * SIZE) as { pid: number; ret: number };
        sink += event.pid + event.ret;
      }
    };
    return bestSample(spellMs * 3, run) / count;
  };
  const result = {
    compiled: time(decoder(btf, type, compileFunction && { compile: compileFunction })),
    closures: time(decoder(btf, type)),
    lazy: lazyTime(),
    ctypes: ctypes(),
  };
  if (!(sink > 0)) throw new Error('nothing was decoded');
  return result;
}

const PYTHON = `
import ctypes as ct, time
class Event(ct.Structure):
    _fields_ = [('ts', ct.c_uint64), ('pid', ct.c_uint32), ('tid', ct.c_uint32), ('uid', ct.c_uint32), ('ret', ct.c_uint32),
                ('a', ct.c_uint64), ('b', ct.c_uint64), ('comm', ct.c_char * 16)]
data = (ct.c_char * 56)(*b'\\x01' * 40 + b'process-1')
address = ct.addressof(data)
best = 1e9
for spell in range(200):
    start = time.perf_counter_ns()
    for i in range(200):
        e = ct.cast(address, ct.POINTER(Event)).contents
        x = (e.ts, e.pid, e.tid, e.uid, e.ret, e.a, e.b, e.comm)
    best = min(best, (time.perf_counter_ns() - start) / 200)
print(best)
`;

/** As a perf buffer callback of BCC's Python does it: cast, then read every field. */
function ctypes(): number | undefined {
  const { status, stdout } = spawnSync('python3', ['-c', PYTHON], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : undefined;
}
