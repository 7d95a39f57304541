/** Kernel functions against the running kernel: the calls' ids are those of its BTF. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readBtf } from '../../core/btf/read.ts';
import * as B from '../../core/isa/builders.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { lastLine, verify } from '../../core/verifier/index.ts';
import { makeProg } from './cases.ts';
import { askKernel, whyNoOracle } from './kernel-oracle.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const why = existsSync(VMLINUX) ? whyNoOracle() : `no ${VMLINUX}`;

describe.skipIf(why !== undefined)(`kernel functions${why ? ` (${why})` : ''}`, () => {
  const btf = readBtf(readFileSync(VMLINUX));
  const call = (name: string) => B.BPF_CALL_KFUNC(0, btf.find(name, 'func')!);
  const end = [B.BPF_MOV64_IMM(0, 0), B.BPF_EXIT_INSN()];
  const slot = (reg: number, off: number) => [B.BPF_MOV64_REG(reg, 10), B.BPF_ALU64_IMM(B.BPF_ADD, reg, off)];
  const iterate = [
    ...slot(1, -8),
    B.BPF_MOV64_IMM(2, 0),
    B.BPF_MOV64_IMM(3, 10),
    call('bpf_iter_num_new'),
    ...slot(1, -8),
    call('bpf_iter_num_next'),
    B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, 2),
    B.BPF_LDX_MEM(B.BPF_W, 6, 0, 0),
    B.BPF_JMP_A(-6),
  ];
  // A new connection, in r6, of which the program writes `size` bytes at `off`.
  const mark = ((t) => (t.kind === 'struct' ? t.members.find((m) => m.name === 'mark') : undefined))(
    btf.type(btf.find('nf_conn', 'struct') ?? 0),
  );
  const MARK = (mark?.bitOffset ?? 0) / 8;
  const connection = (size: number, off: number) => [
    B.BPF_ST_MEM(B.BPF_DW, 10, -16, 0),
    B.BPF_ST_MEM(B.BPF_DW, 10, -8, 0),
    ...slot(2, -16),
    B.BPF_MOV64_IMM(3, 12),
    ...slot(4, -32),
    B.BPF_ST_MEM(B.BPF_DW, 10, -32, 0),
    B.BPF_ST_MEM(B.BPF_DW, 10, -24, 0),
    B.BPF_MOV64_IMM(5, 12),
    call('bpf_xdp_ct_alloc'),
    B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, 7),
    B.BPF_MOV64_REG(1, 0),
    B.BPF_ST_MEM(size, 1, off, 5),
    call('bpf_ct_insert_entry'),
    B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, 3),
    B.BPF_MOV64_REG(1, 0),
    B.BPF_ST_MEM(size, 1, off, 5),
    call('bpf_ct_release'),
    ...end,
  ];
  const fromPid = [B.BPF_MOV64_IMM(1, 1), call('bpf_task_from_pid')];

  it.each<readonly [string, string, readonly Insn[]]>([
    ['an iterator', 'socket_filter', [...iterate, ...slot(1, -8), call('bpf_iter_num_destroy'), ...end]],
    ['an iterator that is not destroyed', 'socket_filter', [...iterate, ...end]],
    ['an iterator that was never made', 'socket_filter', [...slot(1, -8), call('bpf_iter_num_next'), ...end]],
    [
      'a task given back',
      'tracepoint',
      [...fromPid, B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, 2), B.BPF_MOV64_REG(1, 0), call('bpf_task_release'), ...end],
    ],
    [
      "what a card's driver knows of the packet",
      'xdp',
      [...slot(2, -8), call('bpf_xdp_metadata_rx_timestamp'), ...end],
    ],
    [
      'an iterator destroyed twice',
      'socket_filter',
      [
        ...slot(1, -8),
        B.BPF_MOV64_IMM(2, 0),
        B.BPF_MOV64_IMM(3, 10),
        call('bpf_iter_num_new'),
        ...slot(1, -8),
        call('bpf_iter_num_destroy'),
        call('bpf_iter_num_destroy'),
        ...end,
      ],
    ],
    ['the mark of a connection', 'xdp', connection(B.BPF_W, MARK)],
    ['more than the mark of a connection', 'xdp', connection(B.BPF_DW, MARK)],
    ['another field of a connection', 'xdp', connection(B.BPF_W, MARK + 4)],
    ['the mark of a connection in another type', 'socket_filter', connection(B.BPF_W, MARK)],
    ['a task kept', 'tracepoint', [...fromPid, ...end]],
    ['a task that may be null', 'tracepoint', [...fromPid, B.BPF_MOV64_REG(1, 0), call('bpf_task_release'), ...end]],
    ['a function for other program types', 'socket_filter', [...fromPid, ...end]],
    // r2 holds what no argument of bpf_iter_num_next is: it may differ from round to round.
    [
      'rounds that differ in a register which is no argument',
      'tracepoint',
      [
        B.BPF_MOV64_IMM(8, 0),
        ...slot(1, -8),
        B.BPF_MOV64_IMM(2, 0),
        B.BPF_MOV64_IMM(3, 10),
        call('bpf_iter_num_new'),
        ...slot(1, -8),
        call('bpf_iter_num_next'),
        B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, 3),
        B.BPF_MOV64_REG(2, 0),
        B.BPF_ALU32_IMM(B.BPF_LSH, 8, 1),
        B.BPF_JMP_A(-7),
        ...slot(1, -8),
        call('bpf_iter_num_destroy'),
        B.BPF_ALU64_IMM(B.BPF_ADD, 8, 2),
        B.BPF_JMP_IMM(B.BPF_JLT, 8, 6, -17),
        ...end,
      ],
    ],
    [
      'an RCU section in another',
      'tracepoint',
      [
        call('bpf_rcu_read_lock'),
        call('bpf_rcu_read_lock'),
        call('bpf_rcu_read_unlock'),
        call('bpf_rcu_read_unlock'),
        ...end,
      ],
    ],
    [
      'a variable of the kernel that is none, behind a jump that never falls through',
      'tracepoint',
      [B.BPF_MOV64_IMM(0, 0), B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, 2), B.BPF_LD_IMM64_RAW(1, 3, 3), ...end],
    ],
    ['an RCU section that is not left', 'tracepoint', [call('bpf_rcu_read_lock'), ...end]],
    ['preemption enabled twice', 'tracepoint', [call('bpf_preempt_enable'), ...end]],
    [
      'a sleepable function',
      'tracepoint',
      [
        ...slot(1, -8),
        B.BPF_MOV64_IMM(2, 8),
        B.BPF_MOV64_IMM(3, 0),
        B.BPF_MOV64_IMM(4, 0),
        call('bpf_copy_from_user_str'),
        ...end,
      ],
    ],
    ['a context cast', 'xdp', [call('bpf_cast_to_kern_ctx'), B.BPF_LDX_MEM(B.BPF_DW, 1, 0, 0), ...end]],
  ])('%s', async (_name, type, insns) => {
    const code = encode(insns);
    const [kernel] = await askKernel([{ type, license: 'GPL', maps: [], insns: code }]);
    const prog = makeProg({ name: 'p', type, attach: undefined, target: undefined, license: 'GPL', insns: code });
    const ours = verify({ prog, maps: [], kernelBtf: btf });
    expect([ours.ok, lastLine(ours)]).toEqual([kernel!.ok, kernel!.last]);
  });
});
