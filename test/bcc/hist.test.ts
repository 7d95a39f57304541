/** Histograms against what BCC's own Python prints, character for character, where python3 can import its bcc.table. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { linearHistLines, log2HistLines, pythonText, stars } from '../../core/base/text.ts';
import { jsonLines } from '../../core/bcc/hist.ts';
import { setSession } from '../../core/bcc/session.ts';
import { bench } from './model.ts';

afterEach(() => setSession(undefined));

/** Numbers whose histograms are compared: slots in order. */
const CASES: Record<string, readonly bigint[]> = {
  one: [0n, 1n],
  zeroSlotOnly: [5n],
  empty: [],
  small: [0n, 3n, 0n, 7n, 100n, 2n],
  gap: [0n, 0n, 0n, 0n, 9n, 0n, 1n],
  thirtyTwo: Array.from({ length: 33 }, (_, i) => BigInt(i * i)),
  thirtyThree: Array.from({ length: 34 }, (_, i) => BigInt(1000 - i)),
  all: Array.from({ length: 65 }, (_, i) => 1n << BigInt(i % 40)),
  huge: [0n, 1n, 0xffffffffffffffffn, 0x8000000000000000n, 123456789n],
  thirds: [0n, 1n, 2n, 3n],
  forty: [0n, 39n, 40n, 1n, 20n],
};

/** The library that bcc.table loads is not needed for printing: anything stands for it. */
const STUB = `
import sys, types
from unittest.mock import MagicMock
fake = types.ModuleType('bcc.libbcc')
fake.__getattr__ = lambda name: MagicMock()
import ctypes as ct
for name in ('_RAW_CB_TYPE', '_LOST_CB_TYPE', '_RINGBUF_CB_TYPE'): setattr(fake, name, ct.CFUNCTYPE(None))
sys.modules['bcc.libbcc'] = fake
import importlib.util, os
for path in sys.path:
    init = os.path.join(path, 'bcc', '__init__.py')
    if os.path.exists(init):
        pkg = types.ModuleType('bcc'); pkg.__path__ = [os.path.dirname(init)]; sys.modules['bcc'] = pkg; break
`;

/** Directory whose bcc/table.py can be imported without libbcc, or undefined. */
const python = findPython();

function findPython(): string | undefined {
  const importable = (path: string) =>
    spawnSync('python3', ['-c', `${STUB}\nimport bcc.table`], { env: { ...process.env, PYTHONPATH: path } }).status ===
    0;
  if (importable('')) return '';
  const dir = mkdtempSync(join(tmpdir(), 'skep-bcc-'));
  const got = spawnSync('sh', ['-c', 'apt-get download python3-bpfcc && dpkg -x python3-bpfcc_*.deb .'], {
    cwd: dir,
    timeout: 60_000,
  });
  if (got.status !== 0) return undefined;
  const path = join(dir, 'usr/lib/python3/dist-packages');
  return existsSync(join(path, 'bcc')) && readdirSync(join(path, 'bcc')).includes('table.py') && importable(path)
    ? path
    : undefined;
}

const list = (numbers: readonly bigint[]) => `[${numbers.join(',')}]`;
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');

/** What BCC prints for each case: log2, log2 stripped, linear, linear stripped, JSON. One python for all of them: each start takes a while. */
function bccPrints(): Map<string, string[]> {
  const cases = Object.entries(CASES).map(([name, counts]) => `'${name}': ${list(counts)}`);
  const program = `${STUB}
import io, json, contextlib
from bcc import table as t
t.strftime = lambda f: '2024-02-03 04:05:06'
def said(f):
    out = io.StringIO()
    with contextlib.redirect_stdout(out): f()
    return out.getvalue()
print(json.dumps({name: [
    said(lambda: t._print_log2_hist(v, 'usecs', False)), said(lambda: t._print_log2_hist(v, 'usecs', True)),
    said(lambda: t._print_linear_hist(v, 'depth', False)), said(lambda: t._print_linear_hist(v, 'depth', True)),
    said(lambda: t._print_json_hist(v, 'usecs', ('disk', b"it's")))]
    for name, v in {${cases.join(', ')}}.items()}))`;
  const run = spawnSync('python3', ['-c', program], { encoding: 'utf8', env: { ...process.env, PYTHONPATH: python } });
  if (run.status !== 0) throw new Error(run.stderr);
  return new Map(Object.entries(JSON.parse(run.stdout) as Record<string, string[]>));
}

describe.skipIf(python === undefined)(
  `histograms beside BCC's Python${python === undefined ? ' (python3-bpfcc cannot be had here)' : ''}`,
  () => {
    const theirs = python === undefined ? new Map<string, string[]>() : bccPrints();

    it.each(Object.entries(CASES))('%s', (name, counts) => {
      const table = {
        name: 'dist',
        keyIsStruct: true,
        entries: () => counts.map((count, slot) => [{ disk: "it's", slot }, count] as const),
      };
      const [log2, log2Strip, linear, linearStrip, json] = theirs.get(name)!;
      expect(text(log2HistLines(counts, 'usecs', false))).toBe(log2);
      expect(text(log2HistLines(counts, 'usecs', true))).toBe(log2Strip);
      expect(text(linearHistLines(counts, 'depth', false))).toBe(linear);
      expect(text(linearHistLines(counts, 'depth', true))).toBe(linearStrip);
      // A table with sections prints none when it is empty.
      const ours = jsonLines(table, ['usecs', 'disk'], new Date(2024, 1, 3, 4, 5, 6));
      expect(text(ours)).toBe(counts.length === 0 ? '' : json);
    });
  },
);

describe('values as Python prints them', () => {
  it('quotes and escapes', () => {
    expect(pythonText({ a: ['x', "it's", 'say "it\'s"', 'é\n\x01'], b: true, c: null, d: 1n })).toBe(
      `{'a': ['x', "it's", 'say "it\\'s"', 'é\\n\\x01'], 'b': True, 'c': None, 'd': 1}`,
    );
    expect(pythonText(new Uint8Array([97, 0, 255]))).toBe("b'a\\x00\\xff'");
  });
  it('draws bars of whole stars', () => {
    expect([stars(0n, 5n, 40), stars(5n, 5n, 40), stars(1n, 3n, 4), stars(1n, 0n, 4)]).toEqual([
      '',
      '*'.repeat(40),
      '*',
      '',
    ]);
  });
});

const SIZES = `
struct key { char comm[16]; u64 slot; };
BPF_HISTOGRAM(flat);
BPF_HISTOGRAM(by_comm, struct key);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  struct key k = {};
  bpf_get_current_comm(&k.comm, sizeof(k.comm));
  k.slot = bpf_log2l(bpf_get_current_pid_tgid() >> 32);
  by_comm.increment(k);
  flat.increment(bpf_log2l(bpf_get_current_pid_tgid() >> 32));
  return 0;
}`;

describe('tables as histograms', () => {
  it('print whole, and by section with the functions given', () => {
    const { bpf, printed } = bench('connects');
    const b = bpf(SIZES);
    b.wait();
    b.getTable('flat').printLog2Hist('pids');
    expect(printed).toEqual(log2HistLines([...Array(10).fill(0n), 5n], 'pids'));
    printed.length = 0;
    b.getTable('by_comm').printLog2Hist({
      val_type: 'pids',
      section_header: 'comm',
      section_print_fn: (comm: string) => comm.toUpperCase(),
      bucket_sort_fn: (buckets) => [...buckets].sort().reverse(),
      strip_leading_zero: true,
    });
    expect(printed.filter((line) => line.startsWith('comm'))).toEqual(['comm = CURL', 'comm = CLIENT']);
    expect(printed[3]).toBe('       512 -> 1023       : 3        |****************************************|');
    expect(printed).toHaveLength(8);
    printed.length = 0;
    b.getTable('by_comm').printLog2Hist('pids', 'comm', (comm: string) => `<${comm}>`);
    b.getTable('by_comm').printLog2Hist('pids', { section_header: 'who', section_print_fn: (comm: string) => comm[0] });
    expect(printed.filter((line) => /^(comm|who) = /.test(line)).sort()).toEqual([
      'comm = <client>',
      'comm = <curl>',
      'who = c',
      'who = c',
    ]);
    expect(() => b.getTable('by_comm').printLog2Hist(...(['a', 'b', String, String, true] as never))).toThrow(
      'by position',
    );
    printed.length = 0;
    b.getTable('by_comm').printLog2Hist('pids', 'comm');
    expect(printed.filter((line) => line.startsWith('comm')).sort()).toEqual(["comm = b'client'", "comm = b'curl'"]);
    printed.length = 0;
    b.getTable('flat').printLinearHist('slot');
    expect(printed).toHaveLength(12);
    b.getTable('flat').printJsonHist('pids');
    expect(printed.at(-1)).toContain("'interval-start': 512, 'interval-end': 1023, 'count': 5}]}");
  });

  it('refuse slots that no histogram has, by table', () => {
    const b = bench('connects').bpf('BPF_HASH(t, u32); struct k { u32 a; }; BPF_HASH(s, struct k);');
    const t = b.getTable('t');
    t.set(65, 1n);
    expect(() => t.printLog2Hist()).toThrow("table 't': 65 is no slot of a histogram; slots go from 0 to 64");
    const s = b.getTable('s');
    s.set({ a: 1 }, 1n);
    expect(() => s.printLog2Hist()).toThrow("table 's': a histogram's key is a slot, or a struct of section and slot");
  });
});
