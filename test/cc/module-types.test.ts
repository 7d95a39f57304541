/** Types of modules in C text: structs, enumerators and kfuncs that the kernel itself does not have, from BTF that goes on from the kernel's. */
import { describe, expect, it } from 'vitest';
import { readBtf } from '../../core/btf/read.ts';
import { type CompileOptions, compile } from '../../core/cc/index.ts';
import { KERNEL } from './kernel.ts';

const kernel = KERNEL.kernelBtf!;
const STRINGS = ['mod_dev', 'owner', 'state', 'id', 'mod_state', 'MOD_UP', 'bpf_mod_kfunc', 'dev'] as const;

/** `struct mod_dev { struct task_struct *owner; enum mod_state state; u64 id; }`, `enum mod_state { MOD_UP = 3 }`, `u64 bpf_mod_kfunc(struct mod_dev *dev)`. */
function moduleBtf() {
  const text = `\0${STRINGS.join('\0')}\0`;
  const name = (of: (typeof STRINGS)[number]): number =>
    new DataView(kernel.bytes.buffer, kernel.bytes.byteOffset).getUint32(20, true) + text.indexOf(`\0${of}\0`) + 1;
  const first = kernel.typeCount;
  const u64 = kernel.find('u64', 'typedef')!;
  const [pointer, state, dev, toDev, proto] = [first, first + 1, first + 2, first + 3, first + 4];
  const types = [
    ...[0, 2 << 24, kernel.find('task_struct', 'struct')!],
    ...[name('mod_state'), (6 << 24) | 1, 4, name('MOD_UP'), 3],
    ...[name('mod_dev'), (4 << 24) | 3, 24],
    ...[name('owner'), pointer, 0, name('state'), state, 64, name('id'), u64, 128],
    ...[0, 2 << 24, dev],
    ...[0, (13 << 24) | 1, u64, name('dev'), toDev],
    ...[name('bpf_mod_kfunc'), 12 << 24, proto],
  ];
  const header = [0x1eb9f, 24, 0, types.length * 4, types.length * 4, text.length];
  return readBtf(
    new Uint8Array([
      ...new Uint8Array(Uint32Array.from([...header, ...types]).buffer),
      ...new TextEncoder().encode(text),
    ]),
    kernel,
  );
}

function compiled(text: string, more: Partial<CompileOptions> = {}) {
  let asked = 0;
  const result = compile(
    { name: 'p.c', text },
    {
      ...KERNEL,
      moduleBtf: () => {
        asked++;
        return [moduleBtf()];
      },
      ...more,
    },
  );
  return { ...result, asked };
}

const PROGRAM = `
BPF_HASH(seen, u32, struct mod_dev);
int kprobe__mod_work(struct pt_regs *ctx, struct mod_dev *dev) {
  struct task_struct *owner = dev->owner;
  u32 pid = owner->pid;
  struct mod_dev copy = {};
  if (dev->state != MOD_UP) return 0;
  copy.id = dev->id;
  seen.update(&pid, &copy);
  return 0;
}`;

describe('types of modules', () => {
  it('are known in C text, those of the kernel in them are the same types', () => {
    const { object, diagnostics } = compiled(PROGRAM);
    expect(diagnostics).toEqual([]);
    const { btf, maps } = object!;
    const value = btf!.type(maps[0]!.valueType);
    expect(value).toMatchObject({ kind: 'struct', name: 'mod_dev', size: 24 });
    expect(value.kind === 'struct' && value.members.map((m) => [m.name, m.bitOffset])).toEqual([
      ['owner', 0],
      ['state', 64],
      ['id', 128],
    ]);
  });

  it('without the module they are not', () => {
    const { diagnostics } = compiled(PROGRAM, { moduleBtf: () => [] });
    expect(diagnostics.map((d) => d.message).join('\n')).toMatch(/mod_dev/);
  });

  it('its kfuncs are called by name', () => {
    const { object, diagnostics } = compiled(`
SEC("tc") int f(struct __sk_buff *skb) { return bpf_mod_kfunc(0); }`);
    expect(diagnostics).toEqual([]);
    expect(object!.progs[0]!.relocs).toEqual([expect.objectContaining({ kind: 'kfunc', name: 'bpf_mod_kfunc' })]);
  });

  it('no module is asked for what a program or the kernel has', () => {
    const { diagnostics, asked } = compiled(`
struct event { u32 pid; char comm[16]; };
BPF_PERF_OUTPUT(events);
int kprobe__vfs_read(struct pt_regs *ctx, struct file *file, char *buf, size_t count) {
  struct event e = {};
  struct local { int x; } l = { 1 };
  e.pid = bpf_get_current_pid_tgid() >> 32;
  if (file->f_mode & 1 && l.x) events.perf_submit(ctx, &e, sizeof(e));
  return 0;
}`);
    expect(diagnostics).toEqual([]);
    expect(asked).toBe(0);
  });
});
