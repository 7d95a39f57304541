/**
 * Feature tests on the model: a program in BCC's C, a world that moves it, and what came of it. Titles carry the ids of the features that a test
 * shows (scripts/parity); one small program shows one feature, or those that it cannot do without.
 */
import { shippedBtfBytes, shippedTracepointFormats } from '../../bindings/node/shipped-btf.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import type { BpfOptions } from '../../core/bcc/bpf-options.ts';
import { readBtf } from '../../core/btf/read.ts';
import { ModelBackend, type ModelBackendOptions } from '../../core/model/backend.ts';
import { workloadByName } from '../../core/model/workload/index.ts';
import { defineWorkload, WorkloadSource, type World } from '../../core/model/workload/workload.ts';
import { type Kept, keepSession } from '../bcc/session.ts';

const btf = readBtf(shippedBtfBytes());

export interface Bench extends Kept<ModelBackend> {
  bpf(options: BpfOptions | string): BPF;
}

/** A model kernel as the session's, moved by a script (or a shipped workload). */
export function world(
  script: string | ((world: World) => void) = 'connects',
  options: Partial<ModelBackendOptions> = {},
): Bench {
  const workload = typeof script === 'string' ? workloadByName(script) : defineWorkload('test', 'of a test', script);
  const kept = keepSession(
    () =>
      new ModelBackend({
        btf,
        source: new WorkloadSource(workload),
        release: '6.1.0',
        formats: shippedTracepointFormats,
        ...options,
      }),
  );
  return {
    ...kept,
    bpf: (given) => new BPF(typeof given === 'string' ? { text: given } : given),
  };
}

/** Slots that `values` reads. */
const OUT =
  'BPF_ARRAY(out, u64, 8);\n#define OUT(i, v) { int slot = i; u64 value = (u64)(v); out.update(&slot, &value); }\n';

/**
 * The eight values that a body leaves with OUT(slot, value), run at each tcp_v4_connect of two processes (comm `client`, pid 1000; `curl`, 1001).
 * `decls` come before the function.
 */
export const values = valuesIn(world);

/** The same in another world: test/live runs these tests on the running kernel. */
export function valuesIn(open: (script?: Parameters<typeof world>[0]) => Pick<Bench, 'bpf'>) {
  return (body: string, decls = '', script?: Parameters<typeof world>[0]): bigint[] => {
    const { bpf } = open(script);
    const b = bpf(
      `${OUT}${decls}\nint kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk) {\n${body}\nreturn 0;\n}`,
    );
    b.wait();
    const out = [...b.getTable<number, bigint>('out').values()];
    b.close();
    return out;
  };
}
