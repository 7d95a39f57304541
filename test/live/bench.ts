/**
 * The bench of test/parity on the running kernel: the same programs, loaded and run there. The workload of connects is a real program with a
 * function of the kernel function's name, so what is a kprobe on the model is a uprobe here; the workload of a shell is a shell.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LinuxBackend } from '../../bindings/linux/backend.ts';
import { vmlinuxBtf } from '../../bindings/linux/machine.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import type { BpfOptions } from '../../core/bcc/bpf-options.ts';
import { setSession } from '../../core/bcc/session.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { keepSession } from '../bcc/session.ts';
import { afterwards, compileC } from './machine.ts';

let types: Btf | undefined;

/** Process ids are the workload's, for programs that run at its connects. */
const PIDS = '#define bpf_get_current_pid_tgid() (PT_REGS_PARM2((struct pt_regs *)ctx) * 0x100000001ULL)\n';

const COMMANDS: Readonly<Record<string, () => readonly string[]>> = {
  // On one CPU, as the model has one.
  connects: () => ['taskset', '-c', '0', compileC(readFileSync(join(import.meta.dirname, 'connects.c'), 'utf8'))],
  shell: () => ['/bin/sh', '-c', '/bin/cat /etc/hostname >/dev/null; :'],
};

/** As test/parity/bench.ts has it; scripts of model kernels cannot be had. */
export function world(script: unknown = 'connects') {
  const command = COMMANDS[String(script)]?.();
  if (!command) throw new Error('a script of the model kernel does not move the running one');
  const program = command.at(-1);
  types ??= vmlinuxBtf();
  const kept = keepSession((warn) => new LinuxBackend({ btf: types!, command, warn }));
  const { backend, printed, warned, written } = kept;
  afterwards(() => {
    backend.close();
    setSession(undefined);
  });
  const bpf = (given: BpfOptions | string): BPF => {
    const options = typeof given === 'string' ? { text: given } : given;
    const at = /\bkprobe__(\w+)\(/g;
    const functions = [...(options.text ?? '').matchAll(at)].map(([, name]) => name!);
    const text = `${functions.length > 0 ? PIDS : ''}${(options.text ?? '').replace(at, 'on_$1(')}`;
    const b = new BPF({ ...options, text });
    b.attachKprobe = (probe) => b.attachUprobe({ name: program!, sym: probe.event!, fnName: probe.fnName! }) as never;
    for (const name of functions) b.attachUprobe({ name: program!, sym: name, fnName: `on_${name}` });
    return b;
  };
  return { backend, printed, warned, written, bpf };
}
