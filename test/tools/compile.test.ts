/** `skep compile`: objects that the system's own tools take, assembly, IR, and what it says about bad input. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bpfUnavailable } from '../../bindings/linux/bpf.ts';
import { readObject } from '../../core/elf/object.ts';
import { mountBpffs } from '../linux/bpffs.ts';
import { has, root, SKEP } from './skep.ts';

const folder = mkdtempSync(join(tmpdir(), 'skep-compile-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Types that every machine has, so that the same is expected everywhere. */
const BTF = join(root, 'data/btf-6.1-x86_64.btf.deflate');
const TCPV4CONNECT = join(root, 'tools/tcpv4connect/tcpv4connect.c');

function run(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SKEP, ...args], {
    input,
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return name;
}

const PLAIN = `u64 entry(u8 *mem, u64 len)
{
	u64 sum = 0;
	for (u64 i = 0; i < len; i++)
		sum += mem[i];
	return sum;
}
`;

const objdump = ['llvm-objdump-19', 'llvm-objdump'].find(
  // Older ones know no .BTF and want DWARF.
  (name) => Number(/version (\d+)/.exec(spawnSync(name, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]) >= 18,
);
const bpftoolProblem = has('bpftool') ? bpfUnavailable() : 'bpftool is not installed';

describe('compile', () => {
  it('makes FILE.o of FILE.c: maps, programs in the sections that loaders know, lines', () => {
    writeFileSync(join(folder, 'tcp.c'), readFileSync(TCPV4CONNECT));
    expect(run(['compile', 'tcp.c', '--btf', BTF])).toEqual({ status: 0, stdout: '', stderr: '' });
    const { maps, progs, license } = readObject(readFileSync(join(folder, 'tcp.o')));
    expect(maps.map((m) => [m.name, m.type, m.keySize, m.valueSize])).toEqual([['connecting', 'hash', 4, 8]]);
    expect(progs.map((p) => [p.section, p.type])).toEqual([
      ['kprobe/tcp_v4_connect', 'kprobe'],
      ['kretprobe/tcp_v4_connect', 'kprobe'],
    ]);
    expect(progs[0]!.relocs).toEqual([{ kind: 'map', insn: expect.any(Number), map: 'connecting' }]);
    expect(progs[1]!.lines.map((l) => `${l.file}:${l.line}: ${l.text.trim()}`)).toContain(
      'tcp.c:18: u32 tid = bpf_get_current_pid_tgid();',
    );
    expect(license).toBe('GPL');
  });

  it.each([
    ['int pass(struct xdp_md *ctx) { return XDP_PASS; }', 'xdp', 'xdp'],
    ['int all(struct __sk_buff *skb) { return 0; }', 'socket', 'socket_filter'],
    ['TRACEPOINT_PROBE(sched, sched_switch) { return args->prev_pid; }', 'tracepoint/sched/sched_switch', 'tracepoint'],
    ['RAW_TRACEPOINT_PROBE(sched_switch) { return 0; }', 'raw_tracepoint/sched_switch', 'raw_tracepoint'],
    ['KFUNC_PROBE(tcp_v4_connect, struct sock *sk) { return 0; }', 'fentry/tcp_v4_connect', 'tracing'],
    ['__attribute__((section("tc"))) int f(struct __sk_buff *skb) { return 0; }', 'tc', 'sched_cls'],
    [PLAIN, '.text', 'unspec'],
  ])('%s', (text, section, type) => {
    file('kind.c', `${text}\n`);
    expect(run(['compile', 'kind.c', '--btf', BTF, '-o', 'kind.o'])).toEqual({ status: 0, stdout: '', stderr: '' });
    const { progs } = readObject(readFileSync(join(folder, 'kind.o')));
    expect(progs.map((p) => [p.section, p.type])).toEqual([[section, type]]);
  });

  it.skipIf(bpftoolProblem !== undefined)(`bpftool loads it${bpftoolProblem ? ` (${bpftoolProblem})` : ''}`, () => {
    file(
      'tracing.c',
      `BPF_HISTOGRAM(dist);\nstatic u64 seen;\nint count(struct xdp_md *ctx) { seen++; dist.increment(3); return XDP_PASS; }\n`,
    );
    const { path, remove } = mountBpffs();
    try {
      for (const [source, pins] of [
        [TCPV4CONNECT, `${path}/tcp`],
        ['tracing.c', `${path}/own`],
      ] as const) {
        expect(run(['compile', source, '-o', 'load.o']).stderr).toBe('');
        const loaded = spawnSync('bpftool', ['prog', 'loadall', 'load.o', pins], { cwd: folder, encoding: 'utf8' });
        expect({ status: loaded.status, stderr: loaded.stderr }).toEqual({ status: 0, stderr: '' });
      }
      expect(existsSync(`${path}/tcp/kretprobe__tcp_v4_connect`)).toBe(true);
      // The kernel has kept the source lines.
      const dump = spawnSync('bpftool', ['prog', 'dump', 'xlated', 'pinned', `${path}/own/count`, 'linum'], {
        encoding: 'utf8',
      });
      expect(dump.stdout).toMatch(/; int count\(struct xdp_md \*ctx\).*\[file:tracing\.c line_num:3/);
    } finally {
      remove();
    }
  });

  it.skipIf(objdump === undefined)('llvm-objdump -S shows the source (LLVM 18 or later)', () => {
    run(['compile', TCPV4CONNECT, '--btf', BTF, '-o', 'source.o']);
    const { stdout } = spawnSync(objdump!, ['-S', 'source.o'], { cwd: folder, encoding: 'utf8' });
    expect(stdout).toMatch(/; +struct sock \*\*skpp = connecting\.lookup\(&tid\);/);
    expect(stdout).toContain('<kretprobe__tcp_v4_connect>:');
  });

  it('-S prints assembly under its source lines', () => {
    expect(run(['compile', '-', '-S', '--btf', BTF], 'int one(struct xdp_md *ctx)\n{\n    return 1;\n}\n')).toEqual({
      status: 0,
      stdout: '; xdp one (section xdp)\none:\n; <stdin>:3: return 1;\n   0: (b4) w0 = 1\n   1: (95) exit\n',
      stderr: '',
    });
    file('plain.c', PLAIN);
    run(['compile', 'plain.c', '-S', '-o', 'plain.s']);
    expect(readFileSync(join(folder, 'plain.s'), 'utf8')).toContain('; plain.c:5: sum += mem[i];\n');
  });

  it('-d prints the IR after a pass, each time it runs, and knows its passes', () => {
    file('plain.c', PLAIN);
    const { status, stdout } = run(['compile', 'plain.c', '-d', 'front', '-d', 'mem2reg', '--btf', BTF]);
    expect(status).toBe(0);
    const headings = stdout.match(/^; IR after .*/gm)!;
    expect(headings[0]).toBe('; IR after front');
    expect(new Set(headings.slice(1))).toEqual(new Set(['; IR after mem2reg']));
    const [front = '', promoted = ''] = stdout.split(/^; IR after mem2reg$/m);
    expect(front).toContain('alloca');
    expect(promoted).toContain('phi');
    expect(promoted).not.toContain('alloca');
    expect(existsSync(join(folder, 'front.o'))).toBe(false);
    expect(run(['compile', 'plain.c', '-d', 'mem2rge']).stderr).toMatch(
      /There is no pass 'mem2rge'; there is: front, .*gvn.*\. Did you mean 'mem2reg'\?/,
    );
  });

  it('-D, -U, -I, --mcpu and --kernel reach the program', () => {
    mkdirSync(join(folder, 'include'), { recursive: true });
    file('include/four.h', '#define FOUR 4\n');
    file('near.h', '#define NEAR 10\n');
    file(
      'flags.c',
      '#include <four.h>\n#include "near.h"\nint f(struct xdp_md *ctx) { return FOUR + NEAR + X + ONE + (LINUX_VERSION_CODE >> 16) * 1000; }\n',
    );
    const flags = ['-I', 'include', '-DX=20', '-D', 'ONE', '--btf', BTF, '--kernel', '5.10', '-S'];
    expect(run(['compile', 'flags.c', ...flags]).stdout).toContain('w0 = 5035\n');
    expect(run(['compile', 'flags.c', ...flags, '--mcpu', 'v1']).stdout).toContain('(b7) r0 = 5035\n');
    expect(run(['compile', 'flags.c', ...flags, '-U', 'ONE']).stderr).toContain("undeclared identifier 'ONE'");
    expect(run(['compile', 'flags.c', '--mcpu', 'v9']).stderr).toContain('v1, v2, v3, v4');
  });

  it('looks for "x.h" beside the file that includes it, for <x.h> in the folders of -I alone, and says where it looked', () => {
    for (const at of ['here', 'here/sub', 'other']) mkdirSync(join(folder, at), { recursive: true });
    file('near.h', '#define NEAR 1\n');
    file('here/near.h', '#define NEAR 2\n');
    file('here/sub/deep.h', '#include "near.h"\n');
    file('here/sub/near.h', '#define NEAR 3\n');
    file('here/a.c', '#include "near.h"\nint f(struct xdp_md *ctx) { return NEAR; }\n');
    file('here/b.c', '#include "sub/deep.h"\nint f(struct xdp_md *ctx) { return NEAR; }\n');
    file('here/c.c', '#include <near.h>\nint f(struct xdp_md *ctx) { return NEAR; }\n');
    file('here/d.c', '#include "gone.h"\n#include <linux/skbuf.h>\n');
    const compiled = (...args: string[]): string => {
      const { stdout, stderr } = run(['compile', ...args, '--btf', BTF, '-S']);
      return `${stderr}${/[rw]0 = (\d+)/.exec(stdout)?.[1] ?? ''}`;
    };
    expect(compiled('here/a.c')).toContain('2');
    expect(compiled('here/b.c')).toContain('3');
    expect(compiled('here/c.c')).toMatch(
      /here\/c\.c:1:10: error: 'near\.h' file not found\n(?:.*\n){2}note: looked for the kernel headers/,
    );
    expect(compiled('here/c.c', '-I', 'other', '-I.')).toContain('1');
    const missing = compiled('here/d.c', '-Iother');
    expect(missing).toContain('note: looked for here/gone.h, other/gone.h, the kernel headers');
    expect(missing).toContain('note: looked for other/linux/skbuf.h, the kernel headers');
    expect(missing).toContain('did you mean <linux/skbuff.h>?');
  });

  it('shows all errors of a text, uncoloured in a pipe, and writes nothing', () => {
    file('bad.c', '#include "none.h"\nint a(void *ctx) { return missing; }\nint b(void *ctx) { return 1 + ; }\n');
    const { status, stdout, stderr } = run(['compile', 'bad.c']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^bad\.c:1:10: error: 'none\.h' file not found$/m);
    expect(stderr).toMatch(/^bad\.c:2:27: error: use of undeclared identifier 'missing'$/m);
    expect(stderr).toMatch(/^bad\.c:3:\d+: error: /m);
    expect(stderr).not.toContain('\x1b');
    expect(existsSync(join(folder, 'bad.o'))).toBe(false);
  });

  it('says in one line what is wrong with a file', () => {
    file('plain.c', PLAIN);
    run(['compile', 'plain.c', '-o', 'plain.o']);
    const refused = (...args: string[]) => {
      const { status, stderr } = run(['compile', ...args]);
      expect(status).toBe(1);
      return stderr;
    };
    expect(refused('nofile.c')).toBe("skep: 'nofile.c' cannot be read (ENOENT)\n");
    expect(refused('.')).toBe("skep: '.' cannot be read (EISDIR)\n");
    expect(refused('plain.c', '-o', 'no/such/plain.o')).toBe("skep: 'no/such/plain.o' cannot be written (ENOENT)\n");
    expect(refused('plain.c', '-o', 'plain.c')).toBe("skep: 'plain.c' is the source: name another file with -o\n");
    expect(refused('-')).toBe('skep: the source is standard input: name the object with -o\n');
    expect(refused('plain.c', '--btf', 'none')).toBe("skep: 'none' cannot be read (ENOENT)\n");
    expect(refused('plain.c', '--btf', 'plain.c')).toBe(
      "skep: 'plain.c' is neither raw BTF nor an ELF file nor deflated BTF\n",
    );
    // Any ELF file with types will do, ours too.
    expect(run(['compile', 'plain.c', '--btf', 'plain.o', '-o', 'again.o'])).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });
});
