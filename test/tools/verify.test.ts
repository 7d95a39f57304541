/** `skep verify` and `skep features`: verdicts of C, objects and hex, explanations, and the batch protocol. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { root, SKEP } from './skep.ts';

const folder = mkdtempSync(join(tmpdir(), 'skep-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));
const BTF = join(root, 'data/btf-6.1-x86_64.btf.deflate');

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

const NO_CHECK = `BPF_HASH(counts, u32, u64);
int fine(struct xdp_md *ctx) { return XDP_PASS; }
int kprobe__do_nothing(struct pt_regs *ctx)
{
    u32 key = 1;
    u64 *val = counts.lookup(&key);
    *val += 1;
    return 0;
}
`;
const RETURN_0 = 'b7000000000000009500000000000000';

describe('verify', () => {
  it('explains a missing null check by the name of the variable', () => {
    file('null.c', NO_CHECK);
    const { status, stdout, stderr } = run(['verify', 'null.c', '--btf', BTF]);
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^fine: ok \(2 insns processed\)\nkprobe__do_nothing: refused\nnull\.c:7:\d+: error: `val` may be null/,
    );
    expect(stdout).toContain("verifier: R0 invalid mem access 'map_value_or_null'");
    expect(stdout).toContain('if (!val) return 0;');
    expect(stderr).toMatch(/skep: 1 of 2 programs refused\n$/);
  });

  it('the same from an object, as JSON and with the log', () => {
    file('null.c', NO_CHECK);
    run(['compile', 'null.c', '--btf', BTF, '-o', 'null.o']);
    const { status, stdout } = run(['verify', 'null.o', '-j', '--log', '2', '--kernel', '6.1']);
    expect(status).toBe(1);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ file: 'null.o', kernel: '6.1', ok: false });
    const verdicts = new Map(answer.programs.map((p: { name: string; ok: boolean }) => [p.name, p.ok]));
    expect(verdicts).toEqual(
      new Map([
        ['fine', true],
        ['kprobe__do_nothing', false],
      ]),
    );
    const refused = answer.programs.find((p: { ok: boolean }) => !p.ok);
    expect(refused.error).toMatchObject({
      category: 'null',
      source_line: 'null.c:7',
      explanation: { variable: 'val', at: { line: 7 }, suggestion: expect.stringContaining('if (!val)') },
    });
    expect(refused.log).toMatch(/^\d+: \([0-9a-f]{2}\) /m);
  });

  it("explains a kernel's own log, with the file or alone", () => {
    file('null.c', NO_CHECK);
    const { stdout: log } = run(['verify', 'null.c', '--btf', BTF, '--log', '1']);
    const kernelLog = log.slice(log.indexOf('ok (2 insns'), log.indexOf('kprobe__do_nothing: refused'));
    file('kernel.log', kernelLog.slice(kernelLog.indexOf('\n') + 1));
    const explained = run(['verify', '--kernel-log', 'kernel.log', 'null.c', '--btf', BTF]);
    expect(explained.status).toBe(1);
    expect(explained.stdout).toMatch(/^null\.c:7:5: error: `val` may be null here/);
    expect(explained.stdout).toContain('mend: `if (!val) return 0;` before line 7');
    const alone = JSON.parse(run(['verify', '--kernel-log', '-', '-j'], kernelLog).stdout);
    expect(alone).toMatchObject({ ok: false, explanation: { category: 'null', variable: 'val', at: { line: 7 } } });
    file('other.hex', RETURN_0);
    expect(run(['verify', '--kernel-log', 'kernel.log', 'other.hex', '--type', 'xdp']).stderr).toContain(
      'the log shows other instructions than the programs of other.hex have',
    );
  });

  it('says a thing once: what the compiler foresees, the verifier explains', () => {
    file('once.c', NO_CHECK);
    const { stdout, stderr } = run(['verify', 'once.c', '--btf', BTF]);
    expect(stdout.match(/may be null here/g)).toHaveLength(1);
    expect(stderr).not.toContain('may be null');
    expect(run(['compile', 'once.c', '--btf', BTF, '-o', 'once.o']).stderr).toContain('may be null here');
  });

  it('mends a C file on request', () => {
    file('mend.c', NO_CHECK);
    expect(run(['verify', 'mend.c', '--btf', BTF, '--fix']).stderr).toContain('mend.c: mended, one edit');
    expect(readFileSync(join(folder, 'mend.c'), 'utf8')).toContain('    if (!val) return 0;\n    *val += 1;\n');
    expect(run(['verify', 'mend.c', '--btf', BTF]).status).toBe(0);
  });

  it('applies the lint rule for helpers', () => {
    file('lint.c', 'int f(struct xdp_md *ctx) { return bpf_ktime_get_ns() & 1; }\n');
    const { status, stdout } = run(['verify', 'lint.c', '--btf', BTF, '--only-helpers', 'map_lookup_elem']);
    expect(status).toBe(1);
    expect(stdout).toContain('helper bpf_ktime_get_ns#5 is not on the list of allowed helpers');
    expect(run(['verify', 'lint.c', '--btf', BTF, '--only-helpers', 'ktime_get_ns']).status).toBe(0);
    expect(run(['verify', 'lint.c', '--btf', BTF, '--only-helpers', 'nope']).stderr).toBe(
      "skep: there is no helper 'nope'\n",
    );
  });

  it('takes hex with a type, and wants one', () => {
    file('ret.hex', `${RETURN_0}\n`);
    expect(run(['verify', 'ret.hex', '--type', 'xdp'])).toEqual({
      status: 0,
      stdout: 'ret: ok (2 insns processed)\n',
      stderr: '',
    });
    expect(run(['verify', 'ret.hex']).stderr).toBe(
      "skep: ret.hex: nothing says what type of program 'ret' is; say --type TYPE\n",
    );
    expect(run(['verify', 'ret.hex', '--type', 'xpd']).stderr).toContain("no program type 'xpd'. Did you mean 'xdp'");
    file('empty.hex', '9500000000000000');
    const { status, stdout } = run(['verify', 'empty.hex', '--type', 'xdp', '--log', '1']);
    expect(status).toBe(1);
    expect(stdout).toContain('R0 !read_ok');
  });

  it('applies the rules of another kernel', () => {
    // Loops came with 5.3.
    file('loop.hex', 'b700000000000000070000000100000025000100640000000500fdff000000009500000000000000');
    expect(run(['verify', 'loop.hex', '--type', 'xdp', '--kernel', '6.18']).status).toBe(0);
    const old = run(['verify', 'loop.hex', '--type', 'xdp', '--kernel', '4.18']);
    expect({ status: old.status, says: old.stdout.includes('back-edge') }).toEqual({ status: 1, says: true });
    expect(run(['verify', 'loop.hex', '--type', 'xdp', '--kernel', 'new']).stderr).toBe(
      'skep: --kernel new: a release such as 5.10 or 6.18 is needed\n',
    );
  });

  it('says what is wrong with its input', () => {
    expect(run(['verify', 'none.c']).stderr).toBe("skep: 'none.c' cannot be read (ENOENT)\n");
    expect(run(['verify']).stderr).toBe('skep: which file? (or --batch)\n');
    file('odd.hex', 'b7000');
    expect(run(['verify', 'odd.hex', '--type', 'xdp']).stderr).toMatch(/^skep: odd\.hex: .*odd number of digits/);
    file('bad.o', '\x7fELFjunk');
    expect(run(['verify', 'bad.o']).stderr).toMatch(/^skep: 'bad\.o': malformed ELF file: .*\n$/);
    file('bad.c', 'int f(void *ctx) { return x; }\n');
    expect(run(['verify', 'bad.c'])).toMatchObject({ status: 1, stdout: '' });
  });
});

describe('verify --batch', () => {
  const lookup = '18110000000000000000000000000000b7000000000000009500000000000000';
  const hash = { type: 'hash', key_size: 4, value_size: 8, max_entries: 10 };

  const arena = { type: 'arena', max_entries: 4, flags: 0x400 };

  it('answers each line, whatever it is', () => {
    const questions = [
      JSON.stringify({ id: 1, type: 'xdp', code: RETURN_0, maps: [] }),
      JSON.stringify({ id: 'two', type: 6, code: '9500000000000000', maps: [] }),
      'garbage',
      '',
      '[1]',
      JSON.stringify({ id: 3, type: 'xdp', code: 'zz' }),
      JSON.stringify({ id: 4, type: 'BPF_PROG_TYPE_SOCKET_FILTER', code: lookup, maps: [hash] }),
      JSON.stringify({ id: 5, type: 1, code: lookup, maps: [{ ...hash, type: 1, key_size: 0 }] }),
      JSON.stringify({ id: 6, type: 'tracing', attach: 'fentry/tcp_v4_connect', code: RETURN_0 }),
      JSON.stringify({ id: 7, type: 'tracing', attach: 'fentry/no_such_function', code: RETURN_0 }),
      JSON.stringify({ id: 8, type: 'nope', code: RETURN_0 }),
      JSON.stringify({ id: 9, code: RETURN_0 }),
      JSON.stringify({ id: 10, type: 'xdp', code: '' }),
      JSON.stringify({ id: 11, type: 'xdp', code: RETURN_0, maps: [{ ...hash, max_entries: -1 }] }),
      JSON.stringify({ id: 12, type: 'cgroup_sock_addr', attach: 'cgroup_inet4_connect', code: RETURN_0 }),
      JSON.stringify({ id: 13, type: 'cgroup_sock_addr', code: RETURN_0 }),
      JSON.stringify({ id: 16, type: 'xdp', flags: 0x1008, code: RETURN_0 }),
      JSON.stringify({ id: 17, type: 'xdp', flags: 8, code: RETURN_0 }),
      JSON.stringify({ id: 14, type: 'syscall', flags: 16, code: lookup, maps: [arena] }),
      JSON.stringify({ id: 15, type: 'syscall', flags: 16, code: lookup, maps: [{ ...arena, map_extra: 2 ** 32 }] }),
    ];
    const { status, stdout, stderr } = run(['verify', '--batch', '--btf', BTF], questions.join('\n'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: unknown; ok: boolean; err: string });
    expect(answers.map(({ id, ok }) => [id, ok])).toEqual([
      [1, true],
      ['two', false],
      [null, false],
      [null, false],
      [3, false],
      [4, true],
      [5, false],
      [6, true],
      [7, false],
      [8, false],
      [9, false],
      [10, false],
      [11, false],
      [12, true],
      [13, false],
      [16, false],
      [17, true],
      [14, false],
      [15, true],
    ]);
    const err = (id: unknown) => answers.find((a) => a.id === id)!.err;
    expect(err(1)).toBe('');
    expect(err(16)).toBe('flags has unknown bits: 0x1000');
    expect(err(14)).toBe("arena's user address must be set via map_extra or mmap()");
    expect(err('two')).toBe('R0 !read_ok');
    expect(answers[2]!.err).toMatch(/^not JSON: /);
    expect(err(3)).toMatch(/^code: /);
    expect(err(5)).toMatch(/^maps\[0\] cannot be made: EINVAL/);
    expect(err(8)).toBe('there is no program type "nope"');
    expect(err(9)).toBe('program type is missing');
    expect(err(11)).toBe('maps[0].max_entries is not an unsigned 32-bit number');
  });

  it('answers before the next question comes', async () => {
    const child = spawn(process.execPath, [SKEP, 'verify', '--batch'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (const id of [1, 2, 3]) {
      child.stdin.write(`${JSON.stringify({ id, type: 'xdp', code: RETURN_0 })}\n`);
      expect(JSON.parse((await lines.next()).value!)).toEqual({ id, ok: true, err: '' });
    }
    child.stdin.end();
    expect((await lines.next()).done).toBe(true);
  });
});

describe('features', () => {
  it('names what is there, as text and as JSON', () => {
    const answer = JSON.parse(run(['features', '-j']).stdout);
    expect(answer).toMatchObject({ node: process.version, platform: process.platform });
    const names = answer.features.map((f: { name: string }) => f.name);
    expect(names).toEqual(expect.arrayContaining(['engine jit', 'native addon', 'bpf(2)', 'kernel types (BTF)']));
    for (const f of answer.features) if (!f.available) expect(f.detail).not.toBe('');
    const { stdout } = run(['features']);
    for (const name of names) expect(stdout).toContain(`\n${name}`);
  });
});
