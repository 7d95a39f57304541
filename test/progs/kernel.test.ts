/**
 * The tables against the real kernel, where bpf(2) is permitted and the kernel is the one that the tables describe
 * (6.18): which program type has which helper, and which ctx bytes may be read and written. Each fact is one small
 * program that the kernel takes or refuses.
 */
import { release } from 'node:os';
import { describe, expect, it } from 'vitest';
import { bpf, bpfUnavailable, sys } from '../../bindings/linux/bpf.ts';
import { HELPERS, mayCall } from '../../core/helpers/index.ts';
import { attachTypeByName } from '../../core/progs/attach-types.ts';
import { PROG_TYPES } from '../../core/progs/index.ts';
import type { ProgTypeRow } from '../../core/progs/prog-type.ts';

const reason = bpfUnavailable() ?? (release().startsWith('6.18.') ? undefined : `the kernel is ${release()}, not 6.18`);

const LICENSE = Uint8Array.from(Buffer.from('GPL\0'));

function insn(op: number, dst = 0, src = 0, off = 0, imm = 0): number[] {
  return [
    op,
    dst | (src << 4),
    off & 255,
    (off >> 8) & 255,
    imm & 255,
    (imm >> 8) & 255,
    (imm >> 16) & 255,
    imm >>> 24,
  ];
}
const RETURN_1 = [...insn(0xb7, 0, 0, 0, 1), ...insn(0x95)];

/** Load a program: whether the kernel took it, and its log. */
function load(row: ProgTypeRow, attachType: string | undefined, code: readonly number[], log?: Uint8Array): boolean {
  const insns = Uint8Array.from(code);
  const fd = bpf('PROG_LOAD', {
    prog_type: row.id,
    insn_cnt: insns.length / 8,
    insns,
    license: LICENSE,
    expected_attach_type: attachType === undefined ? 0 : attachTypeByName(attachType)!.id,
    // Syscall programs are sleepable, always: BPF_F_SLEEPABLE.
    prog_flags: row.name === 'syscall' ? 16 : 0,
    ...(log && { log_level: 1, log_size: log.length, log_buf: log }),
  });
  if (fd >= 0) sys().close(fd);
  return fd >= 0;
}

/** Attach types to try a program type with; `undefined` where none is needed. */
const ATTACH: Readonly<Record<string, readonly string[]>> = {
  cgroup_device: ['cgroup_device'],
  cgroup_sysctl: ['cgroup_sysctl'],
  xdp: ['xdp', 'xdp_devmap'],
  cgroup_sock_addr: ['cgroup_inet4_bind', 'cgroup_inet6_connect', 'cgroup_udp4_sendmsg', 'cgroup_udp6_sendmsg'],
  cgroup_sock: ['cgroup_inet_sock_create', 'cgroup_inet4_post_bind', 'cgroup_inet6_post_bind'],
  cgroup_sockopt: ['cgroup_getsockopt', 'cgroup_setsockopt'],
  sk_lookup: ['sk_lookup'],
  flow_dissector: ['flow_dissector'],
  netfilter: ['netfilter'],
  sk_reuseport: ['sk_reuseport_select'],
};

/** Where the attach type decides about helpers: all of them. */
const HELPER_ATTACH: Readonly<Record<string, readonly string[]>> = {
  cgroup_sock_addr: PROG_TYPES.find((row) => row.name === 'cgroup_sock_addr')!.attachTypes!,
};

function allowed(row: ProgTypeRow, off: number, size: number, write: boolean, attachType: string | undefined): boolean {
  const { ctx } = row;
  if (off % size !== 0) return false;
  if (ctx.kind === 'words') {
    return (
      off >= (ctx.from ?? 0) && off + size <= ctx.size && ctx.wordBytes.includes(size) && (!write || ctx.write === true)
    );
  }
  if (ctx.kind === 'args') {
    const whole = !ctx.anySize || (ctx.buffer === true && off === 0);
    return !write && off < 8 * ctx.count && (!whole || (size === 8 && off % 8 === 0));
  }
  const f = ctx.fields.find((one) => off >= one.offset && off < one.offset + one.size);
  if (!f || (f.attachTypes && !f.attachTypes.includes(attachType ?? ''))) return false;
  if (write && (!f.write || (f.writeAttachTypes && !f.writeAttachTypes.includes(attachType ?? '')))) return false;
  if (f.bytes) return off + size <= f.offset + f.size;
  if (off === f.offset && (size === f.size || (size === f.alsoSize && !write))) return true;
  if (f.wide && size === 8) {
    const next = ctx.fields.find((one) => one.offset === off + 4);
    return next !== undefined && next.name.split('[')[0] === f.name.split('[')[0];
  }
  if (write || !f.narrow || (f.narrowAtStart && off !== f.offset)) return false;
  return size < f.size && size >= (f.minSize ?? 1);
}

describe.skipIf(reason !== undefined)(`the tables and the kernel${reason ? ` (skipped: ${reason})` : ''}`, () => {
  const loadable = PROG_TYPES.filter((row) => {
    if (reason !== undefined) return false;
    // tracing, lsm, ext and struct_ops want a BTF target; lirc_mode2 a configuration option.
    return load(row, ATTACH[row.name]?.[0], RETURN_1);
  });

  it('loads most program types', () => {
    expect(loadable.length).toBeGreaterThan(20);
  });

  it('agree on which program types have which helpers', () => {
    const wrong: string[] = [];
    // Hidden by lockdown or configuration of the test machine.
    const hidden = new Set(['probe_write_user', 'override_return']);
    const log = new Uint8Array(16384);
    for (const row of loadable) {
      for (const attachType of HELPER_ATTACH[row.name] ?? ATTACH[row.name] ?? [undefined]) {
        for (const helper of HELPERS.filter((one) => !hidden.has(one.name))) {
          log.fill(0);
          load(row, attachType, [...insn(0x85, 0, 0, 0, helper.id), ...RETURN_1], log);
          const theirs = !/cannot use helper|unknown func/.test(Buffer.from(log).toString('latin1'));
          if (theirs !== mayCall(helper, row.name, attachType)) {
            wrong.push(`${row.name} ${attachType ?? ''}: ${helper.name} (kernel: ${theirs})`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('agree on which ctx bytes may be read and written', () => {
    const wrong: string[] = [];
    for (const row of loadable) {
      const end = row.ctx.kind === 'args' ? 100 : Math.min(row.ctx.size + 8, 232);
      for (const attachType of ATTACH[row.name] ?? [undefined]) {
        for (let off = 0; off < end; off++) {
          for (const [size, code] of [
            [1, 0x10],
            [2, 0x08],
            [4, 0x00],
            [8, 0x18],
          ] as const) {
            if (off % size !== 0) continue;
            for (const write of [false, true]) {
              const access = write ? [...insn(0xb7, 2), ...insn(0x63 | code, 1, 2, off)] : insn(0x61 | code, 2, 1, off);
              const theirs = load(row, attachType, [...access, ...RETURN_1]);
              if (theirs !== allowed(row, off, size, write, attachType)) {
                wrong.push(
                  `${row.name} ${attachType ?? ''} ${write ? 'write' : 'read'} of ${size} at ${off} (kernel: ${theirs})`,
                );
              }
            }
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});
