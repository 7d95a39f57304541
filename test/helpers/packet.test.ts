import { describe, expect, it } from 'vitest';
import { csumFold, csumPartial } from '../../core/helpers/checksum.ts';
import type { HelperEnv, Packet, RedirectRequest } from '../../core/helpers/helper.ts';
import type { PerfEventArrayMap } from '../../core/maps/perf-event-array.ts';
import { attrs, num, u32 } from '../maps/host.ts';
import { call, put, testEnv } from './env.ts';

/** An environment with a packet of these bytes, 64 bytes of room before it and 64 behind. */
function packetEnv(kind: 'skb' | 'xdp', bytes: readonly number[], more: Partial<HelperEnv> = {}) {
  const sent: RedirectRequest[] = [];
  let moves = 0;
  const env = testEnv({
    redirect: (request) => {
      sent.push(request);
      return 0;
    },
    ...more,
  });
  const head = env.memory.alloc(128 + bytes.length);
  env.memory.u8.fill(0xaa, head, head + 128 + bytes.length);
  const data = head + 64;
  env.memory.u8.set(bytes, data);
  const packet: Packet = {
    kind,
    head,
    limit: data + bytes.length + 64,
    meta: data,
    data,
    end: data + bytes.length,
    networkOffset: 14,
    macOffset: 0,
    moved: () => {
      moves++;
    },
  };
  const all = () => [...env.memory.u8.subarray(packet.data, packet.end)];
  return { env: Object.assign(env, { packet }), packet, sent, all, moves: () => moves };
}

const BYTES = Array.from({ length: 40 }, (_, i) => i);

describe('packets as socket buffers', () => {
  it('are read and written inside their length only', () => {
    const { env, all } = packetEnv('skb', BYTES);
    const buffer = put(env, new Uint8Array(8).fill(0xff));
    expect(call(env, 'skb_load_bytes', env.ctx, 36n, buffer, 4n)).toBe(0n);
    expect([...env.memory.u8.subarray(buffer, buffer + 5)]).toEqual([36, 37, 38, 39, 255]);
    expect(call(env, 'skb_load_bytes', env.ctx, 37n, buffer, 4n)).toBe(-14n);
    expect([...env.memory.u8.subarray(buffer, buffer + 4)]).toEqual([0, 0, 0, 0]);
    expect(call(env, 'skb_load_bytes', env.ctx, 0xfffffffen, buffer, 4n)).toBe(-14n);
    expect(call(env, 'skb_load_bytes_relative', env.ctx, 1n, buffer, 2n, 1n)).toBe(0n);
    expect(env.memory.u8[buffer]).toBe(15);
    expect(call(env, 'skb_load_bytes_relative', env.ctx, 26n, buffer, 2n, 1n)).toBe(-14n);
    expect(call(env, 'skb_store_bytes', env.ctx, 2n, put(env, Uint8Array.of(9, 9)), 2n, 0n)).toBe(0n);
    expect(all().slice(0, 5)).toEqual([0, 1, 9, 9, 4]);
    expect(call(env, 'skb_store_bytes', env.ctx, 39n, buffer, 2n, 0n)).toBe(-14n);
    expect(call(env, 'skb_store_bytes', env.ctx, 0n, buffer, 2n, 4n)).toBe(-22n);
    expect(call(env, 'skb_pull_data', env.ctx, 40n)).toBe(0n);
    expect(call(env, 'skb_pull_data', env.ctx, 41n)).toBe(-12n);
  });

  it('grow and shrink', () => {
    const { env, packet, all, moves } = packetEnv('skb', BYTES);
    expect(call(env, 'skb_change_tail', env.ctx, 42n, 0n)).toBe(0n);
    expect(all().slice(38)).toEqual([38, 39, 0, 0]);
    expect(call(env, 'skb_change_tail', env.ctx, 20n, 0n)).toBe(0n);
    expect(packet.end - packet.data).toBe(20);
    expect(call(env, 'skb_change_tail', env.ctx, 13n, 0n)).toBe(-22n);
    expect(call(env, 'skb_change_tail', env.ctx, 1000n, 0n)).toBe(-12n);
    expect(call(env, 'skb_change_head', env.ctx, 14n, 0n)).toBe(0n);
    expect(all().slice(0, 16)).toEqual([...new Array(14).fill(0), 0, 1]);
    expect(call(env, 'skb_change_head', env.ctx, 60n, 0n)).toBe(-12n);
    expect(moves()).toBe(3);
  });

  it('keep their checksums right when fields are replaced', () => {
    // An IPv4 header with a valid checksum at 10.
    const header = [0x45, 0, 0, 20, 1, 2, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    const { env, packet } = packetEnv('skb', header);
    const { view } = env.memory;
    const sum = () => csumFold(csumPartial(view, packet.data, 20, 0));
    view.setUint16(packet.data + 10, sum(), true);
    expect(sum()).toBe(0);
    const from = view.getUint32(packet.data + 16, true);
    const to = 0x63016301;
    expect(call(env, 'l3_csum_replace', env.ctx, 10n, BigInt(from), BigInt(to), 4n)).toBe(0n);
    view.setUint32(packet.data + 16, to, true);
    expect(sum()).toBe(0);
    const length = view.getUint16(packet.data + 2, true);
    expect(call(env, 'l4_csum_replace', env.ctx, 10n, BigInt(length), 0x1234n, 2n)).toBe(0n);
    view.setUint16(packet.data + 2, 0x1234, true);
    expect(sum()).toBe(0);
    const difference = call(env, 'csum_diff', put(env, u32(to)), 4n, put(env, u32(from)), 4n, 0n);
    expect(call(env, 'l3_csum_replace', env.ctx, 10n, 0n, difference, 0n)).toBe(0n);
    view.setUint32(packet.data + 16, from, true);
    expect(sum()).toBe(0);
    expect(call(env, 'l3_csum_replace', env.ctx, 11n, 0n, 0n, 4n)).toBe(-14n);
    expect(call(env, 'l3_csum_replace', env.ctx, 10n, 1n, 0n, 0n)).toBe(-22n);
    expect(call(env, 'l3_csum_replace', env.ctx, 10n, 0n, 0n, 3n)).toBe(-22n);
    expect(call(env, 'l3_csum_replace', env.ctx, 10n, 0n, 0n, 0x14n)).toBe(-22n);
    view.setUint16(packet.data + 10, 0, true);
    expect(call(env, 'l4_csum_replace', env.ctx, 10n, 1n, 2n, 0x22n)).toBe(0n);
    expect(view.getUint16(packet.data + 10, true)).toBe(0);
  });

  it('csum_diff folds to 16 bits, as a 6.18 kernel answered', () => {
    const env = testEnv();
    const words = (...w: number[]) => put(env, Uint8Array.from(w.flatMap((x) => [...num(x, 4)])));
    expect(call(env, 'csum_diff', 0, 0n, 0, 0n, 0xd265bcd7n)).toBe(0x8f3dn);
    expect(call(env, 'csum_diff', 0, 0n, 0, 0n, 0xffffffffn)).toBe(0xffffn);
    expect(call(env, 'csum_diff', 0, 0n, words(0x10000), 4n, 0n)).toBe(1n);
    expect(call(env, 'csum_diff', words(1), 4n, words(1), 4n, 0n)).toBe(0xffffn);
    expect(call(env, 'csum_diff', words(1), 3n, 0, 0n, 0n)).toBe(-22n);
  });

  it('are redirected', () => {
    const { env, sent } = packetEnv('skb', BYTES);
    expect(call(env, 'redirect', 5n, 1n)).toBe(7n);
    expect(call(env, 'redirect', 5n, 2n)).toBe(2n);
    expect(call(env, 'clone_redirect', env.ctx, 6n, 0n)).toBe(0n);
    expect(call(env, 'clone_redirect', env.ctx, 6n, 8n)).toBe(-22n);
    expect(sent).toEqual([
      { ifindex: 5, flags: 1, clone: false },
      { ifindex: 6, flags: 0, clone: true },
    ]);
    expect(() => call(testEnv(), 'skb_load_bytes', 0, 0n, 0, 1n)).toThrow(
      'helper `skb_load_bytes` without a packet is not supported',
    );
  });
});

describe('packets under XDP', () => {
  it('move their ends and their metadata', () => {
    const { env, packet, all } = packetEnv('xdp', BYTES);
    expect(call(env, 'xdp_adjust_meta', env.ctx, -8n)).toBe(0n);
    env.memory.u8.fill(0x77, packet.meta, packet.data);
    expect(call(env, 'xdp_adjust_meta', env.ctx, -2n)).toBe(-13n);
    expect(call(env, 'xdp_adjust_meta', env.ctx, -100n)).toBe(-22n);
    expect(call(env, 'xdp_adjust_head', env.ctx, 10n)).toBe(0n);
    expect(all()[0]).toBe(10);
    expect([packet.data - packet.meta, env.memory.u8[packet.meta]]).toEqual([8, 0x77]);
    expect(call(env, 'xdp_adjust_head', env.ctx, 17n)).toBe(-22n);
    expect(call(env, 'xdp_adjust_head', env.ctx, -67n)).toBe(-22n);
    expect(call(env, 'xdp_adjust_head', env.ctx, -66n)).toBe(0n);
    expect(call(env, 'xdp_adjust_tail', env.ctx, 4n)).toBe(0n);
    expect(all().slice(-5)).toEqual([39, 0, 0, 0, 0]);
    expect(call(env, 'xdp_adjust_tail', env.ctx, 61n)).toBe(-22n);
    expect(call(env, 'xdp_adjust_tail', env.ctx, -96n)).toBe(-22n);
    expect(call(env, 'xdp_get_buff_len', env.ctx)).toBe(BigInt(packet.end - packet.data));
  });

  it('are copied, and redirected by map', () => {
    const { env, all, sent } = packetEnv('xdp', BYTES);
    const buffer = put(env, Uint8Array.of(1, 2, 3, 4));
    expect(call(env, 'xdp_store_bytes', env.ctx, 4n, buffer, 4n)).toBe(0n);
    expect(all().slice(3, 9)).toEqual([3, 1, 2, 3, 4, 8]);
    expect(call(env, 'xdp_load_bytes', env.ctx, 38n, buffer, 2n)).toBe(0n);
    expect(env.memory.u8[buffer]).toBe(38);
    expect(call(env, 'xdp_load_bytes', env.ctx, 39n, buffer, 2n)).toBe(-22n);
    expect(call(env, 'xdp_load_bytes', env.ctx, 0x10000n, buffer, 2n)).toBe(-14n);
    const devices = env.map(attrs('devmap', { valueSize: 4, maxEntries: 4 }));
    devices.update(u32(2), u32(9), 0);
    expect(call(env, 'redirect_map', devices.offset, 2n, 0n)).toBe(4n);
    expect(call(env, 'redirect_map', devices.offset, 1n, 2n)).toBe(2n);
    expect(call(env, 'redirect_map', devices.offset, 2n, 32n)).toBe(0n);
    expect(call(env, 'redirect', 3n, 0n)).toBe(4n);
    expect(call(env, 'redirect', 3n, 1n)).toBe(0n);
    expect(sent).toEqual([
      { map: devices, key: 2, flags: 0, clone: false },
      { ifindex: 3, flags: 0, clone: false },
    ]);
  });

  it('go behind the data of a perf event', () => {
    const { env } = packetEnv('xdp', BYTES);
    const map = env.map(attrs('perf_event_array', { valueSize: 4, maxEntries: 4 })) as PerfEventArrayMap;
    const ring = map.openRing(0, 1);
    const data = put(env, u32(0x55));
    expect(call(env, 'perf_event_output', env.ctx, map.offset, (6n << 32n) | 0xffffffffn, data, 4n)).toBe(0n);
    expect(call(env, 'perf_event_output', env.ctx, map.offset, (41n << 32n) | 0xffffffffn, data, 4n)).toBe(-14n);
    expect(call(env, 'perf_event_output', env.ctx, map.offset, (1n << 52n) | 0xffffffffn, data, 4n)).toBe(-22n);
    const got: number[][] = [];
    ring.read({ onSample: (d, at, size) => got.push([...d.subarray(at, at + size)]), onLost() {} });
    expect(got).toEqual([[0x55, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0]]);
  });
});
