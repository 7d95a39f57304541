/** Loading while signals come: the kernel's verifier breaks off for each, and a profiler sends a thousand a second. */
import { Session } from 'node:inspector';
import { expect, it } from 'vitest';
import { bpfUnavailable, progLoad, sys } from '../../bindings/linux/bpf.ts';
import { PROG_TYPES } from '../../core/progs/index.ts';

const missing = bpfUnavailable();
const SOCKET_FILTER = PROG_TYPES.find((row) => row.name === 'socket_filter')!.id;

/** r0 = 0; r0 += 1, `times` times; exit: so long takes the verifier. */
function adding(times: number): Uint8Array {
  const insns = new Uint8Array((times + 2) * 8);
  insns.set([0xb7], 0);
  for (let i = 1; i <= times; i++) insns.set([0x07, 0, 0, 0, 1], i * 8);
  insns.set([0x95], (times + 1) * 8);
  return insns;
}

it.skipIf(missing)(`a program is loaded under a profiler${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const session = new Session();
  const loaded: number[] = [];
  session.connect();
  session.post('Profiler.enable');
  // Microseconds: several signals while one program is gone through.
  session.post('Profiler.setSamplingInterval', { interval: 1000 });
  session.post('Profiler.start');
  try {
    for (let i = 0; i < 20; i++) {
      const { fd } = progLoad({ type: SOCKET_FILTER, insns: adding(3000) });
      loaded.push(fd);
      sys().close(fd);
    }
  } finally {
    session.post('Profiler.stop');
    session.disconnect();
  }
  expect(loaded).toHaveLength(20);
});
