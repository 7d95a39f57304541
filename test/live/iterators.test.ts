/** Iterators and rewritten checksums on the running kernel, by the same C as on the model (test/parity/iterators.test.ts). */
import { afterEach, describe, expect, it } from 'vitest';
import { testRun } from '../../bindings/linux/bpf.ts';
import { setSession } from '../../core/bcc/session.ts';
import { BPF } from '../../core/index.ts';
import { ELEMENTS, frame, NAT, rewritten, TASKS } from '../parity/iterator-programs.ts';
import { liveBackend, noKernel, title } from './machine.ts';

afterEach(() => setSession(undefined));

describe.skipIf(noKernel)(title('iterators', noKernel), () => {
  it('go over tasks, and are told the end [C.ev.iter C.data.seq_printf]', () => {
    liveBackend();
    const b = new BPF({ text: TASKS });
    const lines = b.attachIter('task').text().split('\n');
    expect(lines.some((line) => line.startsWith(`${process.pid} `))).toBe(true);
    expect(lines.slice(-2)).toEqual([`end ${lines.length - 3}`, '']);
    b.close();
  });

  it('go over the elements of a map [C.ev.iter C.data.seq_printf]', () => {
    liveBackend();
    const b = new BPF({ text: ELEMENTS });
    b.getTable<number, bigint>('t').set(7, 70n);
    const [part] = [...b.attachIter({ fnName: 'bpf_map_elem', map: 't' })];
    const view = new DataView(part!.slice().buffer);
    expect([view.byteLength, view.getUint32(0, true), view.getBigUint64(8, true)]).toEqual([16, 7, 70n]);
    b.close();
  });
});

describe.skipIf(noKernel)(title('checksums', noKernel), () => {
  it('follow what a program writes into a packet [C.data.incr_cksum]', () => {
    liveBackend();
    const b = new BPF({ text: NAT });
    const { data } = testRun(b.loadFunc('nat', BPF.SCHED_CLS).fd, { data: frame(), repeat: 1 });
    expect([...data]).toEqual([...rewritten()]);
    b.close();
  });
});
