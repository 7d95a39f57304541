/**
 * Kprobe programs as fentry and fexit: what they do on the model kernel is the same, the verifier takes them as the kernel would, and what cannot be
 * rewritten says why.
 */
import { describe, expect, it } from 'vitest';
import { asTrampoline, NotRewritable } from '../../bindings/linux/attach/as-trampoline.ts';
import type { Backend, MapHandle, Probe, ProgHandle } from '../../core/backend/backend.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { compile } from '../../core/cc/index.ts';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { insnText } from '../../core/isa/disasm.ts';
import { toInsns } from '../../core/isa/insn.ts';
import type { ObjectSpec, ProgSpec } from '../../core/spec/spec.ts';
import { type VerifyInput, verify } from '../../core/verifier/index.ts';
import { TestKernel } from '../../tools/testing/index.ts';
import { KERNEL } from '../cc/kernel.ts';
import { makeProg } from '../verifier/cases.ts';

const ADDRESS = 0xffffffff81234560n;
const btf = KERNEL.kernelBtf!;

function traced(name: string, atReturn: boolean) {
  const func = btf.type(btf.find(name, 'func')!);
  const proto = func.kind === 'func' ? btf.type(func.type) : func;
  if (proto.kind !== 'func_proto') throw new Error(`${name} is no function`);
  return { name, btf, proto, address: ADDRESS, atReturn };
}

function inputOf(prog: ProgSpec, object: ObjectSpec): VerifyInput {
  return { prog, maps: object.maps, kernelBtf: btf, objectBtf: object.btf };
}

/** The model kernel without kprobes: what is attached as one goes to the trampoline. */
function withoutKprobes(backend: Backend): Backend {
  const loaded = new Map<ProgHandle, readonly [ProgSpec, ObjectSpec, ReadonlyMap<string, MapHandle>]>();
  const mine: Partial<Backend> = {
    load(prog, object, maps) {
      const handle = backend.load(prog, object, maps);
      loaded.set(handle, [prog, object, maps]);
      return handle;
    },
    attach(handle: ProgHandle, probe: Probe) {
      expect(probe.kind).toMatch(/^kretprobe$|^kprobe$/);
      const [prog, object, maps] = loaded.get(handle)!;
      const atReturn = probe.kind === 'kretprobe';
      const other = asTrampoline(inputOf(prog, object), '6.1', traced(probe.target, atReturn));
      expect(verify(inputOf(other, object), { kernel: '6.1' }).error?.message).toBeUndefined();
      return backend.attach(backend.load(other, object, maps), {
        kind: atReturn ? 'kretfunc' : 'kfunc',
        target: probe.target,
      });
    },
  };
  return new Proxy(backend, {
    get(target, name: keyof Backend) {
      const value = mine[name] ?? target[name];
      return typeof value === 'function' && !mine[name] ? value.bind(target) : value;
    },
  });
}

type Call = readonly [name: string, args: Parameters<TestKernel['fire']>[1], ret?: number];

/** What a program writes to `seen` and prints when these functions are called. */
function ran(text: string, calls: readonly Call[], kprobes: boolean): unknown {
  const kernel = new TestKernel();
  const b = new BPF({ text, backend: kprobes ? kernel.backend : withoutKprobes(kernel.backend) });
  for (const [name, args, ret] of calls) kernel.fire(name, args, ret === undefined ? {} : { ret });
  const seen = b.tables().includes('seen') ? kernel.entries(b, 'seen') : [];
  return { seen, messages: kernel.messages() };
}

const SAME: readonly { readonly name: string; readonly text: string; readonly calls: readonly Call[] }[] = [
  {
    name: 'arguments by name: members of a struct read through, a mode of 16 bits',
    text: `BPF_HASH(seen, u32, u64);
int kprobe__vfs_mkdir(struct pt_regs *ctx, struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode) {
  u64 value = dentry->d_name.len; seen.update(&(u32){1}, &value);
  value = mode; seen.update(&(u32){2}, &value);
  value = dir->i_ino; seen.update(&(u32){3}, &value);
  return 7;
}`,
    calls: [['vfs_mkdir', { dentry: { d_name: { len: 11 } }, dir: { i_ino: 77 }, mode: 0o755 }]],
  },
  {
    name: 'registers by number, whole and in part, computed with',
    text: `BPF_HASH(seen, u32, u64);
int kprobe__vfs_read(struct pt_regs *ctx) {
  u64 count = PT_REGS_PARM3(ctx), half = (u32)PT_REGS_PARM3(ctx), byte = (u8)ctx->dx, high = ctx->dx >> 32;
  u64 page = PT_REGS_PARM2(ctx) & ~0xfffULL, low = (u16)ctx->si, pointer = PT_REGS_PARM2(ctx) * 3;
  seen.update(&(u32){1}, &count); seen.update(&(u32){2}, &half); seen.update(&(u32){3}, &byte); seen.update(&(u32){4}, &high);
  seen.update(&(u32){5}, &page); seen.update(&(u32){6}, &low); seen.update(&(u32){7}, &pointer);
  return 0;
}`,
    calls: [['vfs_read', { count: 0x1234567890abcdefn, buf: 0x5555000012345678n }]],
  },
  {
    name: 'pointers to structs as numbers: masked, halved, keys of a table',
    text: `BPF_HASH(seen, u64, u64);
int kprobe__vfs_read(struct pt_regs *ctx, struct file *file) {
  u64 key = (u64)file, low = (u32)(u64)file, bytes = (u64)file & 0xff0, half = (u64)file >> 32, word = (u16)ctx->di;
  u64 none = 0;
  seen.update(&key, &low); seen.update(&bytes, &half); seen.update(&none, &word);
  return 0;
}`,
    calls: [['vfs_read', { file: { f_mode: 3 } }]],
  },
  {
    name: 'what is kept at the entry is found at the return, with what the function gave',
    text: `BPF_HASH(begun, u32, struct sock *); BPF_HASH(seen, u32, u64);
int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk) {
  u32 pid = bpf_get_current_pid_tgid(); begun.update(&pid, &sk); return 0;
}
int kretprobe__tcp_v4_connect(struct pt_regs *ctx) {
  u32 pid = bpf_get_current_pid_tgid(); int ret = PT_REGS_RC(ctx);
  struct sock **sk = begun.lookup(&pid);
  if (sk == 0) return 0;
  u64 port = (*sk)->__sk_common.skc_dport;
  bpf_trace_printk("%d %d", ret, port);
  if (ret != 0) { begun.delete(&pid); return 1; }
  seen.update(&pid, &port);
  return 0;
}`,
    calls: [
      ['tcp_v4_connect', { sk: { __sk_common: { skc_dport: 80 } } }, -111],
      ['tcp_v4_connect', { sk: { __sk_common: { skc_dport: 443 } } }, 0],
    ],
  },
  {
    name: 'a function of the program that is not inlined, and a loop',
    text: `BPF_HASH(seen, u32, u64);
static __attribute__((noinline)) u64 third(struct pt_regs *ctx) { return PT_REGS_PARM3(ctx) + 1; }
int kprobe__vfs_read(struct pt_regs *ctx) {
  u64 sum = 0;
  for (int i = 0; i < 10; i++) { sum += third(ctx); if (sum > 35) return 2; seen.update(&i, &sum); }
  return 0;
}`,
    calls: [['vfs_read', { count: 4 }]],
  },
  {
    name: 'the address of the function by bpf_get_func_ip',
    text: `BPF_HASH(seen, u64, u64);
int kprobe__vfs_read(struct pt_regs *ctx) { u64 ip = bpf_get_func_ip(ctx), one = 1; seen.update(&ip, &one); return 0; }`,
    calls: [['vfs_read', {}]],
  },
];

describe('a kprobe program at the trampoline', () => {
  it.each(SAME)('does the same: $name', ({ text, calls }) => {
    const expected = ran(text, calls, true);
    expect(expected).not.toEqual({ seen: [], messages: [] });
    expect(ran(text, calls, false)).toEqual(expected);
  });

  const KINDS = { kprobe: false, kretprobe: true } as const;
  function rewrite(kind: keyof typeof KINDS, name: string, text: string): { was: ProgSpec; is: ProgSpec } {
    const insns = assemble(text, { helper: (n) => helperByName(n)?.id });
    const was = makeProg({ name: 'p', type: 'kprobe', attach: undefined, target: undefined, license: 'GPL', insns });
    const is = asTrampoline({ prog: was, maps: [], kernelBtf: btf }, '6.1', traced(name, KINDS[kind]));
    expect(verify({ prog: is, maps: [], kernelBtf: btf }, { kernel: '6.1' }).error?.message).toBeUndefined();
    return { was, is };
  }
  const lines = (p: ProgSpec) => toInsns(p.insns).map((i) => insnText(i).slice(5));

  it('a load of a register becomes one of its argument, as wide as that is defined; jumps find their way', () => {
    const { is } = rewrite(
      'kprobe',
      'vfs_mkdir',
      `r6 = *(u64 *)(r1 + 88)
       if r6 == 0 goto out
       r2 = *(u32 *)(r1 + 96)
       r3 = *(u8 *)(r1 + 90)
       r4 = *(u64 *)(r1 + 128)
       out: r0 = r6
       exit`,
    );
    expect(lines(is)).toEqual([
      'r6 = *(u16 *)(r1 +24)', // umode_t mode
      'if r6 == 0x0 goto pc+7',
      'r2 = *(u64 *)(r1 +16)', // struct dentry *dentry: a number of 32 bits
      'r2 = -r2',
      'r2 = -r2',
      'w2 = w2',
      'r3 = 0', // behind the mode's two bytes there is nothing
      `r4 = 0x${(ADDRESS + 1n).toString(16)}`,
      'r0 = r6',
      'r0 = 0',
      'exit',
    ]);
    expect(is).toMatchObject({
      type: 'tracing',
      attachType: 'trace_fentry',
      attach: { kind: 'kfunc', target: 'vfs_mkdir' },
    });
  });

  it('the returned value stands behind the arguments', () => {
    const { is } = rewrite('kretprobe', 'vfs_read', 'r0 = *(u64 *)(r1 + 80)\nexit');
    expect(lines(is)).toEqual(['r0 = *(u64 *)(r1 +32)', 'r0 = 0', 'exit']);
    expect(is.attachType).toBe('trace_fexit');
  });

  it('stacks begin at the function: frames of BPF are skipped', () => {
    const text = `BPF_STACK_TRACE(stacks, 64);
int kprobe__vfs_read(struct pt_regs *ctx) {
  bpf_trace_printk("%d %d", stacks.get_stackid(ctx, 3), stacks.get_stackid(ctx, BPF_F_USER_STACK));
  return 0;
}`;
    const object = compile({ name: 'p.c', text }, KERNEL).object!;
    const is = asTrampoline(inputOf(object.progs[0]!, object), '6.1', traced('vfs_read', false));
    expect(verify(inputOf(is, object), { kernel: '6.1' }).ok).toBe(true);
    expect(lines(is).filter((line) => /r3 (=|\+=)/.test(line))).toEqual(['r3 = 3', 'r3 += 2', 'r3 = 256']);
    // Relocations stay with their instructions.
    for (const { insn } of is.relocs) expect(is.insns[insn * 8]).toBe(0x18);
  });

  const REFUSED: readonly (readonly [kind: keyof typeof KINDS, name: string, text: string, why: RegExp])[] = [
    ['kprobe', 'vfs_mkdir', 'r0 = *(u64 *)(r1 + 72)\nexit', /^reads argument 5 of vfs_mkdir, which has 4$/],
    ['kprobe', 'vfs_read', 'r0 = *(u64 *)(r1 + 152)\nexit', /^reads register sp, which a trampoline does not tell$/],
    ['kprobe', 'vfs_read', 'r0 = *(u64 *)(r1 + 80)\nexit', /^reads register ax/],
    ['kretprobe', 'vfs_read', 'r0 = *(u64 *)(r1 + 112)\nexit', /^reads register di, which holds no argument any more/],
    ['kretprobe', 'vfs_read', 'r0 = *(u64 *)(r1 + 128)\nexit', /^reads register ip/],
    [
      'kprobe',
      'vfs_read',
      'r3 = r1\nr3 += 112\nr1 = r10\nr1 += -8\nr2 = 8\ncall probe_read_kernel\nr0 = 0\nexit',
      /^gives the address of its registers to bpf_probe_read_kernel$/,
    ],
    [
      'kprobe',
      'vfs_read',
      'r2 = 0\nr2 -= r1\nr0 = 0\nexit',
      /^computes with the address of its context$|refused as it is/,
    ],
    ['kprobe', 'vfs_read', 'r2 = 1\ncall override_return\nr0 = 0\nexit', /^changes what the function returns/],
  ];
  it.each(REFUSED)('%s of %s that cannot be: %s', (kind, name, text, why) => {
    expect(() => rewrite(kind, name, text)).toThrow(NotRewritable);
    expect(() => rewrite(kind, name, text)).toThrow(why);
  });
});
