/** Records from user space to programs on the model: what the running kernel does in test/live/events.test.ts. */
import { afterEach, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { world } from '../parity/bench.ts';

afterEach(() => setSession(undefined));

it('a user ring buffer is drained by a program, and says when it is full', () => {
  const { bpf } = world();
  const b = bpf(`
    #include <bpf/bpf_helpers.h>
    struct { __uint(type, BPF_MAP_TYPE_USER_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
    BPF_ARRAY(seen, u64, 2);
    static long on_record(struct bpf_dynptr *record, void *ctx) {
        u64 value = 0; int sum = 0, count = 1;
        if (bpf_dynptr_read(&value, sizeof(value), record, 0, 0)) return 0;
        seen.increment(sum, value); seen.increment(count);
        return 0;
    }
    int kprobe__tcp_v4_connect(struct pt_regs *ctx) { bpf_user_ringbuf_drain(&ring, on_record, NULL, 0); return 0; }`);
  const { map } = b.getTable('ring');
  const send = (value: bigint): number => map.send!(new Uint8Array(BigUint64Array.of(value, 0n).buffer));
  let sent = 0n;
  while (send(sent) === 0) sent++;
  expect(sent).toBe(170n);
  expect(send(0n)).toBe(-28);
  b.wait();
  const seen = b.getTable<number, bigint>('seen');
  expect([...seen.values()]).toEqual([(sent * (sent - 1n)) / 2n, sent]);
  expect(() => seen.map.send!(new Uint8Array(8))).toThrow(/sending records to map 'seen' of type array/);
});
