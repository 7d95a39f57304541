/** BPF objects over the model kernel in tests: a scripted workload, or one of the test's own, and what was printed. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { shippedBtfBytes } from '../../bindings/node/shipped-btf.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import type { BpfOptions } from '../../core/bcc/bpf-options.ts';
import { setSession } from '../../core/bcc/session.ts';
import { readBtf } from '../../core/btf/read.ts';
import { ModelBackend } from '../../core/model/backend.ts';
import { workloadByName } from '../../core/model/workload/index.ts';
import { type Workload, WorkloadSource } from '../../core/model/workload/workload.ts';

const btf = readBtf(shippedBtfBytes());

export interface Bench {
  readonly backend: ModelBackend;
  readonly printed: string[];
  readonly warned: string[];
  bpf(options: BpfOptions | string): BPF;
}

/** A fresh model kernel moved by a shipped workload, as the session's backend. */
export function bench(workload: string | Workload, options: { readonly cpus?: number } = {}): Bench {
  const script = typeof workload === 'string' ? workloadByName(workload) : workload;
  const backend = new ModelBackend({ btf, source: new WorkloadSource(script, options), release: '6.1.0' });
  const printed: string[] = [];
  const warned: string[] = [];
  setSession({
    backend: () => backend,
    print: (line) => printed.push(line),
    warn: (line) => warned.push(line),
    readFile: (path) => (existsSync(path) && statSync(path).isFile() ? readFileSync(path) : undefined),
    env: (name) => process.env[name],
  });
  return {
    backend,
    printed,
    warned,
    bpf: (options) => new BPF(typeof options === 'string' ? { text: options } : options),
  };
}
