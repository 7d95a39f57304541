/** Programs written for libbpf: its headers' macros, maps in section .maps, sections that name the program type. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bpfUnavailable } from '../../bindings/linux/bpf.ts';
import { readBtf } from '../../core/btf/read.ts';
import { kernelTypes } from '../../core/cc/from-btf.ts';
import { readObject } from '../../core/elf/object.ts';
import { writeObject } from '../../core/elf/write.ts';
import { mountBpffs } from '../linux/bpffs.ts';
import { KERNEL } from './kernel.ts';
import { compileOk, diagnose } from './run-c.ts';

const folder = new URL('./libbpf/', import.meta.url);
const text = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const HEAD = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n';

const live = '/sys/kernel/btf/vmlinux';
const loading =
  spawnSync('bpftool', ['version']).status !== 0
    ? 'bpftool is not installed'
    : existsSync(live)
      ? bpfUnavailable()
      : `there is no ${live}`;

describe('programs for libbpf', () => {
  it('maps and program types come out as libbpf would read them', () => {
    const { maps, progs, license } = readObject(writeObject(compileOk(text('more.bpf.c'), KERNEL)));
    expect(license).toBe('GPL');
    expect(progs.map((p) => [p.name, p.section, p.type])).toEqual([
      ['switched', 'raw_tp/sched_switch', 'raw_tracepoint'],
      ['created', 'tp_btf/task_newtask', 'tracing'],
      ['filter', 'socket', 'socket_filter'],
      ['dump', 'iter/task', 'tracing'],
    ]);
    const outer = maps.find((m) => m.name === 'outer')!;
    expect(outer).toMatchObject({ type: 'array_of_maps', keySize: 4, valueSize: 4, maxEntries: 8 });
    expect(outer.inner).toMatchObject({ type: 'array', valueSize: 8, maxEntries: 4 });
    expect(maps.find((m) => m.name === 'lru')).toMatchObject({
      type: 'lru_hash',
      keySize: 20,
      valueSize: 32,
      flags: 2,
    });
    expect(maps.map((m) => m.name)).not.toContain('outer.inner');
  });

  it('a function without a section is no program where programs have sections and call it', () => {
    const source = `${HEAD}int table[16];
int pick(int i) { return i >= 0 && i < 16 ? table[i] : 0; }
int unused(int i) { return i; }
SEC("tc") int classify(struct __sk_buff *skb) { return pick(skb->mark); }
`;
    expect(compileOk(source, KERNEL).progs.map((p) => [p.name, p.section])).toEqual([
      ['unused', '.text'],
      ['classify', 'tc'],
    ]);
  });

  it('parameters come from registers, the return value, words and the inner registers of a system call', () => {
    const source = `${HEAD}
SEC("kprobe/f") int BPF_KPROBE(entry, int a, long b) { return a + b; }
SEC("kretprobe/f") int BPF_KRETPROBE(leave, long ret) { return ret; }
SEC("kprobe/__x64_sys_close") int BPF_KPROBE_SYSCALL(closing, int fd) { return fd; }
SEC("ksyscall/close") int BPF_KSYSCALL(closing2, int fd) { return fd; }
`;
    const { progs } = compileOk(source, KERNEL);
    const first = (name: string) => {
      const { insns } = progs.find((p) => p.name === name)!;
      return new DataView(insns.buffer, insns.byteOffset).getInt16(2, true);
    };
    // Offsets in struct pt_regs: di, ax, and di again as the pointer to the inner registers.
    expect([first('entry'), first('leave'), first('closing'), first('closing2')]).toEqual([112, 80, 112, 112]);
    expect(diagnose(`${HEAD}SEC("kretprobe/f") int BPF_KRETPROBE(f, int a, int b) { return 0; }`, KERNEL)).toContain(
      "'f' cannot have more than one argument, the value that is returned",
    );
  });

  it.each([
    [
      'struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entrie, 8); } m SEC(".maps");',
      "a map's definition has no member 'max_entrie'; did you mean 'max_entries'?",
    ],
    ['struct { __uint(max_entries, 8); } m SEC(".maps");', "the definition of map 'm' says no type"],
    ['struct { __uint(type, 4000); } m SEC(".maps");', 'there is no map type 4000'],
    ['int m SEC(".maps");', 'must be a struct that describes a map'],
    [
      'struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(key_size, 8); __type(key, int); } m SEC(".maps");',
      "the key size of map 'm' is said twice: 8 and 4",
    ],
  ])('%s', (definition, message) => {
    expect(diagnose(`${HEAD}${definition}\n`, KERNEL)).toContain(message);
  });

  it('constants of user-space headers, by the header that has them', () => {
    const source = `${HEAD}#include <bpf/bpf_endian.h>
#include <sys/socket.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_tunnel.h>
#include <linux/tcp.h>
#include <time.h>
#include <sys/syscall.h>
_Static_assert(SO_MARK == 36 && IP_TOS == 1 && ICMP_ECHO == 8 && ICMPV6_PKT_TOOBIG == 2 && CLOCK_BOOTTIME == 7, "plain");
_Static_assert(TUNNEL_KEY == __bpf_constant_htons(4) && TCP_FLAG_SYN == __bpf_constant_htonl(0x20000), "network order");
_Static_assert(__NR_openat == 257 && BPF_DEVCG_DEV_CHAR == 2, "system calls");
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __uint(key_size, 4); __uint(value_size, 4); } jumps SEC(".maps");
SEC("tc") int f(struct __sk_buff *skb) { bpf_tail_call_static(skb, &jumps, 1); return 0; }
`;
    compileOk(source, KERNEL);
    expect(diagnose(`${HEAD}int x = SO_MARK;\n`, KERNEL)).toContain("use of undeclared identifier 'SO_MARK'");
  });

  it('settings of the kernel are constants; one that is not known must be weak', () => {
    const program = (declaration: string, value: string) =>
      `${HEAD}${declaration}\nSEC("socket") int f(struct __sk_buff *skb) { return ${value}; }\n`;
    const first = (declaration: string, value: string) =>
      new DataView(compileOk(program(declaration, value), KERNEL).progs[0]!.insns.buffer).getInt32(4, true);
    expect(first('extern int LINUX_KERNEL_VERSION __kconfig;', 'LINUX_KERNEL_VERSION')).toBe(0x60100);
    expect(first('extern bool CONFIG_BPF __kconfig;', 'CONFIG_BPF')).toBe(1);
    expect(first('extern char CONFIG_BPF __kconfig;', 'CONFIG_BPF')).toBe(0x79);
    expect(first('extern int CONFIG_XYZ __kconfig __weak;', 'CONFIG_XYZ')).toBe(0);
    expect(diagnose(program('extern int CONFIG_XYZ __kconfig;', 'CONFIG_XYZ'), KERNEL)).toContain(
      "'CONFIG_XYZ' is not known of this kernel's configuration: __weak takes it for 0",
    );
  });

  it("structs of the program stand for the kernel's: members lie where this kernel has them", () => {
    const source = `${HEAD}#include <bpf/bpf_core_read.h>
struct task_struct___old { long state; } __attribute__((preserve_access_index));
struct task_struct___new { unsigned __state; int tgid; } __attribute__((preserve_access_index));
struct task_struct___plain { int tgid; };
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock_common { unsigned short skc_family; struct { int no_such; } skc_prot; };
#pragma clang attribute pop
struct own { int a, tgid; };
enum bpf_func_id___e { BPF_FUNC_no_such___e = 999, BPF_FUNC_map_lookup_elem___e = 77 };
SEC("kprobe/a") int BPF_KPROBE(a, void *p) { struct task_struct___new *t = p; return t->tgid; }
SEC("kprobe/b") int BPF_KPROBE(b, void *p) { return BPF_CORE_READ((struct task_struct___plain *)p, tgid); }
SEC("kprobe/c") int BPF_KPROBE(c, void *p) { struct sock_common *s = p; return s->skc_family; }
SEC("kprobe/d") int BPF_KPROBE(d, void *p) { struct own *s = p; return s->tgid; }
SEC("kprobe/e") int BPF_KPROBE(e, void *p)
{
  if (bpf_core_field_exists(struct task_struct___old, state)) return BPF_CORE_READ((struct task_struct___old *)p, state);
  return bpf_core_type_exists(struct no_such___x) + 10 * bpf_core_type_exists(struct task_struct___old)
    + 100 * bpf_core_enum_value_exists(enum bpf_func_id___e, BPF_FUNC_no_such___e)
    + 1000 * bpf_core_enum_value(enum bpf_func_id___e, BPF_FUNC_map_lookup_elem___e)
    + 10000 * (bpf_core_type_size(struct task_struct___old) == sizeof(struct task_struct));
}
SEC("kprobe/f") int BPF_KPROBE(f, void *p) { return BPF_CORE_READ((struct task_struct___old *)p, state); }
`;
    const object = compileOk(source, KERNEL);
    /** What is added to the pointer before it is read, or returned. */
    const number = (name: string, opcode: number) => {
      const { insns } = object.progs.find((p) => p.name === name)!;
      const at = insns.findIndex((byte, i) => i % 8 === 0 && byte === opcode && (insns[i + 1]! & 15) !== 1);
      return new DataView(insns.buffer).getInt32(at + 4, true);
    };
    const offset = (record: string, field: string) =>
      kernelTypes(KERNEL.kernelBtf!).record('struct', record)!.find(field)!.bitOffset / 8;
    const ADD64 = 0x07;
    const MOV32 = 0xb4;
    expect(number('a', ADD64)).toBe(offset('task_struct', 'tgid'));
    expect(number('b', ADD64)).toBe(offset('task_struct', 'tgid'));
    expect(number('c', ADD64)).toBe(offset('sock_common', 'skc_family'));
    expect(number('d', ADD64)).toBe(4);
    expect(number('e', MOV32)).toBe(11010);
    expect(number('f', 0x85)).toBe(195896080);
    expect(diagnose(source, KERNEL)).toContain("what is read here is not in this kernel's BTF");
  });

  const names = readdirSync(folder).sort();
  it.each(names)('%s compiles for Linux 6.1', (name) => {
    compileOk(text(name), KERNEL);
  });

  it.skipIf(loading !== undefined)(`bpftool loads them${loading ? ` (${loading})` : ''}`, { timeout: 60_000 }, () => {
    const scratch = mkdtempSync(join(tmpdir(), 'libbpf-'));
    const { path, remove } = mountBpffs();
    const options = { kernelBtf: readBtf(new Uint8Array(readFileSync(live))), kernelRelease: release() };
    try {
      for (const name of names) {
        const object = compileOk(text(name), options);
        // Not every kernel lets fentry programs load.
        const progs = object.progs.filter((p) => !['kprobe', 'fentry'].includes(p.section.split('/')[0]!));
        writeFileSync(join(scratch, 'a.o'), writeObject({ ...object, progs }));
        const loaded = spawnSync(
          'bpftool',
          ['prog', 'loadall', join(scratch, 'a.o'), `${path}/${names.indexOf(name)}`],
          {
            encoding: 'utf8',
          },
        );
        expect({ name, status: loaded.status, stderr: loaded.stderr }).toEqual({ name, status: 0, stderr: '' });
        for (const prog of progs) expect(existsSync(`${path}/${names.indexOf(name)}/${prog.name}`)).toBe(true);
      }
    } finally {
      remove();
      rmSync(scratch, { recursive: true });
    }
  });
});
