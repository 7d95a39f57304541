import { describe, expect, it } from 'vitest';
import { KERNEL_HI, kernelAddress } from '../../core/base/memory.ts';
import type { HelperEnv } from '../../core/helpers/helper.ts';
import type { LocalStorageMap } from '../../core/maps/local-storage.ts';
import type { PerfEventArrayMap } from '../../core/maps/perf-event-array.ts';
import type { RingbufMap } from '../../core/maps/ringbuf.ts';
import type { UserRingbufMap } from '../../core/maps/user-ringbuf.ts';
import { attrs, num, u32 } from '../maps/host.ts';
import { call, put, testEnv } from './env.ts';

const text = (env: HelperEnv, at: number, size: number) =>
  Buffer.from(env.memory.u8.slice(at, at + size)).toString('latin1');

describe('map helpers', () => {
  it('look up, update, delete', () => {
    const env = testEnv();
    const map = env.map(attrs('hash'));
    const key = put(env, u32(7));
    const value = put(env, num(99, 8));
    expect(call(env, 'map_lookup_elem', map.offset, key)).toBe(0n);
    expect(call(env, 'map_update_elem', map.offset, key, value, 2n)).toBe(-2n);
    expect(call(env, 'map_update_elem', map.offset, key, value, 0n)).toBe(0n);
    expect(call(env, 'map_update_elem', map.offset, key, value, 1n)).toBe(-17n);
    expect(call(env, 'map_update_elem', map.offset, key, value, 1n << 40n)).toBe(-22n);
    const found = call(env, 'map_lookup_elem', map.offset, key);
    expect(found >> 32n).toBe(BigInt(KERNEL_HI));
    expect(env.memory.view.getUint32(Number(found & 0xffffffffn), true)).toBe(99);
    expect(call(env, 'map_delete_elem', map.offset, key)).toBe(0n);
    expect(call(env, 'map_delete_elem', map.offset, key)).toBe(-2n);
  });

  it('push, peek and pop; other types have none', () => {
    const env = testEnv();
    const queue = env.map(attrs('queue', { keySize: 0 }));
    const value = put(env, num(5, 8));
    const out = put(env, num(0, 8));
    expect(call(env, 'map_push_elem', queue.offset, value, 0n)).toBe(0n);
    expect(call(env, 'map_peek_elem', queue.offset, out)).toBe(0n);
    expect(call(env, 'map_pop_elem', queue.offset, out)).toBe(0n);
    expect(env.memory.u8[out]).toBe(5);
    expect(call(env, 'map_pop_elem', queue.offset, out)).toBe(-2n);
    expect(env.memory.u8[out]).toBe(0);
    expect(call(env, 'map_pop_elem', env.map(attrs('hash')).offset, out)).toBe(-95n);
  });

  it('find another CPU of a per-CPU value', () => {
    const env = testEnv();
    const map = env.map(attrs('percpu_array', { maxEntries: 2 }));
    const key = put(env, u32(1));
    env.host.cpu = 2;
    const here = call(env, 'map_lookup_elem', map.offset, key);
    expect(call(env, 'map_lookup_percpu_elem', map.offset, key, 2n)).toBe(here);
    expect(call(env, 'map_lookup_percpu_elem', map.offset, key, 0n)).toBe(here - 16n);
    expect(call(env, 'map_lookup_percpu_elem', map.offset, key, 9n)).toBe(0n);
  });

  it('call back for each element', () => {
    const seen: number[][] = [];
    const env = testEnv({
      callback: (at, args) => {
        seen.push([at, ...args]);
        return seen.length === 3 ? 1 : 0;
      },
    });
    const map = env.map(attrs('array', { maxEntries: 5 }));
    expect(call(env, 'for_each_map_elem', map.offset, 0x1234n, 0x77n, 0n)).toBe(3n);
    expect(seen[0]!.slice(0, 3)).toEqual([0x1234, map.offset, KERNEL_HI]);
    expect(seen[2]!.slice(7, 9)).toEqual([0x77, 0]);
    expect(call(env, 'for_each_map_elem', map.offset, 1n, 0n, 1n)).toBe(-22n);
  });
});

describe('task and time', () => {
  it('tell ids in two halves and the name in 16 bytes', () => {
    const env = testEnv();
    expect(call(env, 'get_current_pid_tgid')).toBe((40n << 32n) | 41n);
    expect(call(env, 'get_current_uid_gid')).toBe((100n << 32n) | 1000n);
    const buffer = put(env, new Uint8Array(24).fill(0xff));
    expect(call(env, 'get_current_comm', buffer, 16n)).toBe(0n);
    expect(text(env, buffer, 17)).toBe('a-long-command-\0\xff');
    call(env, 'get_current_comm', buffer, 4n);
    expect(text(env, buffer, 5)).toBe('a-l\0n');
    call(env, 'get_current_comm', buffer, 24n);
    expect(text(env, buffer, 24)).toBe('a-long-command-' + '\0'.repeat(9));
    expect(call(env, 'get_current_task')).toBe(BigInt.asIntN(64, kernelAddress(0x20000)));
  });

  it('tell the time', () => {
    const env = testEnv();
    expect(call(env, 'ktime_get_ns')).toBe(0x0123456789abcdefn);
    const second = testEnv({ now: () => [1_000_000_000, 0] });
    expect(call(second, 'jiffies64')).toBe(4294892296n + 250n);
    const coarse = testEnv({ now: () => [9_999_999, 0] });
    expect(call(coarse, 'ktime_get_coarse_ns')).toBe(8_000_000n);
  });

  it('ask the surroundings for cgroups, namespaces and signals', () => {
    const env = testEnv({
      cgroupId: (level) => (level === undefined ? [5, 1] : level === 1 ? [3, 0] : [0, 0]),
      nsPidTgid: ([dev], [ino]) => (dev === 4 && ino === 99 ? { pid: 2, tgid: 1 } : undefined),
      sendSignal: (signal, thread) => (signal > 64 ? -22 : thread ? 7 : 0),
      underCgroup: (slot) => slot === 8,
    });
    expect(call(env, 'get_current_cgroup_id')).toBe((1n << 32n) | 5n);
    expect(call(env, 'get_current_ancestor_cgroup_id', 1n)).toBe(3n);
    const out = put(env, new Uint8Array(8).fill(1));
    expect(call(env, 'get_ns_current_pid_tgid', 4n, 99n, out, 8n)).toBe(0n);
    expect([...env.memory.u8.subarray(out, out + 8)]).toEqual([2, 0, 0, 0, 1, 0, 0, 0]);
    expect(call(env, 'get_ns_current_pid_tgid', 4n, 98n, out, 8n)).toBe(-22n);
    expect(env.memory.u8[out]).toBe(0);
    expect([call(env, 'send_signal', 9n), call(env, 'send_signal_thread', 9n), call(env, 'send_signal', 99n)]).toEqual([
      0n,
      7n,
      -22n,
    ]);
    const cgroups = env.map(attrs('cgroup_array', { valueSize: 4, maxEntries: 3 }));
    cgroups.update(u32(0), u32(8), 0);
    cgroups.update(u32(1), u32(9), 0);
    expect([0n, 1n, 2n, 3n].map((i) => call(env, 'current_task_under_cgroup', cgroups.offset, i))).toEqual([
      1n,
      0n,
      -11n,
      -7n,
    ]);
    expect(() => call(testEnv(), 'get_current_cgroup_id')).toThrow(/not supported/);
  });
});

describe('probe reads', () => {
  const bad = 0xffff8880dead0000n;

  it('copy, or zero the destination and say -EFAULT', () => {
    const env = testEnv();
    const from = put(env, Uint8Array.of(1, 2, 3, 4));
    const to = put(env, new Uint8Array(8).fill(0xff));
    expect(call(env, 'probe_read_kernel', to, 3n, from)).toBe(0n);
    expect([...env.memory.u8.subarray(to, to + 4)]).toEqual([1, 2, 3, 255]);
    expect(call(env, 'probe_read', to, 4n, bad)).toBe(-14n);
    expect([...env.memory.u8.subarray(to, to + 5)]).toEqual([0, 0, 0, 0, 255]);
    expect(call(env, 'probe_read_user', to, 4n, from)).toBe(-14n);
    expect(call(env, 'probe_read_kernel', to, 0n, bad)).toBe(0n);
    expect(call(env, 'probe_write_user', 0x1000n, from, 4n)).toBe(-1n);
  });

  it('copy strings with their NUL, cut them, and say how long', () => {
    const env = testEnv();
    const from = put(env, 'hello');
    const to = put(env, new Uint8Array(16).fill(0xff));
    expect(call(env, 'probe_read_kernel_str', to, 16n, from)).toBe(6n);
    expect(text(env, to, 7)).toBe('hello\0\xff');
    expect(call(env, 'probe_read_str', to, 4n, from)).toBe(4n);
    expect(text(env, to, 5)).toBe('hel\0o');
    expect(call(env, 'probe_read_kernel_str', to, 6n, from)).toBe(6n);
    expect(call(env, 'probe_read_user_str', to, 8n, 0x400000n)).toBe(-14n);
    expect(text(env, to, 9)).toBe('\0'.repeat(8) + '\xff');
    expect(call(env, 'probe_read_kernel_str', to, 0n, from)).toBe(0n);
  });
});

describe('strings and loops', () => {
  it('compare and parse as the kernel does', () => {
    const env = testEnv();
    const out = env.memory.alloc(8);
    const parse = (name: string, s: string, base = 0n): [bigint, bigint] => {
      const result = call(env, name, put(env, s), BigInt(s.length), base, out);
      return [result, env.memory.view.getBigInt64(out, true)];
    };
    expect(parse('strtol', '  -42x')).toEqual([5n, -42n]);
    expect(parse('strtol', '0x1F')).toEqual([4n, 31n]);
    expect(parse('strtol', '0777')).toEqual([4n, 511n]);
    expect(parse('strtol', '1f', 16n)).toEqual([2n, 31n]);
    expect(parse('strtol', '0x')).toEqual([1n, 0n]);
    expect(parse('strtol', '9223372036854775808')).toEqual([-34n, 0n]);
    expect(parse('strtol', '-9223372036854775808')).toEqual([20n, -(2n ** 63n)]);
    expect(parse('strtoul', '18446744073709551615')).toEqual([20n, -1n]);
    expect(parse('strtoul', '18446744073709551616')).toEqual([-34n, 0n]);
    expect(parse('strtoul', '-1')).toEqual([-22n, 0n]);
    expect(parse('strtol', 'zz')).toEqual([-22n, 0n]);
    expect(parse('strtol', '12', 7n)).toEqual([-22n, 0n]);
    expect(parse('strtol', '12', 256n)).toEqual([-22n, 0n]);
    const [a, b] = [put(env, 'skep'), put(env, 'skew')];
    expect([call(env, 'strncmp', a, 4n, b), call(env, 'strncmp', b, 5n, a), call(env, 'strncmp', a, 3n, b)]).toEqual([
      -1n,
      1n,
      0n,
    ]);
  });

  it('loop until the callback says stop', () => {
    const turns: number[] = [];
    const env = testEnv({
      callback: (_at, args) => {
        turns.push(args[0]!);
        return args[0] === 4 ? 1 : 0;
      },
    });
    expect(call(env, 'loop', 3n, 8n, 0n, 0n)).toBe(3n);
    expect(call(env, 'loop', 100n, 8n, 0n, 0n)).toBe(5n);
    expect(turns).toEqual([0, 1, 2, 0, 1, 2, 3, 4]);
    expect(call(env, 'loop', 8388609n, 8n, 0n, 0n)).toBe(-7n);
    expect(call(env, 'loop', 1n, 8n, 0n, 1n)).toBe(-22n);
    expect(() => call(testEnv(), 'loop', 1n, 8n, 0n, 0n)).toThrow(/no callbacks/);
  });
});

describe('perf and ring buffers', () => {
  it('send events to the current CPU or an index', () => {
    const env = testEnv();
    const map = env.map(attrs('perf_event_array', { valueSize: 4, maxEntries: 4 })) as PerfEventArrayMap;
    const data = put(env, num(77, 8));
    const send = (flags: bigint) => call(env, 'perf_event_output', env.ctx, map.offset, flags, data, 8n);
    expect(send(0xffffffffn)).toBe(-2n);
    const ring = map.openRing(0, 1);
    expect([send(0xffffffffn), send(0n), send(1n), send(4n), send(1n << 32n)]).toEqual([0n, 0n, -2n, -7n, -22n]);
    const got: number[] = [];
    ring.read({ onSample: (d, at) => got.push(d[at]!), onLost() {} });
    expect(got).toEqual([77, 77]);
    map.openCounter(0, { read: () => ({ value: [9, 1], enabled: [2, 0], running: [3, 0] }) });
    expect(call(env, 'perf_event_read', map.offset, 0n)).toBe((1n << 32n) | 9n);
    const out = put(env, new Uint8Array(32).fill(0xee));
    expect(call(env, 'perf_event_read_value', map.offset, 0n, out, 24n)).toBe(0n);
    expect(env.memory.view.getBigUint64(out + 16, true)).toBe(3n);
    expect(call(env, 'perf_event_read_value', map.offset, 2n, out, 24n)).toBe(-2n);
    expect(env.memory.view.getBigUint64(out, true)).toBe(0n);
    expect(call(env, 'perf_event_read_value', map.offset, 0n, out, 16n)).toBe(-22n);
  });

  it('reserve, submit, discard and output records, by pointer and by dynptr', () => {
    const env = testEnv();
    const map = env.map(attrs('ringbuf', { keySize: 0, valueSize: 0, maxEntries: 4096 })) as RingbufMap;
    const got: number[] = [];
    const consume = () => map.consume((data, at) => got.push(data[at]!));
    const at = Number(call(env, 'ringbuf_reserve', map.offset, 16n, 0n) & 0xffffffffn);
    env.memory.u8[at] = 3;
    call(env, 'ringbuf_submit', at, 0n);
    const dropped = Number(call(env, 'ringbuf_reserve', map.offset, 16n, 0n) & 0xffffffffn);
    call(env, 'ringbuf_discard', dropped, 0n);
    expect(call(env, 'ringbuf_output', map.offset, put(env, u32(4)), 4n, 0n)).toBe(0n);
    expect(call(env, 'ringbuf_output', map.offset, put(env, u32(4)), 4n, 4n)).toBe(-22n);
    expect(call(env, 'ringbuf_reserve', map.offset, 16n, 1n)).toBe(0n);
    expect(call(env, 'ringbuf_reserve', map.offset, 5000n, 0n)).toBe(0n);
    expect(call(env, 'ringbuf_query', map.offset, 1n)).toBe(4096n);
    const dynptr = env.memory.alloc(16);
    expect(call(env, 'ringbuf_reserve_dynptr', map.offset, 8n, 0n, dynptr)).toBe(0n);
    expect(call(env, 'dynptr_write', dynptr, 0n, put(env, u32(5)), 4n, 0n)).toBe(0n);
    expect(call(env, 'dynptr_write', dynptr, 6n, put(env, u32(5)), 4n, 0n)).toBe(-7n);
    call(env, 'ringbuf_submit_dynptr', dynptr, 0n);
    expect(call(env, 'dynptr_write', dynptr, 0n, put(env, u32(5)), 4n, 0n)).toBe(-22n);
    expect(call(env, 'ringbuf_reserve_dynptr', map.offset, 1n << 24n, 0n, dynptr)).toBe(-7n);
    call(env, 'ringbuf_submit_dynptr', dynptr, 0n);
    consume();
    expect(got).toEqual([3, 4, 5]);
  });

  it('drain what user space sent, until the callback stops', () => {
    const got: number[] = [];
    const env = testEnv({
      callback: (_at, args) => {
        const dynptr = args[0]! >>> 0;
        const out = env.memory.alloc(8);
        expect(call(env, 'dynptr_read', out, 2n, dynptr, 0n, 0n)).toBe(0n);
        got.push(env.memory.u8[out]!);
        return got.length === 2 ? 1 : 0;
      },
    });
    const map = env.map(attrs('user_ringbuf', { keySize: 0, valueSize: 0, maxEntries: 4096 })) as UserRingbufMap;
    for (let i = 1; i <= 3; i++) map.produce(Uint8Array.of(i, 0));
    expect(call(env, 'user_ringbuf_drain', map.offset, 8n, 0n, 0n)).toBe(2n);
    expect(call(env, 'user_ringbuf_drain', map.offset, 8n, 0n, 0n)).toBe(1n);
    expect(call(env, 'user_ringbuf_drain', map.offset, 8n, 0n, 0n)).toBe(0n);
    expect(got).toEqual([1, 2, 3]);
  });

  it('make dynptrs of local memory', () => {
    const env = testEnv();
    const data = put(env, Uint8Array.of(1, 2, 3, 4));
    const dynptr = env.memory.alloc(16);
    expect(call(env, 'dynptr_from_mem', data, 4n, 0n, dynptr)).toBe(0n);
    expect(call(env, 'dynptr_data', dynptr, 1n, 3n)).toBe(BigInt.asIntN(64, kernelAddress(data + 1)));
    expect(call(env, 'dynptr_data', dynptr, 2n, 3n)).toBe(0n);
    expect(call(env, 'dynptr_from_mem', data, 4n, 1n, dynptr)).toBe(-22n);
    expect(call(env, 'dynptr_data', dynptr, 0n, 1n)).toBe(0n);
  });
});

describe('stacks', () => {
  const env = testEnv({
    callchain: (kind, most) =>
      kind === 'user' ? undefined : Int32Array.from([1, 2, 3, 4].flatMap((lo) => [lo, -1])).subarray(0, 2 * most),
  });

  it('have ids, or are copied', () => {
    const map = env.map(attrs('stack_trace', { valueSize: 64, maxEntries: 16 }));
    const id = call(env, 'get_stackid', env.ctx, map.offset, 0n);
    expect(map.lookup(u32(Number(id)))![8]).toBe(2);
    expect(call(env, 'get_stackid', env.ctx, map.offset, 0x100n)).toBe(-14n);
    expect(call(env, 'get_stackid', env.ctx, map.offset, 0x800n)).toBe(-22n);
    const out = put(env, new Uint8Array(48).fill(0xff));
    expect(call(env, 'get_stack', env.ctx, out, 48n, 1n)).toBe(24n);
    expect([env.memory.u8[out], env.memory.u8[out + 8], env.memory.u8[out + 24], env.memory.u8[out + 47]]).toEqual([
      2, 3, 0, 0,
    ]);
    expect(call(env, 'get_stack', env.ctx, out, 16n, 0n)).toBe(16n);
    expect(call(env, 'get_stack', env.ctx, out, 12n, 0n)).toBe(-22n);
    expect(call(env, 'get_stack', env.ctx, out, 16n, 0x100n)).toBe(-14n);
    expect(env.memory.u8[out]).toBe(0);
  });
});

describe('storage and trampolines', () => {
  it('keep one value an object', () => {
    const env = testEnv({ storageOwner: (_kind, lo) => lo });
    const map = env.map(attrs('task_storage', { maxEntries: 0, flags: 1 })) as LocalStorageMap;
    const initial = put(env, num(5, 8));
    expect(call(env, 'task_storage_get', map.offset, 0x100, 0, 0n)).toBe(0n);
    const at = call(env, 'task_storage_get', map.offset, 0x100, initial, 1n);
    expect(env.memory.u8[Number(at & 0xffffffffn)]).toBe(5);
    expect(call(env, 'task_storage_get', map.offset, 0x100, 0, 0n)).toBe(at);
    expect(map.lookup(u32(0x100))).toEqual(num(5, 8));
    expect(call(env, 'task_storage_delete', map.offset, 0x100)).toBe(0n);
    expect(call(env, 'task_storage_delete', map.offset, 0x100)).toBe(-2n);
    expect(call(env, 'task_storage_get', map.offset, 0, 0, 1n)).toBe(0n);
  });

  it('know the arguments of the traced function', () => {
    const env = testEnv({
      functionArguments: () => ({ count: 2, hasReturn: true }),
      functionIp: () => [0x10, -1],
      attachCookie: () => [7, 0],
    });
    const ctx = put(env, Uint8Array.from([num(11, 8), num(22, 8), num(33, 8)].flatMap((b) => [...b])));
    const out = env.memory.alloc(8);
    expect(call(env, 'get_func_arg', ctx, 1n, out)).toBe(0n);
    expect(env.memory.u8[out]).toBe(22);
    expect(call(env, 'get_func_arg', ctx, 2n, out)).toBe(-22n);
    expect(call(env, 'get_func_ret', ctx, out)).toBe(0n);
    expect(env.memory.u8[out]).toBe(33);
    expect(call(env, 'get_func_arg_cnt', ctx)).toBe(2n);
    expect(call(env, 'get_func_ip', ctx)).toBe((-1n << 32n) | 0x10n);
    expect(call(env, 'get_attach_cookie', ctx)).toBe(7n);
  });

  it('lock, and exchange pointers', () => {
    const env = testEnv();
    const lock = env.memory.alloc(8);
    call(env, 'spin_lock', lock);
    expect(() => call(env, 'spin_lock', lock)).toThrow(/already held/);
    call(env, 'spin_unlock', lock);
    call(env, 'spin_lock', lock);
    const slot = env.memory.alloc(8);
    expect(call(env, 'kptr_xchg', slot, 0x77n)).toBe(0n);
    expect(call(env, 'kptr_xchg', slot, 0n)).toBe(0x77n);
  });
});

describe('timers and paths', () => {
  it('keep a handle in the value', () => {
    const log: string[] = [];
    const env = testEnv({
      timers: {
        create: (_timer, _map, clock) => log.push(`create ${clock}`),
        setCallback: (handle, at) => log.push(`callback ${handle} ${at}`) * 0,
        start: (handle, lo, hi, flags) => log.push(`start ${handle} ${lo} ${hi} ${flags}`) * 0,
        cancel: () => 1,
      },
    });
    const timer = env.memory.alloc(16);
    const map = env.map(attrs('array'));
    expect(call(env, 'timer_start', timer, 5n, 0n)).toBe(-22n);
    expect(call(env, 'timer_init', timer, map.offset, 2n)).toBe(-22n);
    expect(call(env, 'timer_init', timer, map.offset, 1n)).toBe(0n);
    expect(call(env, 'timer_init', timer, map.offset, 1n)).toBe(-16n);
    expect(call(env, 'timer_set_callback', timer, 0x99n)).toBe(0n);
    expect(call(env, 'timer_start', timer, (1n << 32n) | 5n, 1n)).toBe(0n);
    expect(call(env, 'timer_start', timer, 5n, 4n)).toBe(-22n);
    expect(call(env, 'timer_cancel', timer)).toBe(1n);
    expect(log).toEqual(['create 1', 'callback 1 153', 'start 1 5 1 1']);
    expect(() => call(testEnv(), 'timer_cancel', timer)).toThrow(/timers in map values/);
  });

  it('print paths that fit', () => {
    const env = testEnv({ pathText: (path) => (path === 0x100 ? '/etc/hostname' : undefined) });
    const out = put(env, new Uint8Array(20).fill(0xff));
    expect(call(env, 'd_path', 0x100, out, 14n)).toBe(14n);
    expect(text(env, out, 15)).toBe('/etc/hostname\0\xff');
    expect(call(env, 'd_path', 0x100, out, 13n)).toBe(-36n);
    expect(call(env, 'd_path', 0x200, out, 13n)).toBe(-22n);
    expect(call(env, 'd_path', 0x100, out, 0n)).toBe(0n);
  });

  it('say that there are no branch records', () => {
    const env = testEnv();
    expect(call(env, 'get_branch_snapshot', env.ctx, 24n, 0n)).toBe(-2n);
    expect(call(env, 'read_branch_records', env.ctx, 0, 0n, 2n)).toBe(-22n);
  });
});
