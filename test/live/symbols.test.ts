/** Names of addresses: the kernel's, a process's own and its libraries', code that a JIT made; and why there is none. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addon } from '../../bindings/addon/index.ts';
import { binaryFile } from '../../bindings/linux/symbols/binary-file.ts';
import { demangle } from '../../bindings/linux/symbols/demangle.ts';
import { findLibrary, findProgram } from '../../bindings/linux/symbols/find-binary.ts';
import { Kallsyms } from '../../bindings/linux/symbols/kallsyms.ts';
import { PerfMap } from '../../bindings/linux/symbols/perf-map.ts';
import { executableRanges, ProcessSymbols } from '../../bindings/linux/symbols/process-symbols.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { afterwards, compileC, liveBackend, noCommand, noKernel, noUprobes, scratch, title } from './machine.ts';

describe('kallsyms', () => {
  const text = [
    'ffffffff81000000 T _stext',
    'ffffffff81000000 T startup_64',
    'ffffffff81000100 t helper.isra.0',
    'ffffffff81000100 T helper_alias',
    'ffffffffc0000040 t in_module\t[veth]',
    'ffffffff81000200 D some_data',
  ].join('\n');
  const symbols = new Kallsyms(Buffer.from(`${text}\n`));

  it('finds the first name of a place, its distance and its module', () => {
    expect(symbols.at(0xffffffff81000008n)).toEqual({ name: '_stext', offset: 8, module: 'kernel' });
    expect(symbols.at(0xffffffff81000101n)).toEqual({ name: 'helper.isra.0', offset: 1, module: 'kernel' });
    expect(symbols.at(0xffffffffc0000044n)).toEqual({ name: 'in_module', offset: 4, module: 'veth' });
    expect(symbols.at(0x1000n)).toBeUndefined();
    expect(symbols.address('startup_64')).toBe(0xffffffff81000000n);
    expect([...symbols.functions()]).toEqual(['_stext', 'startup_64', 'helper.isra.0', 'helper_alias', 'in_module']);
    expect(symbols.hidden).toBe(false);
    expect(new Kallsyms(Buffer.from('0000000000000000 T _stext\n')).hidden).toBe(true);
  });
});

describe('perf map files', () => {
  it('later lines win, and a file may grow', () => {
    const path = join(scratch(), 'perf-1.map');
    writeFileSync(path, '1000 100 first\n1000 80 second\n2000 10 ');
    const map = new PerfMap(path);
    expect(map.at(0x1010)).toEqual({ name: 'second', offset: 0x10 });
    expect(map.at(0x1090)).toEqual({ name: 'first', offset: 0x90 });
    expect(map.at(0x2001)).toBeUndefined();
    writeFileSync(path, '1000 100 first\n1000 80 second\n2000 10 LazyCompile:*f x.js:1\n');
    expect(map.at(0x2001)).toEqual({ name: 'LazyCompile:*f x.js:1', offset: 1 });
  });
});

const noAddon = addon()?.sys ? undefined : 'no native addon';
describe.skipIf(noAddon)(title('names of languages', noAddon), () => {
  it.each([
    ['_ZNSt6vectorIiSaIiEE9push_backEOi', 'std::vector<int, std::allocator<int> >::push_back(int&&)'],
    ['_ZN4core3fmt9Formatter3pad17h0123456789abcdefE', 'core::fmt::Formatter::pad'],
    [
      '_ZN58_$LT$alloc..string..String$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE',
      '<alloc::string::String as core::fmt::Debug>::fmt',
    ],
    ['_RNvCs1234_7mycrate4main', 'mycrate::main'],
    ['_Rmalformed', '_Rmalformed'],
    ['_Zmalformed', '_Zmalformed'],
    ['main', 'main'],
  ])('%s', (mangled, text) => {
    expect(demangle(mangled)).toBe(text);
  });
});

const noLinux = process.platform === 'linux' ? noAddon : 'not Linux';
it('what hides kernel addresses is said', () => {
  const line = 'ffffffff81000000 T _text\nffffffff81000100 T one\n';
  const shown = new Kallsyms(Buffer.from(line));
  expect([shown.why(0xffffffff81000105n), shown.why(8n)]).toEqual([undefined, 'no function of the kernel lies there']);
  const hidden = new Kallsyms(Buffer.from(line.replace(/ffffffff81000.00/g, '0'.repeat(16))));
  expect(hidden.why(0xffffffff81000105n)).toMatch(/^\/proc\/kallsyms shows no addresses: kernel.kptr_restrict/);
});

describe.skipIf(noLinux)(title('processes', noLinux), () => {
  it('a library by its bare name, a program by PATH [P.help.find_library P.help.find_exe]', () => {
    expect(findLibrary('c')).toMatch(/\/libc\.so\.6$/);
    expect(findLibrary('c', process.pid)).toMatch(/\/libc\.so\.6$/);
    expect(findLibrary('nosuchthing')).toBeUndefined();
    expect(findProgram('sh')).toMatch(/\/sh$/);
  });

  it('functions of libraries there and back, the vdso, and why not [P.help.SymbolCache]', () => {
    const own = new ProcessSymbols(process.pid);
    const malloc = own.address('libc', 'malloc')!;
    expect(own.at(malloc + 3n)).toMatchObject({
      name: expect.stringMatching(/malloc$/),
      offset: 3,
      module: expect.stringContaining('libc'),
    });
    const vdso = executableRanges(`7ffd000-7fff000 r-xp 00000000 00:00 0      [vdso]\n`);
    expect(vdso).toEqual([{ start: 0x7ffd000, end: 0x7fff000, offset: 0, path: '[vdso]' }]);
    expect(own.why(8n)).toBe('no executable memory lies there');
    expect(own.why(malloc)).toBeUndefined();
  });
});

const noCompiler = noLinux ?? noCommand('cc') ?? noCommand('strip');
describe.skipIf(noCompiler)(title('files', noCompiler), () => {
  it('symbols of a stripped program come from its debug file', () => {
    const program = compileC('int known(void) { return 1; }\nint main(void) { return known(); }');
    const offset = binaryFile(program).functionOffset('known');
    execFileSync('objcopy', ['--only-keep-debug', program, `${program}.debug`]);
    execFileSync('strip', [program]);
    expect(() => binaryFile(program).functionOffset('known')).toThrow(/no function 'known'/);
    execFileSync('objcopy', [`--add-gnu-debuglink=${program}.debug`, program]);
    expect(binaryFile(program).functionOffset('known')).toBe(offset);
  });

  const noProbes = noUprobes ?? noCommand('objcopy');
  it.skipIf(noProbes)(
    title('probes and patterns find functions in it too, and believe no other build', noProbes),
    () => {
      const text = 'int known(void) { return 1; }\nint main(void) { return known(); }';
      const [program, other] = [compileC(text, ['-Wl,--build-id']), compileC(`${text}\nint more;`, ['-Wl,--build-id'])];
      const address = BigInt(binaryFile(program).address('known')!);
      execFileSync('objcopy', ['--only-keep-debug', program, `${program}.debug`]);
      execFileSync('strip', [program]);
      execFileSync('objcopy', [`--add-gnu-debuglink=${program}.debug`, program]);
      liveBackend();
      expect(BPF.getUserFunctionsAndAddresses(program, 'known$')).toEqual([['known', address]]);
      const b = new BPF({ text: 'int f(void *ctx) { return 0; }' });
      b.attachUprobe({ name: program, sym: 'known', fnName: 'f' });
      execFileSync('objcopy', ['--only-keep-debug', other, `${other}.debug`]);
      execFileSync('strip', [other]);
      execFileSync('objcopy', [`--add-gnu-debuglink=${other}.debug`, other]);
      execFileSync('cp', [`${program}.debug`, `${other}.debug`]);
      expect(() => b.attachUprobe({ name: other, sym: 'known', fnName: 'f' })).toThrow(
        /has no symbol 'known': its symbol tables were stripped, and no debug file is installed/,
      );
      expect(() => binaryFile(other).functionOffset('known')).toThrow(/no function 'known'/);
    },
  );

  it('a process that became another program has the names of that', async () => {
    // Not position independent: both have their code at the same addresses.
    const flags = ['-no-pie', '-O0'];
    const after = compileC(
      '#include <unistd.h>\nint second(void) { return pause(); } int main(void) { return second(); }',
      flags,
    );
    const before = compileC(
      `#include <unistd.h>
       int first(void) { char c; return read(0, &c, 1); } int main(void) { first(); return execl("${after}", "after", (char *)0); }`,
      flags,
    );
    const child = spawn(before, { stdio: ['pipe', 'ignore', 'inherit'] });
    afterwards(() => void child.kill('SIGKILL'));
    const address = BigInt(binaryFile(before).address('first')!);
    const own = new ProcessSymbols(child.pid!);
    expect(own.at(address)?.name).toBe('first');
    child.stdin.end('x');
    while (!readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith('after'))
      await new Promise((later) => setTimeout(later, 1));
    expect(own.at(BigInt(binaryFile(after).address('second')!))?.name).toBe('second');
  });
});

describe.skipIf(noKernel)(title('a profile', noKernel), () => {
  it('of a busy Node process names its JavaScript functions', async () => {
    const folder = scratch();
    const script = join(folder, 'busy.mjs');
    writeFileSync(
      script,
      `function busyFunctionOfTheTest(n) { let x = 0; for (let i = 0; i < n; i++) x = (x * 31 + i) % 1000003; return x; }
       console.log('ready'); for (;;) busyFunctionOfTheTest(3e6);`,
    );
    const child = spawn(process.execPath, ['--perf-basic-prof', '--interpreted-frames-native-stack', script], {
      // V8 leaves a log where it runs.
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    afterwards(() => {
      child.kill('SIGKILL');
      rmSync(`/tmp/perf-${child.pid}.map`, { force: true });
    });
    await new Promise((ready) => child.stdout.once('data', ready));
    const { backend } = liveBackend();
    const b = new BPF({
      text: `
        BPF_HASH(counts, int, u64);
        BPF_STACK_TRACE(stacks, 4096);
        int sample(struct bpf_perf_event_data *ctx) {
            if (bpf_get_current_pid_tgid() >> 32 != ${child.pid}) return 0;
            int id = stacks.get_stackid(&ctx->regs, BPF_F_USER_STACK);
            if (id >= 0) counts.increment(id);
            return 0;
        }`,
    });
    b.attachPerfEvent({ evType: 1, evConfig: 0, fnName: 'sample', sampleFreq: 499 });
    const counts = b.getTable<number, bigint>('counts');
    const stacks = b.getTable('stacks');
    const names = new Set<string>();
    for (let tries = 0; tries < 40 && ![...names].some((name) => name.includes('busyFunctionOfTheTest')); tries++) {
      await new Promise((later) => setTimeout(later, 50));
      for (const [id] of counts.items())
        for (const address of stacks.walk(id)) {
          const symbol = backend.userSymbol(child.pid!, address);
          names.add(symbol?.name ?? `[unknown: ${backend.whyUnknown(child.pid!, address)}]`);
        }
    }
    expect([...names].find((name) => name.includes('busyFunctionOfTheTest'))).toMatch(
      /JS:.*busyFunctionOfTheTest.*busy\.mjs/,
    );
  });

  it('kernel functions of a stack [P.help.ksymname]', () => {
    const { backend } = liveBackend();
    const address = backend.ksymAddress('vfs_read');
    expect(address).toBeDefined();
    expect(backend.ksym(address! + 5n)).toEqual({ name: 'vfs_read', offset: 5, module: 'kernel' });
  });
});
