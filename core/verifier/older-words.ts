/**
 * How kernels before say what today's say otherwise: the last line of a log in the words of the release whose rules apply. Rules that differ, not
 * only in words, stand in versions.ts. Compared with 6.1 (the guest) and read in 6.12's source; where the commit is not known, `since` is the
 * first of these releases that has today's words.
 */
import { releaseNumber } from './versions.ts';

interface Wording {
  /** Release that brought today's words. */
  readonly since: `${number}.${number}`;
  readonly source: string;
  /** What is said today. */
  readonly now: RegExp;
  readonly before: string | ((match: string, ...groups: string[]) => string);
}

const WORDINGS: readonly Wording[] = [
  {
    since: '6.2',
    source: 'bpf: Rename MEM_ALLOC to MEM_RINGBUF',
    now: /\bringbuf_mem/g,
    before: 'alloc_mem',
  },
  {
    since: '6.8',
    source: 'bpf: Allow helpers access trusted PTR_TO_BTF_ID',
    now: /(expected=fp, .*), trusted_ptr_$/,
    before: '$1',
  },
  {
    since: '6.2',
    source: 'bpf: Allow trusted pointers to be passed to KF_TRUSTED_ARGS kfuncs; bpf: Add MEM_RCU',
    now: /( expected=.*?ptr_)(?:, \w*(?:trusted|rcu)_ptr_)+$/,
    before: '$1',
  },
  {
    since: '6.2',
    source: 'bpf: Allow trusted pointers to be passed to KF_TRUSTED_ARGS kfuncs',
    now: /\b(?:trusted|rcu)_ptr_/g,
    before: 'ptr_',
  },
  {
    since: '6.3',
    source: 'not in 6.1',
    now: /^Only fentry\/fexit\/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable$/,
    before: 'Only fentry/fexit/fmod_ret, lsm, and kprobe/uprobe programs can be sleepable',
  },
  {
    since: '6.2',
    source: 'bpf: Allow locking bpf_spin_lock in allocated objects',
    now: / expected=map_value, ptr_$/,
    before: ' expected=map_value',
  },
  {
    since: '6.12',
    source: "6.12's source",
    now: /^program of this type cannot use helper (bpf_\w+#-?\d+)$/,
    before: 'unknown func $1',
  },
  {
    since: '6.13',
    source: "not in 6.12's source",
    now: /^expected prog array map for tail call$/,
    before: 'kernel subsystem misconfigured verifier',
  },
  {
    since: '6.13',
    source: 'bpf: Unify resource leak checks',
    now: /^BPF_EXIT instruction in main prog cannot be used inside (bpf_spin|bpf_rcu_read)_lock-ed region$/,
    before: '$1_unlock is missing',
  },
  {
    since: '6.13',
    source: 'bpf: Unify resource leak checks',
    now: /^BPF_LD_\[ABS\|IND\] would lead to reference leak$/,
    before: 'BPF_LD_[ABS|IND] cannot be mixed with socket references',
  },
  {
    since: '6.13',
    source: "not in 6.12's source, which counts registers",
    now: /^(Expected an? (?:initialized )?dynptr.* as arg #)(\d+)$/,
    before: (_, text, arg) => `${text}${Number(arg) + 1}`,
  },
  {
    since: '6.8',
    source: 'bpf: Fix verification of indirect var-off stack access',
    now: /^(invalid variable-offset.* stack R\d+ var_off=\(.*\)) off=-?\d+ (size=-?\d+)$/,
    before: '$1 $2',
  },
  {
    since: '6.2',
    source: 'bpf: Allow trusted pointers to be passed to KF_TRUSTED_ARGS kfuncs',
    now: /^(R\d+ must have zero offset when passed to release func) or trusted arg to kfunc$/,
    before: '$1',
  },
  {
    since: '6.2',
    source: 'bpf: Enable sleeptable support for cgrp local storage',
    now: /^Sleepable programs can only use array, hash, ringbuf and local storage maps$/,
    before: 'Sleepable programs can only use array, hash, and ringbuf maps',
  },
  {
    since: '6.4',
    source: 'bpf: Allow ld_imm64 instruction to point to kfunc.',
    now: /^(pseudo btf_id \d+ in ldimm64 isn't KIND_VAR) or KIND_FUNC$/,
    before: '$1.',
  },
];

/** `message` as the release (major * 100 + minor) says it. */
export function inWordsOf(release: number, message: string): string {
  let text = message;
  for (const { since, now, before } of WORDINGS) {
    if (release < releaseNumber(since)) text = text.replace(now, before as string);
  }
  return text;
}
