/** bcc Python: USDT probes, functions and symbols of programs, on a program made in memory; and on this machine's own where it has them. */
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { currentSession, setSession } from '../../core/bcc/session.ts';
import { parseUsdtArguments, readArgument } from '../../core/bcc/usdt/operand.ts';
import { BPF, USDT } from '../../core/index.ts';
import type { World } from '../../core/model/workload/workload.ts';
import { world } from './bench.ts';
import { elfImage } from './elf-image.ts';

afterEach(() => setSession(undefined));

const APP = '/opt/usdt-app';
const image = elfImage({
  functions: [
    ['alpha', 0x401010n, 16],
    ['alpha_two', 0x401020n, 16],
    ['alpha_alias', 0x401010n, 16],
    ['beta', 0x401100n, 0],
  ],
  notes: [
    { provider: 'app', name: 'request', address: 0x401040n, args: '-4@%edi 8@16(%rsp) 4@$7 8@%xmm0' },
    { provider: 'app', name: 'two', address: 0x401050n, args: '8@%rsi' },
    { provider: 'app', name: 'two', address: 0x401060n, args: '-8@8(%rdx,%rcx,4)' },
    { provider: 'lib', name: 'request', address: 0x401070n, semaphore: 0x401800n },
  ],
  buildId: Uint8Array.from({ length: 20 }, (_, i) => i + 1),
});

/** A world that has the program as a file. */
function withApp(script?: (w: World) => void, files: Record<string, Uint8Array> = {}) {
  const w = world(script ?? 'connects');
  const { readFile } = currentSession();
  setSession({ ...currentSession(), readFile: (path) => ({ [APP]: image, ...files })[path] ?? readFile!(path) });
  return w;
}

describe('USDT', () => {
  it('probes are listed with their places and arguments [P.init.USDT P.help.usdt_enum]', () => {
    withApp();
    const u = new USDT({ path: APP });
    expect(u.enumerateProbes().map(String)).toEqual([
      'app:request [sema 0x0]',
      'app:two [sema 0x0]',
      'lib:request [sema 0x401800]',
    ]);
    const [request, two] = u.enumerateProbes();
    expect([request!.numArguments, two!.numLocations, String(two!.getLocation(1))]).toEqual([4, 2, `${APP} 0x401060`]);
    expect(String(request!.getLocation(0).getArgument(0))).toBe('4 signed   bytes @ di');
    expect(String(request!.getLocation(0).getArgument(1))).toBe('8 unsigned bytes @ *(sp + 16)');
    expect(u.getProbeArgCtype('app:request', 0)).toBe('int32_t');
    expect(u.getProbeArgCtype('two', 0)).toBe('uint64_t');
    expect(() => new USDT({ path: '/nope' })).toThrow("'/nope' is no program");
    expect(() => new USDT({})).toThrow('a pid or the path');
    expect(() => new USDT({ pid: 2 ** 30 })).toThrow('there is no process');
  });

  it('probes are enabled by name, and run where they stand [P.ev.usdt_enable X.attach_usdt_detach_usdt_*_all P.init.usdt X.init_usdt C.ev.usdt C.data.usdt_readarg_p]', () => {
    const { bpf } = withApp((w) => {
      const t = w.spawn({ comm: 'app', pid: 90 });
      const stack = new Uint8Array(24);
      new DataView(stack.buffer).setBigUint64(16, 0x9000n, true);
      t.pass(`uprobe:${APP}:+${0x1040}`, {
        regs: { di: 0xffffffffn, sp: 0x8000n, ip: 0x401040n },
        memory: [
          [0x8000n, stack],
          [0x9000n, Buffer.from('text\0\0\0\0')],
        ],
      });
      t.pass(`uprobe:${APP}:+${0x1050}`, { regs: { si: 5n, ip: 0x401050n } });
      t.pass(`uprobe:${APP}:+${0x1060}`, {
        regs: { dx: 0xa000n, cx: 2n, ip: 0x401060n },
        memory: [[0xa010n, Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0)]],
      });
    });
    const u = new USDT({ path: APP });
    expect(() => u.enableProbe('request', 'on_request')).toThrow('several providers: app:request, lib:request');
    expect(() => u.enableProbe('requst', 'f')).toThrow('nearest: request');
    u.enableProbe({ probe: 'app:request', fnName: 'on_request' });
    expect(() => u.enableProbe('app:request', 'g')).toThrow("runs 'on_request' already");
    u.enableProbe({ probe: 'two', fn_name: 'on_two' });
    expect(u.getText()).toContain('_bpf_readarg_on_two_1');
    const b = bpf({
      usdtContexts: [u],
      text: `BPF_ARRAY(n, u64, 6);
int on_request(struct pt_regs *ctx) {
  int a = 0, c = 1, d = 2; s32 first = 0; u32 third = 0; char text[8] = {};
  bpf_usdt_readarg(1, ctx, &first);
  bpf_usdt_readarg_p(2, ctx, &text, sizeof(text));
  bpf_usdt_readarg(3, ctx, &third);
  u64 x = -first, y = text[0], z = third; n.update(&a, &x); n.update(&c, &y); n.update(&d, &z);
  return 0;
}
int on_two(struct pt_regs *ctx) { int i = 3; u64 v = 0; bpf_usdt_readarg(1, ctx, &v); n.increment(i, v); return 0; }`,
    });
    expect(b.numOpenUprobes()).toBe(3);
    b.wait();
    expect([...b.getTable<number, bigint>('n').values()]).toEqual([1n, BigInt('t'.charCodeAt(0)), 7n, 11n, 0n, 0n]);
  });

  it('a semaphore is counted up by the kernel, in one process or in all [P.init.ignore_pid]', () => {
    const maps = `00400000-00500000 r-xp 00000000 00:00 1 ${APP}\n`;
    const script = (w: World) => {
      for (const pid of [90, 91]) w.spawn({ comm: 'app', pid }).pass(`uprobe:${APP}:+${0x1070}`, {});
    };
    const run = (attachUsdtIgnorePid: boolean) => {
      const { bpf } = withApp(script, { '/proc/90/maps': Buffer.from(maps) });
      const u = new USDT({ pid: 90 });
      u.enableProbeOrBail({ probe: 'lib:request', fnName: 'f' });
      expect(u.enumerateActiveProbes()).toEqual([
        { binPath: APP, fnName: 'f', address: 0x401070n, pid: 90, refCtrOffset: 0x1800 },
      ]);
      const b = bpf({
        usdtContexts: [u],
        attachUsdtIgnorePid,
        text: 'BPF_ARRAY(n, u64, 1);\nint f(struct pt_regs *ctx) { int z = 0; n.increment(z); return 0; }',
      });
      b.wait();
      return b.getTable<number, bigint>('n').get(0);
    };
    expect([run(false), run(true)]).toEqual([1n, 2n]);
    expect(() => new USDT({ pid: 90 }).enableProbeOrBail('nope', 'f')).toThrow("no USDT probe 'nope'");
  });

  it.each([
    ['-4@%edi', '(int32_t)(ctx->di)'],
    ['1@%ah', '(uint8_t)(ctx->ax >> 8)'],
    ['8@%r10', '(uint64_t)(ctx->r10)'],
    ['2@%r9w', '(uint16_t)(ctx->r9)'],
    ['-8@$-3', '(int64_t)-3LL'],
    ['4@-12(%rbp)', 'ctx->bp + (-12LL)'],
    ['8@(%rax,%rbx,8)', 'ctx->ax + ctx->bx * 8'],
    ['8@%xmm3', '= 0;'],
    ['%rdi', '(uint64_t)(ctx->di)'],
    ['4@counter+8(%rip)', '0x600000ULL + (8LL)'],
    ['4@8+counter(%rip)', '0x600000ULL + (8LL)'],
    ['-4f@%eax', '(int32_t)(ctx->ax)'],
  ])('argument %s is read', (text, code) => {
    const [argument] = parseUsdtArguments(text);
    expect(readArgument(argument!, '*d', (name) => (name === 'counter' ? 0x600000n : undefined))).toContain(code);
  });

  it('arguments that make no sense are refused with their text', () => {
    for (const text of ['3@%rdi', '4@%nope', '4@[x0]', '4@foo(%rax)', '8@(%rax,%xmm0)'])
      expect(() => parseUsdtArguments(text)).toThrow(`USDT argument '${text}'`);
  });

  it.skipIf(!existsSync('/usr/bin/python3') || !readFileSync('/usr/bin/python3').includes('stapsdt'))(
    'probes of this machine’s Python are found',
    () => {
      world();
      const u = new USDT({ path: '/usr/bin/python3' });
      expect(u.enumerateProbes().map((p) => p.shortName())).toContain('python:function__entry');
    },
  );
});

describe('functions of programs', () => {
  it('by pattern, with addresses [P.help.get_user_functions P.help.get_user_addresses P.help.get_user_functions_and_addresses]', () => {
    withApp();
    expect(BPF.getUserFunctions(APP, 'alpha').sort()).toEqual(['alpha', 'alpha_alias', 'alpha_two']);
    expect(BPF.getUserAddresses(APP, 'alpha').sort()).toEqual([0x401010n, 0x401020n]);
    expect(BPF.getUserFunctionsAndAddresses(APP, 'be')).toEqual([['beta', 0x401100n]]);
    expect(() => BPF.getUserFunctions('/nope', '.*')).toThrow('cannot be read');
  });

  it('attached by pattern, each address once, detached together [P.ev.sym_re X.detach_all_uprobes_for_binary]', () => {
    const { bpf } = withApp((w) => {
      const t = w.spawn({ comm: 'app' });
      for (const offset of [0x1010, 0x1020, 0x1100]) t.pass(`uprobe:${APP}:+${offset}`);
    });
    const b = bpf('BPF_ARRAY(n, u64, 1);\nint f(void *ctx) { int z = 0; n.increment(z); return 0; }');
    b.attachUprobe({ name: APP, symRe: 'alpha.*', fnName: 'f' });
    expect(b.numOpenUprobes()).toBe(2);
    expect(() => b.attachUprobe({ name: APP, symRe: 'x', fnName: 'f' })).toThrow('no function of');
    expect(() => b.attachUprobe({ name: APP, sym: 'alpa', fnName: 'f' })).toThrow("did you mean 'alpha'");
    expect(() => b.attachUprobe({ name: APP, addr: 0x10, fnName: 'f' })).toThrow('0x10 is no address of code');
    b.wait();
    expect(b.getTable<number, bigint>('n').get(0)).toBe(2n);
    expect([b.detachAllUprobesForBinary(APP), b.numOpenUprobes(), b.detachAllUprobesForBinary(APP)]).toEqual([2, 0, 0]);
  });

  it('libraries and programs by name [P.help.find_library P.help.find_exe]', () => {
    withApp();
    expect(BPF.findLibrary('c')).toMatch(/^\/.*libc\.so\.6$/);
    expect(BPF.findLibrary('c', process.pid)).toMatch(/libc[.-]/);
    expect([BPF.findLibrary('no-such-lib'), BPF.findExe('no-such-program'), BPF.findExe('/no/such')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(BPF.findExe('sh')).toMatch(/\/sh$/);
  });

  it('names of frames by build id, once the file was named [P.help.add_module X.add_module]', () => {
    withApp();
    BPF.addModule(APP);
    const buildId = Uint8Array.from({ length: 20 }, (_, i) => i + 1);
    expect(BPF.sym({ buildId, offset: 0x1014n }, 1, true, true)).toBe('alpha+0x4 [usdt-app]');
    expect(BPF.sym({ buildId: new Uint8Array(20), offset: 0x1014n }, 1)).toBe('[unknown]');
    expect(() => BPF.addModule('/etc/passwd')).toThrow('no program or library with a build id');
  });

  it('names of addresses in a process, by its mappings and files [P.help.SymbolCache]', () => {
    withApp(undefined, { '/proc/90/maps': Buffer.from(`00401000-00402000 r-xp 00001000 00:00 1 ${APP}\n`) });
    const cache = BPF.SymbolCache(90);
    expect(cache.resolve(0x401018n)).toEqual({ name: 'alpha', offset: 8, module: APP });
    expect(cache.resolveName('usdt-app', 'beta')).toBe(0x401100n);
    expect(cache.resolveName('usdt-app', 'nope')).toBe(-1n);
  });
});
