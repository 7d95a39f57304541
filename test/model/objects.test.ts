import { describe, expect, it } from 'vitest';
import { KERNEL_BASE, kernelAddress } from '../../core/base/memory.ts';
import { VirtualClock } from '../../core/model/clock.ts';
import { Hooks } from '../../core/model/hooks.ts';
import { KernelObjects } from '../../core/model/objects.ts';
import { SeededRandom } from '../../core/model/random.ts';
import { makeSockaddr, parseAddress, parseSockaddr } from '../../core/model/sockaddr.ts';
import { KernelSymbols, TEXT_BASE } from '../../core/model/symbols.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import { shippedBtf } from './programs.ts';

describe('a struct with a flexible array at its end', () => {
  it('has room for one element: struct pid and its number', () => {
    const o = new KernelObjects(new VmMemory(), shippedBtf());
    const [a, b] = [o.allocate('pid'), o.allocate('pid')];
    o.set('pid', a, 'numbers[0].nr', 0x1234);
    o.set('pid', b, 'count.refs.counter', 7);
    expect(o.get('pid', a, 'numbers[0].nr')).toBe(0x1234n);
  });
});

describe('objects', () => {
  const o = new KernelObjects(new VmMemory(), shippedBtf());

  it('fields through anonymous unions, typedefs, arrays', () => {
    expect(o.field('sock', '__sk_common.skc_daddr').offset).toBe(0);
    expect(o.field('sock', '__sk_common.skc_rcv_saddr').offset).toBe(4);
    expect(o.field('sock', '__sk_common.skc_dport').offset).toBe(12);
    expect(o.field('sock', '__sk_common.skc_num').offset).toBe(14);
    expect(o.field('sock', '__sk_common.skc_family').offset).toBe(16);
    expect(o.field('pid', 'numbers[0].nr').size).toBe(4);
    expect(o.field('pid', 'numbers[2].nr').offset - o.field('pid', 'numbers[1].nr').offset).toBe(o.sizeOf('upid'));
  });

  it('write and read numbers, pointers, bytes and bitfields', () => {
    const sk = o.allocate('tcp_sock');
    o.set('sock', sk, '__sk_common.skc_family', 10);
    o.set('sock', sk, '__sk_common.skc_cookie.counter', 0x1234_5678_9abcn);
    o.point('sock', sk, 'sk_socket', sk);
    o.bytes('sock', sk, '__sk_common.skc_daddr', Uint8Array.of(127, 0, 0, 1));
    expect(o.get('sock', sk, '__sk_common.skc_family')).toBe(10n);
    expect(o.get('sock', sk, '__sk_common.skc_cookie.counter')).toBe(0x1234_5678_9abcn);
    expect(o.get('sock', sk, 'sk_socket')).toBe(kernelAddress(sk));
    expect(o.getBytes('sock', sk, '__sk_common.skc_daddr')).toEqual(Uint8Array.of(127, 0, 0, 1));
    o.set('sock', sk, '__sk_common.skc_ipv6only', 1);
    expect(o.get('sock', sk, '__sk_common.skc_ipv6only')).toBe(1n);
    expect(o.get('sock', sk, '__sk_common.skc_reuseport')).toBe(0n);
    o.free('tcp_sock', sk);
  });

  it('name what is not there', () => {
    expect(() => o.sizeOf('task_strukt')).toThrow(/no struct task_strukt; nearest: task_struct/);
    expect(() => o.field('sock', '__sk_common.skc_nonsense')).toThrow(
      'struct sock has no field __sk_common.skc_nonsense',
    );
    o.set('sock', o.allocate('sock'), 'no_such', 1);
    expect([...o.missing]).toEqual(['sock.no_such']);
  });
});

describe('the clock', () => {
  it('gives halves that are exact beyond 2^53', () => {
    const clock = new VirtualClock(1_700_000_000);
    for (const ns of [0n, 1n, 999_999_999n, 1_000_000_000n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 62n + 123_456_789n]) {
      clock.advanceTo(ns);
      const [lo, hi] = clock.now('monotonic');
      expect((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toBe(ns);
      const [rlo, rhi] = clock.now('realtime');
      expect((BigInt(rhi >>> 0) << 32n) | BigInt(rlo >>> 0)).toBe(BigInt.asUintN(64, ns + 1_700_000_000_000_000_000n));
    }
  });

  it('never goes back, and ticks over a second', () => {
    const clock = new VirtualClock();
    clock.advanceTo(1_999_999_999n);
    clock.advanceTo(5n);
    clock.tick();
    expect(clock.ns).toBe(2_000_000_000n);
  });
});

describe('hooks', () => {
  it('build nothing when nobody listens, and survive a listener that leaves while it runs', () => {
    const hooks = new Hooks();
    const event = { kind: 'function', name: 'f', args: [], address: 0n, caller: 0n } as const;
    hooks.fire('kprobe:f', () => {
      throw new Error('built');
    });
    const seen: string[] = [];
    const off = hooks.attach('kprobe:f', () => {
      seen.push('a');
      off();
    });
    hooks.attach('kprobe:f', () => seen.push('b'));
    hooks.fire('kprobe:f', () => event);
    hooks.fire('kprobe:f', () => event);
    off();
    expect(seen).toEqual(['a', 'b', 'b']);
    expect([...hooks.names()]).toEqual(['kprobe:f']);
  });
});

describe('symbols', () => {
  const s = new KernelSymbols(shippedBtf(), ['tcp_v4_connect', '__x64_sys_connect']);

  it('go both ways, for functions of the model and of BTF alone', () => {
    const name = [...shippedBtf().names('func')].find((n) => n !== 'tcp_v4_connect')!;
    for (const f of ['tcp_v4_connect', '__x64_sys_connect', name]) {
      const address = s.address(f)!;
      expect(address).toBeGreaterThan(TEXT_BASE);
      expect(s.at(address)).toEqual({ name: f, offset: 0, module: 'kernel' });
      expect(s.at(address + 5n)).toEqual({ name: f, offset: 5, module: 'kernel' });
    }
    expect(s.address('no_such_function')).toBeUndefined();
    expect(s.at(0n)).toBeUndefined();
    expect(s.at(KERNEL_BASE)).toBeUndefined();
  });
});

describe('addresses and randomness', () => {
  it('parse and make sockaddrs', () => {
    expect(parseSockaddr(makeSockaddr(parseAddress('10.1.2.3'), 8080))).toEqual({
      family: 2,
      address: Uint8Array.of(10, 1, 2, 3),
      port: 8080,
    });
    expect(parseAddress('::ffff:1.2.3.4').slice(10)).toEqual(Uint8Array.of(255, 255, 1, 2, 3, 4));
    expect(parseAddress('2001:db8::1')[15]).toBe(1);
    for (const bad of ['1.2.3', '256.1.1.1', '::1::2', '1:2:3', 'x'])
      expect(() => parseAddress(bad)).toThrow(RangeError);
  });

  it('one seed, one sequence', () => {
    const take = (seed: number) => {
      const r = new SeededRandom(seed);
      return Array.from({ length: 8 }, () => r.next());
    };
    expect(take(7)).toEqual(take(7));
    expect(take(7)).not.toEqual(take(8));
    expect(take(7).every((n) => n >= 0 && n < 2 ** 32)).toBe(true);
  });
});
