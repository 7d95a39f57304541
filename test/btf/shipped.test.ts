import { readFileSync, statSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { BtfOf } from '../../core/btf/btf.ts';
import { readBtf } from '../../core/btf/read.ts';

const FILE = new URL('../../data/btf-6.1-x86_64.btf.deflate', import.meta.url);

describe('the shipped BTF of Linux 6.1', () => {
  const btf = readBtf(new Uint8Array(inflateRawSync(readFileSync(FILE))));

  it('is small', () => {
    expect(statSync(FILE).size).toBeLessThan(350_000);
  });

  it('decodes whole', () => {
    for (let id = 0; id < btf.typeCount; id++) btf.type(id);
    expect(btf.typeCount).toBeGreaterThan(10_000);
  });

  it.each([
    'task_struct',
    'sock',
    'inet_sock',
    'tcp_sock',
    'sk_buff',
    'file',
    'dentry',
    'inode',
    'path',
    'qstr',
    'super_block',
    'mm_struct',
    'request',
    'bio',
    'gendisk',
    'socket',
    'cred',
    'nsproxy',
    'pid',
    'net',
    'net_device',
    'pt_regs',
    'linux_binprm',
    'mount',
    'vfsmount',
    'rq',
    'sched_entity',
    '__sk_buff',
    'xdp_md',
    'bpf_sock_ops',

    'trace_event_raw_sched_switch',
    'trace_event_raw_sys_enter',
    'trace_event_raw_inet_sock_set_state',
    'iphdr',
    'sockaddr_in6',
    'bpf_perf_event_data',
  ])('defines struct %s', (name) => {
    const id = btf.find(name, 'struct');
    expect(id).toBeDefined();
    expect((btf.type(id!) as { size: number }).size).toBeGreaterThan(0);
  });

  it.each([
    'tcp_v4_connect',
    'vfs_read',
    '__x64_sys_openat',
    'do_sys_openat2',
    'tcp_set_state',
    'blk_mq_start_request',
    'inet_csk_accept',
  ])('knows function %s', (name) => {
    const func = btf.type(btf.find(name, 'func')!);
    expect(func.kind === 'func' && btf.type(func.type).kind).toBe('func_proto');
  });

  it('knows the parameters of tcp_v4_connect', () => {
    const func = btf.type(btf.find('tcp_v4_connect', 'func')!) as { type: number };
    expect(btf.type(func.type)).toMatchObject({ params: [{ name: 'sk' }, { name: 'uaddr' }, { name: 'addr_len' }] });
  });

  it.each([
    ['TASK_COMM_LEN', 16n],
    ['TCP_ESTABLISHED', 1n],
    ['BPF_F_USER_STACK', 256n],
    ['IPPROTO_MPTCP', 262n],
    ['XDP_PASS', 2n],
    ['REQ_OP_WRITE', 1n],
  ])('knows enumerator %s', (name, value) => {
    expect(btf.findEnumerator(name)?.value).toBe(value);
  });

  it('has the layouts of the full BTF', () => {
    // Offsets as pahole prints them for linux-image-6.1.0-*-cloud-amd64.
    const member = (struct: string, name: string) =>
      (btf.type(btf.find(struct, 'struct')!) as BtfOf<'struct' | 'union'>).members.find((m) => m.name === name)!
        .bitOffset;
    expect(member('sock', '__sk_common')).toBe(0);
    expect(member('qstr', 'name')).toBe(64);
    expect(member('pt_regs', 'di')).toBe(112 * 8);
    expect(member('file', 'f_path')).toBe(16 * 8);
  });
});
