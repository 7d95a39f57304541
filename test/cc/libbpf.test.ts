/** Programs written for libbpf: its headers' macros, maps in section .maps, sections that name the program type. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bpfUnavailable } from '../../bindings/linux/bpf.ts';
import { readBtf } from '../../core/btf/read.ts';
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
