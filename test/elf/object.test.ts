import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BpfError } from '../../core/base/errors.ts';
import { findMember, offsetOf } from '../../core/btf/layout.ts';
import { readBtf } from '../../core/btf/read.ts';
import { BtfBuilder } from '../../core/btf/write.ts';
import { POISON_HELPER } from '../../core/elf/core-relo.ts';
import { readObject } from '../../core/elf/object.ts';
import { readElf } from '../../core/elf/read.ts';
import { writeObject } from '../../core/elf/write.ts';
import { encode, type Insn, toInsns } from '../../core/isa/insn.ts';
import { CALL, OP_CALL, OP_EXIT, OP_LD_IMM64, PSEUDO } from '../../core/isa/ops.ts';
import { mapTypeByName } from '../../core/maps/index.ts';
import type { ObjectSpec } from '../../core/spec/spec.ts';
import { verify } from '../../core/verifier/index.ts';

const CLANG = ['clang-19', 'clang-18', 'clang'].find((name) => {
  try {
    return execFileSync(name, ['--print-targets'], { stdio: ['ignore', 'pipe', 'ignore'] }).includes('bpf');
  } catch {
    return false;
  }
});

const PRELUDE = `
typedef unsigned int __u32; typedef unsigned long long __u64;
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define noinline __attribute__((noinline))
static void *(*bpf_map_lookup_elem)(void *, const void *) = (void *)1;
static __u64 (*bpf_get_current_task)(void) = (void *)35;
static long (*bpf_probe_read_kernel)(void *, __u32, const void *) = (void *)113;
static long (*bpf_loop)(__u32, void *, void *, __u64) = (void *)181;
char _license[] SEC("license") = "GPL";
`;

function compile(source: string, ...flags: string[]): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), 'elf-test-'));
  try {
    writeFileSync(join(directory, 'x.bpf.c'), source);
    execFileSync(CLANG!, ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', ...flags, '-c', 'x.bpf.c', '-o', 'x.o'], {
      cwd: directory,
      stdio: 'pipe',
    });
    return readFileSync(join(directory, 'x.o'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const insn = (opcode: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });
const EXIT = insn(OP_EXIT);
const MOV = (dst: number, imm: number): Insn => insn(0xb7, dst, 0, 0, imm);

/** Two programs that share a function, a map, a variable. */
function handMade(): ObjectSpec {
  const b = new BtfBuilder();
  const int = b.int('int', 4, { signed: true });
  const key = b.composite('struct', 'key', 8, [
    { name: 'pid', type: int, bitOffset: 0, bitSize: 0 },
    { name: 'cpu', type: int, bitOffset: 32, bitSize: 0 },
  ]);
  const proto = b.funcProto(int, [{ name: 'ctx', type: b.ptr(0) }]);
  const ids = { one: b.func('one', proto), two: b.func('two', proto), shared: b.func('shared', proto, 'static') };
  const btf = b.build();
  // one: load a map, call shared, exit; shared: load a variable, exit.
  const one = encode([
    insn(OP_LD_IMM64, 1, PSEUDO.map_fd),
    insn(OP_CALL, 0, CALL.local, 0, 1),
    EXIT,
    { ...insn(OP_LD_IMM64, 1, PSEUDO.map_value), immHi: 4 },
    MOV(0, 7),
    EXIT,
  ]);
  const two = encode([
    MOV(1, 1),
    insn(OP_CALL, 0, CALL.local, 0, 1),
    EXIT,
    { ...insn(OP_LD_IMM64, 1, PSEUDO.map_value), immHi: 4 },
    MOV(0, 7),
    EXIT,
  ]);
  const line = (at: number, n: number) => ({ insn: at, file: 'x.c', line: n, column: 3, text: `line ${n}` });
  const prog = (name: 'one' | 'two', section: string, insns: Uint8Array, shared: number) => ({
    name,
    section,
    insns,
    license: 'GPL',
    type: 'kprobe',
    attach: { kind: 'kprobe', target: 'vfs_read' },
    funcs: [
      { insn: 0, name, btfId: ids[name] },
      { insn: shared, name: 'shared', btfId: ids.shared },
    ],
    lines: [line(0, 10), line(shared, 20), line(shared + 2, 21)],
  });
  return {
    btf,
    license: 'GPL',
    maps: [
      {
        name: 'counts',
        type: 'hash',
        keySize: 8,
        valueSize: 4,
        maxEntries: 100,
        flags: 1,
        keyType: key,
        valueType: int,
      },
      {
        name: '.data',
        type: 'array',
        keySize: 4,
        valueSize: 8,
        maxEntries: 1,
        flags: 1024,
        keyType: 0,
        valueType: 0,
        initial: [{ key: new Uint8Array(4), value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }],
      },
    ],
    progs: [
      {
        ...prog('one', 'kprobe/vfs_read', one, 4),
        relocs: [
          { kind: 'map', insn: 0, map: 'counts' },
          { kind: 'map_value', insn: 4, map: '.data', offset: 4 },
        ],
      },
      { ...prog('two', 'kprobe/vfs_read', two, 3), relocs: [{ kind: 'map_value', insn: 3, map: '.data', offset: 4 }] },
    ],
  };
}

/** What two specs have to share, whatever the ids of their types are. */
function comparable(object: ObjectSpec) {
  const nameOf = (id: number) => (id === 0 ? '' : object.btf!.type(id).name);
  return {
    license: object.license,
    maps: object.maps
      .map((m) => ({
        ...m,
        keyType: nameOf(m.keyType),
        valueType: m.name.startsWith('.') ? '' : nameOf(m.valueType),
        inner: m.inner && { ...m.inner, keyType: nameOf(m.inner.keyType), valueType: nameOf(m.inner.valueType) },
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    progs: object.progs.map((p) => ({
      ...p,
      insns: toInsns(p.insns),
      funcs: p.funcs.map((f) => ({ ...f, btfId: nameOf(f.btfId) })),
      coreRelos: p.coreRelos?.map((r) => ({ ...r, typeId: nameOf(r.typeId) })),
    })),
  };
}

describe('writeObject and readObject', () => {
  it('are each the other way round', () => {
    const object = handMade();
    expect(comparable(readObject(writeObject(object)))).toEqual(comparable(object));
  });

  it('store a function once that two programs call', () => {
    const elf = readElf(writeObject(handMade()));
    expect(
      elf
        .symbols()
        .filter((s) => s.name.startsWith('shared'))
        .map((s) => s.name),
    ).toEqual(['shared']);
    expect(elf.section('.text')!.size).toBe(4 * 8);
  });

  it('keep functions apart that only share a name', () => {
    const object = handMade();
    const two = object.progs[1]!;
    const insns = two.insns.slice();
    insns[5 * 8 + 4] = 9;
    const back = readObject(writeObject({ ...object, progs: [object.progs[0]!, { ...two, insns }] }));
    expect(back.progs[1]!.funcs[1]!.name).toBe('shared__2');
    expect(back.progs.map((p) => toInsns(p.insns).at(-2)!.imm)).toEqual([7, 9]);
  });

  it('write plain functions without BTF', () => {
    const insns = encode([MOV(0, 3), EXIT]);
    const object: ObjectSpec = {
      maps: [],
      btf: undefined,
      license: '',
      progs: [
        { name: 'entry', type: 'unspec', section: '.text', insns, relocs: [], funcs: [], lines: [], license: '' },
      ],
    };
    const back = readObject(writeObject(object));
    expect(back.progs.map((p) => [p.name, p.type, p.section, toInsns(p.insns).length])).toEqual([
      ['entry', 'unspec', '.text', 2],
    ]);
  });

  it('say what an object file cannot hold', () => {
    const object = handMade();
    const filled = { ...object.maps[0]!, initial: [{ key: new Uint8Array(8), value: new Uint8Array(4) }] };
    expect(() => writeObject({ ...object, maps: [filled, object.maps[1]!] })).toThrow(
      "map 'counts': an object file cannot hold the first contents of a hash",
    );
    expect(() => writeObject({ ...object, maps: [object.maps[1]!] })).toThrow(
      "program 'one' refers to 'counts', which the object does not have",
    );
    expect(() => writeObject({ ...object, maps: [{ ...object.maps[0]!, type: 'hsah' }] })).toThrow(
      "map 'counts' has the unknown type 'hsah'",
    );
    const twice = [object.progs[0]!, object.progs[0]!];
    expect(() => writeObject({ ...object, progs: twice })).toThrow("are called 'one'");
  });
});

describe('damaged objects', () => {
  const good = writeObject(handMade());
  it('are refused with one kind of error, or read', () => {
    let seed = 99;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    let refused = 0;
    for (let round = 0; round < 2000; round++) {
      const bytes = good.slice(0, random(6) === 0 ? random(good.length) : good.length);
      for (let n = random(5); n >= 0 && bytes.length > 0; n--) bytes[random(bytes.length)] = random(256);
      try {
        readObject(bytes);
      } catch (error) {
        if (!(error instanceof BpfError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(300);
  });

  it.each([
    ['text', new TextEncoder().encode('int main'), 'no magic number'],
    ['nothing', new Uint8Array(0), 'no magic number'],
    ['a 32-bit file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 1, 1, 1), 'class 1, only 64-bit files'],
    ['a big-endian file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 2, 1), 'data encoding 2, only little-endian'],
    ['a program of this machine', readFileSync(process.execPath), 'not a BPF object (247)'],
  ])('%s', (_what, bytes, says) => {
    expect(() => readObject(bytes)).toThrow(says);
  });
});

describe.skipIf(CLANG === undefined)('objects of clang (needs clang with a BPF target)', () => {
  const kernelBtf = readBtf(
    inflateRawSync(readFileSync(new URL('../../data/btf-6.1-x86_64.btf.deflate', import.meta.url))),
  );

  const SOURCE = `${PRELUDE}
struct key { int pid; char name[4]; };
struct { __uint(type, 1); __uint(max_entries, 128); __type(key, struct key); __type(value, __u64); } counts SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 8); __uint(map_flags, 0x400); __uint(pinning, 1); } slots SEC(".maps");
const volatile int target = 7;
int hits;
__u64 seeded = 42;
static noinline int add(int a, int b) { return a * b + seeded; }
noinline int twice(int a) { return add(a, 3) + hits; }
static int step(__u32 i, void *ctx) { *(int *)ctx += i; return 0; }
SEC("kprobe/tcp_v4_connect") int first(void *ctx) {
  struct key k = { 1, "x" };
  __u64 *v = bpf_map_lookup_elem(&counts, &k);
  if (v) *v += 1;
  int zero = 0;
  if (bpf_map_lookup_elem(&slots, &zero)) hits++;
  int sum = 0;
  bpf_loop(5, step, &sum, 0);
  return twice(sum) + target;
}
SEC("tp/sched/sched_switch") int second(void *ctx) { return add(1, 2); }
SEC("xdp") int drop(void *ctx) { return 1; }
`;

  it('give maps, data, programs and what they call', () => {
    const object = readObject(compile(SOURCE));
    expect(object.license).toBe('GPL');
    const nameOf = (id: number) => object.btf!.type(id).name;
    expect(
      object.maps
        .filter((m) => !m.name.startsWith('.'))
        .map((m) => [m.name, m.type, m.keySize, m.valueSize, m.maxEntries, m.flags, m.pin]),
    ).toEqual([
      ['counts', 'hash', 8, 8, 128, 0, undefined],
      ['slots', 'array', 4, 8, 4, 0x400, 'slots'],
    ]);
    expect(nameOf(object.maps.find((m) => m.name === 'counts')!.keyType)).toBe('key');
    expect(object.maps.find((m) => m.name === '.rodata')).toMatchObject({
      valueSize: 4,
      readOnly: true,
      initial: [{ value: Uint8Array.of(7, 0, 0, 0) }],
    });
    expect(object.maps.find((m) => m.name === '.data')!.initial![0]!.value[0]).toBe(42);
    expect(object.maps.find((m) => m.name === '.bss')!.initial).toBeUndefined();
    expect(
      object.progs.map((p) => [p.name, p.type, p.attach?.kind, p.attach?.target, p.funcs.map((f) => f.name)]),
    ).toEqual([
      ['first', 'kprobe', 'kprobe', 'tcp_v4_connect', ['first', 'step', 'twice', 'add']],
      ['second', 'tracepoint', 'tracepoint', 'sched:sched_switch', ['second', 'add']],
      ['drop', 'xdp', undefined, undefined, ['drop']],
    ]);
    const first = object.progs[0]!;
    expect(first.relocs.map((r) => ('map' in r ? r.map : r.name)).sort()).toEqual(
      ['.bss', '.bss', '.data', '.rodata', 'counts', 'slots'].sort(),
    );
    expect(first.lines.find((l) => l.text.includes('return twice'))).toMatchObject({
      file: expect.stringContaining('x.bpf.c'),
    });
    // Every local call reaches the start of a function.
    const starts = new Set(first.funcs.map((f) => f.insn));
    const view = new DataView(first.insns.buffer);
    let calls = 0;
    for (let at = 0; at < first.insns.length; at += 8) {
      const [opcode, src] = [first.insns[at]!, first.insns[at + 1]! >> 4];
      if ((opcode === OP_CALL && src === CALL.local) || (opcode === OP_LD_IMM64 && src === PSEUDO.func)) {
        expect(starts.has(at / 8 + 1 + view.getInt32(at + 4, true))).toBe(true);
        calls++;
      }
      if (opcode === OP_LD_IMM64) at += 8;
    }
    expect(calls).toBe(3);
  });

  it('come back the same after being written', () => {
    const object = readObject(compile(SOURCE));
    expect(comparable(readObject(writeObject(object)))).toEqual(comparable(object));
  });

  it('do not change the bytes they were read from', () => {
    const bytes = compile(SOURCE);
    const before = Uint8Array.from(bytes);
    readObject(bytes, { kernelBtf });
    readObject(bytes);
    expect(Uint8Array.from(bytes)).toEqual(before);
  });

  const CORE = `${PRELUDE}
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct list { struct list *next; };
struct task_struct { int pid; int tgid; struct task_struct *real_parent; char comm[16]; unsigned in_execve : 1; long nice_to_have; };
struct qstr { unsigned hash_len_unused; const char *name; union { struct { __u32 hash, len; }; }; };
struct dentry___flavour { struct qstr d_name; };
struct nonesuch { int x; };
struct sock_common { unsigned short skc_family; };
struct sock { struct sock_common __sk_common; };
#pragma clang attribute pop
enum tcp { TCP_LISTEN = 1 } __attribute__((unused));
enum pid_type { PIDTYPE_SID = 40, PIDTYPE_NONE = 41 };
#define field(what, kind) __builtin_preserve_field_info(what, kind)
__u64 out[17];
SEC("kprobe") int relos(void *ctx) {
  struct task_struct *t = (void *)bpf_get_current_task();
  struct dentry___flavour *d = ctx;
  out[0] = field(t->tgid, 0);
  out[1] = field(t->comm, 1);
  out[2] = field(t->comm[3], 0);
  out[3] = field(t->real_parent, 2);
  out[4] = field(t->nice_to_have, 2);
  out[5] = field(((struct nonesuch *)0)->x, 2);
  out[6] = field(d->d_name.len, 0);
  out[7] = __builtin_preserve_type_info(*(struct task_struct *)0, 1);
  out[8] = __builtin_preserve_type_info(*(struct nonesuch *)0, 0);
  out[9] = __builtin_preserve_enum_value(*(enum pid_type *)PIDTYPE_SID, 1);
  out[10] = __builtin_preserve_enum_value(*(enum pid_type *)PIDTYPE_NONE, 0);
  out[11] = field(((struct sock *)ctx)->__sk_common.skc_family, 0);
  out[12] = field(t->pid, 3);
  out[13] = field(t->in_execve, 5);
  out[14] = field(t->in_execve, 4);
  out[15] = field(t->in_execve, 0);
  out[16] = field(t->in_execve, 1);
  return 0;
}
SEC("kprobe") int missing(void *ctx) {
  return field(((struct nonesuch *)ctx)->x, 0);
}
`;

  it('have their CO-RE relocations resolved against a kernel', () => {
    const object = readObject(compile(CORE));
    expect(object.progs[0]!.coreRelos!.length).toBeGreaterThanOrEqual(14);
    const [relos, missing] = readObject(compile(CORE), { kernelBtf }).progs;
    expect(relos!.coreRelos).toBeUndefined();
    // Each relocated constant is loaded into a register and stored to out[n]: collect constants by n.
    const found = new Map<number, number>();
    const held = new Map<number, number>();
    for (const i of toInsns(relos!.insns)) {
      if (i.opcode === 0xb7 || i.opcode === 0xb4 || (i.opcode === OP_LD_IMM64 && i.src === 0)) held.set(i.dst, i.imm);
      if (i.opcode === 0x7b) found.set(i.off / 8, held.get(i.src)!);
    }
    const bit = findMember(kernelBtf, kernelBtf.find('task_struct', 'struct')!, 'in_execve')!.bitOffset;
    const comm = offsetOf(kernelBtf, 'task_struct', 'comm');
    const task = kernelBtf.type(kernelBtf.find('task_struct', 'struct')!) as { size: number };
    expect(Object.fromEntries(found)).toEqual({
      0: offsetOf(kernelBtf, 'task_struct', 'tgid'),
      1: 16,
      2: comm + 3,
      3: 1,
      4: 0,
      5: 0,
      6: offsetOf(kernelBtf, 'dentry', 'd_name.len'),
      7: task.size,
      8: 0,
      9: Number(kernelBtf.findEnumerator('PIDTYPE_SID')!.value),
      10: 0,
      11: offsetOf(kernelBtf, 'sock', '__sk_common.skc_family'),
      12: 1,
      13: 63,
      14: 64 - ((bit % 32) + 1),
      15: Math.floor(bit / 32) * 4,
      16: 4,
    });
    expect(toInsns(missing!.insns).some((i) => i.opcode === OP_CALL && i.imm === POISON_HELPER)).toBe(true);
  });

  it('say that global data needs no BTF but .maps does', () => {
    expect(() => readObject(compile(SOURCE, '-g0'))).toThrow(
      "section '.maps' has no description in .BTF: compile with -g",
    );
  });

  it('may be plain functions in .text', () => {
    const object = readObject(
      compile(
        'static __attribute__((noinline)) int half(int x) { return x / 2u; } int entry(unsigned char *mem, long len) { return half(mem[0]) + half(len); }',
        '-g0',
      ),
    );
    expect(object.progs.map((p) => [p.name, p.type, p.funcs.map((f) => f.name)])).toEqual([
      ['entry', 'unspec', ['entry', 'half']],
    ]);
  });

  it('may have legacy maps', () => {
    const source = `${PRELUDE}
struct bpf_map_def { unsigned type, key_size, value_size, max_entries, map_flags; };
struct bpf_map_def SEC("maps") first = { 1, 8, 16, 100, 1 };
struct bpf_map_def SEC("maps") second = { 2, 4, 8, 3, 0 };
SEC("socket") int prog(void *ctx) { int k = 0; return bpf_map_lookup_elem(&second, &k) != 0; }`;
    const object = readObject(compile(source));
    expect(object.maps.map((m) => [m.name, m.type, m.keySize, m.valueSize, m.maxEntries, m.flags])).toEqual([
      ['first', 'hash', 8, 16, 100, 1],
      ['second', 'array', 4, 8, 3, 0],
    ]);
    expect(object.progs[0]!.relocs).toEqual([{ kind: 'map', insn: expect.any(Number), map: 'second' }]);
  });

  it.skipIf(!mapTypeByName('array_of_maps'))('may hold maps of maps with contents', () => {
    const source = `${PRELUDE}
struct inner { __uint(type, 2); __uint(max_entries, 1); __type(key, int); __type(value, int); } one SEC(".maps"), two SEC(".maps");
struct { __uint(type, 12); __uint(max_entries, 3); __type(key, int); typeof(struct inner) *values[]; } outer SEC(".maps") = { .values = { [0] = &one, [2] = &two } };
SEC("socket") int prog(void *ctx) { int k = 0; return bpf_map_lookup_elem(&outer, &k) != 0; }`;
    const object = readObject(compile(source));
    expect(object.maps.find((m) => m.name === 'outer')).toMatchObject({
      type: 'array_of_maps',
      keySize: 4,
      valueSize: 4,
      maxEntries: 3,
      inner: { type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 },
      slots: [
        { index: 0, map: 'one' },
        { index: 2, map: 'two' },
      ],
    });
    expect(comparable(readObject(writeObject(object)))).toEqual(comparable(object));
  });

  it('may call kernel functions and use kernel variables', () => {
    const source = `${PRELUDE}
extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));
extern const void bpf_prog_active __attribute__((section(".ksyms"), weak));
SEC("tp_btf/sched_switch") int prog(void *ctx) { bpf_rcu_read_lock(); return (long)&bpf_prog_active; }`;
    const object = readObject(compile(source));
    expect(object.progs[0]!.relocs).toEqual([
      { kind: 'kfunc', insn: 0, name: 'bpf_rcu_read_lock' },
      { kind: 'ksym', insn: 1, name: 'bpf_prog_active', weak: true },
    ]);
    expect(toInsns(object.progs[0]!.insns)[0]).toMatchObject({ opcode: OP_CALL, src: CALL.kfunc });
    expect(comparable(readObject(writeObject(object)))).toMatchObject({ progs: comparable(object).progs });
  });

  const KCONFIG = `${PRELUDE}
enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };
#define KCONFIG __attribute__((section(".kconfig")))
extern int LINUX_KERNEL_VERSION KCONFIG;
extern unsigned long CONFIG_HZ KCONFIG;
extern _Bool CONFIG_BPF KCONFIG;
extern enum libbpf_tristate CONFIG_NF_CONNTRACK KCONFIG;
extern char CONFIG_LETTER KCONFIG;
extern char CONFIG_NAME[8] KCONFIG;
extern short CONFIG_NOTHING KCONFIG __attribute__((weak));
SEC("socket") int prog(void *ctx) {
  return LINUX_KERNEL_VERSION + CONFIG_HZ + CONFIG_BPF + CONFIG_NF_CONNTRACK + CONFIG_LETTER + CONFIG_NAME[1] + CONFIG_NOTHING;
}`;
  const SETTINGS: Readonly<Record<string, string>> = {
    LINUX_KERNEL_VERSION: '396800',
    CONFIG_HZ: '0x3e8',
    CONFIG_BPF: 'y',
    CONFIG_NF_CONNTRACK: 'm',
    CONFIG_LETTER: 'm',
    CONFIG_NAME: '"a long text"',
  };

  it('may ask for settings of the kernel', () => {
    const { maps, progs } = readObject(compile(KCONFIG), { kconfig: (name) => SETTINGS[name] });
    const map = maps.find((m) => m.name === '.rodata.kconfig')!;
    expect(map).toMatchObject({ type: 'array', maxEntries: 1, readOnly: true });
    const value = map.initial![0]!.value;
    // The widest first, then the smaller; names decide among equals.
    expect([...new Uint32Array(value.buffer, 0, 4)]).toEqual([1000, 0, 2, 396800]);
    expect([...value.subarray(16)]).toEqual([0, 0, 1, 109, ...new TextEncoder().encode('a long '), 0]);
    const offsets = progs[0]!.relocs.map((r) => (r.kind === 'map_value' ? r.offset : -1));
    expect(offsets.toSorted((a, b) => a - b)).toEqual([0, 8, 12, 16, 18, 19, 20]);
    expect(verify({ prog: progs[0]!, maps }).error).toBeUndefined();
  });

  it.each([
    [
      'CONFIG_HZ',
      undefined,
      "'CONFIG_HZ' is not set in the kernel's configuration, or that is not at hand; declare it __weak",
    ],
    ['CONFIG_BPF', 'm', "'CONFIG_BPF' is m in the kernel's configuration: the variable must be bool (unless m)"],
    ['CONFIG_HZ', 'y', "'CONFIG_HZ' is y in the kernel's configuration"],
    ['LINUX_KERNEL_VERSION', '4294967296', 'must be an integer type that holds it, and int does not'],
    ['CONFIG_LETTER', '"x"', 'must be an array of char'],
  ])('refuse the setting %s = %s', (name, setting, says) => {
    const kconfig = (asked: string) => (asked === name ? setting : SETTINGS[asked]);
    expect(() => readObject(compile(KCONFIG), { kconfig })).toThrow(says);
  });

  it('may be functions of structs of the kernel', () => {
    const source = `${PRELUDE}
struct sock; struct rate_sample;
struct tcp_congestion_ops___mine { unsigned (*ssthresh)(struct sock *sk); void (*init)(struct sock *sk); char name[16]; };
SEC("struct_ops/any_name") unsigned first(unsigned long long *ctx) { return 5; }
SEC("struct_ops") void second(unsigned long long *ctx) {}
SEC(".struct_ops.link") struct tcp_congestion_ops___mine ops = { .ssthresh = (void *)first, .init = (void *)second, .name = "mine" };`;
    const { progs } = readObject(compile(source));
    expect(progs.map((p) => [p.name, p.type, p.attach])).toEqual([
      ['first', 'struct_ops', { kind: 'struct_ops', target: 'tcp_congestion_ops:ssthresh' }],
      ['second', 'struct_ops', { kind: 'struct_ops', target: 'tcp_congestion_ops:init' }],
    ]);
    const both = source.replace('.init = (void *)second', '.init = (void *)first');
    expect(() => readObject(compile(both))).toThrow(
      "'first' cannot be both tcp_congestion_ops:ssthresh and tcp_congestion_ops:init: one function, one member",
    );
  });

  it('call hidden functions as static ones', () => {
    const source = (visibility: string) => `${PRELUDE}
__attribute__((visibility("${visibility}"))) noinline int put(long *out) { *out = 1; return 0; }
SEC("socket") int prog(void *ctx) { long out; put(&out); return out; }`;
    const check = (visibility: string) => {
      const { progs, maps, btf } = readObject(compile(source(visibility)));
      return verify({ prog: progs[0]!, maps, objectBtf: btf }).error?.message;
    };
    expect(check('hidden')).toBeUndefined();
    // Whoever calls a global function, its pointer may be null.
    expect(check('default')).toContain('mem_or_null');
  });
});
