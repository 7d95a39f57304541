/**
 * The real kernel through the thin door: maps, programs, test runs, links, perf events, shared memory. Skipped by the name of the
 * right that is missing.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { addon } from '../../bindings/addon/index.ts';
import {
  BpfAttr,
  bpf,
  bpfOrThrow,
  bpfUnavailable,
  createMap,
  deleteElem,
  lookupAndDeleteElem,
  lookupBatch,
  lookupElem,
  nextKey,
  progLoad,
  sys,
  testRun,
  updateBatch,
  updateElem,
} from '../../bindings/linux/bpf.ts';
import { toHex } from '../../core/base/bytes.ts';
import { ERRNO } from '../../core/base/errno.ts';
import { VerifierError } from '../../core/base/errors.ts';

const missing = bpfUnavailable();
const suite = missing ? `(skipped: ${missing})` : '';

const open: number[] = [];
function kept(fd: number): number {
  open.push(fd);
  return fd;
}
afterAll(() => {
  for (const fd of open) sys().close(fd);
});

/** One instruction. */
function insn(op: number, dst = 0, src = 0, off = 0, imm = 0): number[] {
  return [
    op,
    dst | (src << 4),
    off & 255,
    (off >> 8) & 255,
    imm & 255,
    (imm >> 8) & 255,
    (imm >> 16) & 255,
    imm >>> 24,
  ];
}
const MOV_R0 = (imm: number): number[] => insn(0xb7, 0, 0, 0, imm);
const EXIT = insn(0x95);
const code = (...insns: number[][]): Uint8Array => Uint8Array.from(insns.flat());
const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

// enum bpf_map_type, enum bpf_prog_type
const HASH = 1;
const ARRAY = 2;
const STACK = 23;
const SOCKET_FILTER = 1;
const XDP = 6;
const RAW_TRACEPOINT = 17;

describe.skipIf(missing)(`maps of the real kernel ${suite}`, () => {
  it('a hash: update, look up, walk, delete, with the errnos of the kernel', () => {
    const fd = kept(createMap({ type: HASH, keySize: 4, valueSize: 8, maxEntries: 2, name: 'test.hash' }));
    const value = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(updateElem(fd, u32(1), value)).toBe(0);
    expect(updateElem(fd, u32(1), value, 1)).toBe(-ERRNO.EEXIST);
    expect(updateElem(fd, u32(2), value, 2)).toBe(-ERRNO.ENOENT);
    expect(updateElem(fd, u32(2), u32(9, 9))).toBe(0);
    expect(updateElem(fd, u32(3), value)).toBe(-ERRNO.E2BIG);
    const out = new Uint8Array(8);
    expect(lookupElem(fd, u32(1), out)).toBe(0);
    expect(out).toEqual(value);
    expect(lookupElem(fd, u32(7), out)).toBe(-ERRNO.ENOENT);
    const seen: number[] = [];
    const key = new Uint8Array(4);
    for (let result = nextKey(fd, undefined, key); result === 0; result = nextKey(fd, key.slice(), key)) {
      seen.push(new DataView(key.buffer).getUint32(0, true));
    }
    expect(seen.sort()).toEqual([1, 2]);
    expect(deleteElem(fd, u32(1))).toBe(0);
    expect(deleteElem(fd, u32(1))).toBe(-ERRNO.ENOENT);
  });

  it('many elements at once', () => {
    const fd = kept(createMap({ type: HASH, keySize: 4, valueSize: 4, maxEntries: 1000 }));
    const keys = u32(...Array.from({ length: 500 }, (_, i) => i));
    const values = u32(...Array.from({ length: 500 }, (_, i) => i * 3));
    expect(updateBatch(fd, keys, values, 500)).toEqual({ result: 0, count: 500 });
    const found = new Map<number, number>();
    const cursor = new Uint8Array(4);
    for (let first = true; ; first = false) {
      const batch = { cursor, first, keys: new Uint8Array(4 * 600), values: new Uint8Array(4 * 600), count: 600 };
      const { result, count } = lookupBatch(fd, batch);
      const [k, v] = [new Uint32Array(batch.keys.buffer), new Uint32Array(batch.values.buffer)];
      for (let i = 0; i < count; i++) found.set(k[i]!, v[i]!);
      if (result === -ERRNO.ENOENT) break;
      expect(result).toBe(0);
    }
    expect(found.size).toBe(500);
    for (const [key, value] of found) expect(value).toBe(key * 3);
  });

  it('a stack: take from it until it is empty', () => {
    const fd = kept(createMap({ type: STACK, keySize: 0, valueSize: 4, maxEntries: 4 }));
    const none = new Uint8Array(0);
    for (const n of [1, 2, 3]) expect(updateElem(fd, none, u32(n))).toBe(0);
    const out = new Uint8Array(4);
    const taken: number[] = [];
    while (lookupAndDeleteElem(fd, none, out) === 0) taken.push(out[0]!);
    expect(taken).toEqual([3, 2, 1]);
  });

  it('an impossible map is a SysError that names it', () => {
    expect(() => createMap({ type: ARRAY, keySize: 8, valueSize: 4, maxEntries: 1, name: 'odd' })).toThrow(
      "creating the map 'odd': bpf(BPF_MAP_CREATE): EINVAL",
    );
  });

  it('knows itself by id: info, and a second descriptor', () => {
    const fd = kept(createMap({ type: HASH, keySize: 4, valueSize: 8, maxEntries: 16, name: 'by_id' }));
    const info = new Uint8Array(80);
    expect(bpf('OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: info.length, info })).toBe(0);
    // struct bpf_map_info: type, id, key_size, value_size, max_entries, map_flags, name[16]
    const words = new Uint32Array(info.buffer);
    expect([words[0], words[2], words[3], words[4]]).toEqual([HASH, 4, 8, 16]);
    expect(Buffer.from(info.subarray(24, 29)).toString()).toBe('by_id');
    const second = kept(bpfOrThrow('MAP_GET_FD_BY_ID', { map_id: words[1]! }, 'opening a map'));
    expect(updateElem(second, u32(5), u32(6, 7))).toBe(0);
    expect(lookupElem(fd, u32(5), new Uint8Array(8))).toBe(0);
    const next = new BpfAttr('MAP_GET_NEXT_ID', { start_id: words[1]! - 1 });
    expect(next.call()).toBe(0);
    expect(next.u32('next_id')).toBe(words[1]);
  });
});

describe.skipIf(missing)(`programs of the real kernel ${suite}`, () => {
  it('two instructions: load, run, and the result comes back', () => {
    const { fd } = progLoad({ type: SOCKET_FILTER, insns: code(MOV_R0(42), EXIT), name: 'two insns' });
    kept(fd);
    const run = testRun(fd, { data: new Uint8Array(64), repeat: 100 });
    expect(run.retval).toBe(42);
    expect(run.data.length).toBe(64);
  });

  it('a packet goes in and comes out changed', () => {
    // r2 = data; r3 = data_end; if (data + 1 > data_end) goto out; *data = 7; out: return XDP_PASS
    const insns = code(
      insn(0x61, 2, 1, 0),
      insn(0x61, 3, 1, 4),
      insn(0xbf, 4, 2),
      insn(0x07, 4, 0, 0, 1),
      insn(0x2d, 4, 3, 1),
      insn(0x72, 2, 0, 0, 7),
      MOV_R0(2),
      EXIT,
    );
    const fd = kept(progLoad({ type: XDP, insns }).fd);
    const packet = Uint8Array.from({ length: 60 }, (_, i) => i);
    const run = testRun(fd, { data: packet });
    expect(run.retval).toBe(2);
    expect(toHex(run.data)).toBe(toHex(Uint8Array.of(7, ...packet.subarray(1))));
  });

  it("a refusal carries the verifier's whole log and the place", () => {
    let error: unknown;
    try {
      progLoad({ type: SOCKET_FILTER, insns: code(MOV_R0(0), insn(0xbf, 0, 5), EXIT), name: 'bad' });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(VerifierError);
    const refused = error as VerifierError;
    expect(refused.message).toBe("loading the program 'bad': R5 !read_ok");
    expect(refused.pc).toBe(1);
    expect(refused.log).toMatch(/^0: R1=ctx.*\n0: \(b7\) r0 = 0/m);
  });

  it('a log that is asked for comes whole, however long', () => {
    // 3000 instructions at level 2 make more log than the first buffer holds.
    const long = Array.from({ length: 3000 }, (_, i) => MOV_R0(i));
    const { fd, log } = progLoad({ type: SOCKET_FILTER, insns: code(...long, EXIT), logLevel: 2 });
    kept(fd);
    expect(log.length).toBeGreaterThan(64 * 1024);
    expect(log).toMatch(/3000: \(95\) exit/);
    expect(log).toMatch(/processed 3001 insns/);
  });

  it('attaches to a raw tracepoint and counts into a map', () => {
    const map = kept(createMap({ type: ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 }));
    const insns = code(
      insn(0x62, 10, 0, -4, 0), // *(u32 *)(r10 - 4) = 0
      insn(0xbf, 2, 10),
      insn(0x07, 2, 0, 0, -4),
      insn(0x18, 1, 1, 0, map), // r1 = map
      insn(0x00),
      insn(0x85, 0, 0, 0, 1), // map_lookup_elem
      insn(0x15, 0, 0, 2, 0),
      insn(0xb7, 1, 0, 0, 1),
      insn(0xdb, 0, 1, 0, 0), // lock *(u64 *)r0 += 1
      MOV_R0(0),
      EXIT,
    );
    const prog = kept(progLoad({ type: RAW_TRACEPOINT, insns }).fd);
    const name = new TextEncoder().encode('sys_enter\0');
    const link = bpfOrThrow('RAW_TRACEPOINT_OPEN', { name, prog_fd: prog }, 'attaching to sys_enter');
    for (let i = 0; i < 10; i++) process.hrtime.bigint();
    for (let i = 0; i < 10; i++) process.getuid!();
    for (let i = 0; i < 10; i++) lookupElem(map, u32(0), new Uint8Array(8));
    expect(sys().close(link)).toBe(0);
    const out = new Uint8Array(8);
    lookupElem(map, u32(0), out);
    expect(Number(new DataView(out.buffer).getBigUint64(0, true))).toBeGreaterThanOrEqual(10);
  });
});

describe.skipIf(missing)(`perf events, polling and shared memory ${suite}`, () => {
  const MAP_SHARED = 1;
  const PROT_READ = 1;
  const PROT_WRITE = 2;

  it('a ring buffer of a software event fills, and its page says so', () => {
    // struct perf_event_attr: type SOFTWARE 1, config CPU_CLOCK 0, sample_period 100 us, sample_type TIME 4, disabled, wakeup_events 1
    const attr = new Uint8Array(128);
    const view = new DataView(attr.buffer);
    view.setUint32(0, 1, true);
    view.setUint32(4, attr.length, true);
    view.setBigUint64(16, 100_000n, true);
    view.setBigUint64(24, 4n, true);
    view.setUint32(40, 1, true);
    view.setUint32(48, 1, true);
    const fd = kept(sys().perfEventOpen(attr, 0, -1, -1, 8));
    expect(fd).toBeGreaterThanOrEqual(0);
    const mapping = sys().mmap(2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
    const head = new BigUint64Array(mapping.buffer, 1024, 1);
    expect(head[0]).toBe(0n);
    const ENABLE = 0x2400;
    expect(sys().ioctl(fd, ENABLE, 0)).toBe(0);
    const ready = new Uint8Array(1);
    for (const end = Date.now() + 5000; head[0] === 0n && Date.now() < end; );
    expect(sys().poll(Int32Array.of(fd), 0, ready)).toBe(1);
    expect(ready[0]).toBe(1);
    expect(head[0]! > 0n).toBe(true);
    // PERF_RECORD_SAMPLE is 9; header 8 bytes and the time.
    expect([...new Uint8Array(mapping.buffer, 4096, 8)]).toEqual([9, 0, 0, 0, expect.any(Number), 0, 16, 0]);
    expect(mapping.unmap()).toBe(0);
    expect(mapping.buffer.byteLength).toBe(0);
    expect(mapping.unmap()).toBe(-ERRNO.EINVAL);
  });

  it('an array that is mapped is the array', () => {
    const MMAPABLE = 1 << 10;
    const fd = kept(createMap({ type: ARRAY, keySize: 4, valueSize: 8, maxEntries: 4, flags: MMAPABLE }));
    const mapping = sys().mmap(4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
    new Uint8Array(mapping.buffer).set([1, 2, 3], 8);
    const out = new Uint8Array(8);
    expect(lookupElem(fd, u32(1), out)).toBe(0);
    expect([...out]).toEqual([1, 2, 3, 0, 0, 0, 0, 0]);
    mapping.unmap();
  });
});

describe.skipIf(!addon()?.sys)('the door itself', () => {
  it('answers -errno, and a pointer outside of the argument is refused', () => {
    expect(sys().close(-1)).toBe(-ERRNO.EBADF);
    expect(sys().ioctl(-1, 0, 0)).toBe(-ERRNO.EBADF);
    expect(sys().mmap(4096, 1, 1, -1, 0)).toBe(-ERRNO.EBADF);
    expect(() => sys().bpf(0, new Uint8Array(8), [4, new Uint8Array(8)])).toThrow(RangeError);
    expect(() => sys().bpf(0, 5 as never)).toThrow(TypeError);
  });
});
