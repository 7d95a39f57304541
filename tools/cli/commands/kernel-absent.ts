/**
 * What the running kernel lacks although its release has it: program types that were not built in (struct bpf_ctx_convert of its BTF has members for
 * each that was, include/linux/bpf_types.h), addresses of variables (CONFIG_KALLSYMS_ALL), bpf_override_return (CONFIG_BPF_KPROBE_OVERRIDE), and bpf_probe_write_user under lockdown
 * (kernel/trace/bpf_trace.c).
 */
import { readFileSync } from 'node:fs';
import { lockdownMode } from '../../../bindings/linux/features.ts';
import { Unsupported } from '../../../core/base/errors.ts';
import { PROG_TYPES } from '../../../core/progs/index.ts';
import type { Absent } from '../../../core/verifier/index.ts';
import { type KernelTypes, runningRelease, seriesOf } from './kernel-types.ts';

/** Undefined for another kernel than the running one, and where its BTF does not say. */
export function absentHere({ btf, release }: KernelTypes, rules: string): Absent | undefined {
  if (release !== runningRelease() || seriesOf(release) !== rules) return undefined;
  const id = btf.find('bpf_ctx_convert', 'struct');
  const convert = id === undefined ? undefined : btf.type(id);
  if (convert?.kind !== 'struct') return undefined;
  const built = new Set(convert.members.map(({ name }) => name));
  const helpers = new Set<string>();
  if (btf.find('bpf_override_return', 'func') === undefined) helpers.add('override_return');
  if (isLockedDown()) helpers.add('probe_write_user');
  return {
    progTypes: new Set(
      PROG_TYPES.map(({ name }) => name).filter((name) => !built.has(`BPF_PROG_TYPE_${name.toUpperCase()}_prog`)),
    ),
    helpers,
    hasSymbol,
  };
}

let symbols: string | undefined;

function hasSymbol(name: string): boolean {
  try {
    symbols ??= readFileSync('/proc/kallsyms', 'latin1');
  } catch {
    return true;
  }
  return symbols === '' || symbols.includes(` ${name}\n`);
}

function isLockedDown(): boolean {
  try {
    return (lockdownMode() ?? 'none') !== 'none';
  } catch (error) {
    // Without the addon nobody can look; verifying needs none.
    if (error instanceof Unsupported) return false;
    throw error;
  }
}
