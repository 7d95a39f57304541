import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { shippedBtfBytes } from '../../bindings/node/shipped-btf.ts';
import toolText from '../../tools/tcpv4connect/tcpv4connect.c';
import { RECORDING, root, rows, skep, temporary, tracingProblem } from './skep.ts';

describe('the shipped recording', () => {
  it('gives the same bytes in TypeScript, in Lua, and every time', () => {
    const ts = skep(['tcpv4connect', '--replay', RECORDING]);
    expect(ts).toMatchObject({ status: 0, stderr: '' });
    expect(rows(ts.stdout).length).toBe(4);
    expect(skep(['tcpv4connect', '--replay', RECORDING]).stdout).toBe(ts.stdout);
    const lua = skep(['run', '--replay', RECORDING, join(root, 'tools/tcpv4connect/tcpv4connect.lua')]);
    expect(lua).toMatchObject({ status: 0, stderr: '', stdout: ts.stdout });
  });

  it('says hello alike in both languages', () => {
    const ts = skep(['hello', '--replay', RECORDING]);
    expect(ts.status).toBe(0);
    expect(ts.stdout).toMatch(/^ {12}node-\d+ +\[\d{3}\] \S{5} +\d+\.\d{6}: bpf_trace_printk: Hello, World!\n/);
    expect(skep(['run', '--replay', RECORDING, join(root, 'tools/hello/hello.lua')])).toMatchObject({
      status: 0,
      stdout: ts.stdout,
    });
  });

  it('runs in a bare worker from a bundle of core alone', async () => {
    const result = await build({
      entryPoints: [join(root, 'core/index.ts')],
      bundle: true,
      platform: 'neutral',
      format: 'iife',
      globalName: 'skep',
      write: false,
      logLevel: 'silent',
    });
    const program = `
      const backend = skep.createModel({ btf: input.btf, replay: input.recording, release: '6.1.0' });
      const lines = [];
      const b = new skep.BPF({ text: input.text, backend });
      for (const { pid, task, msg } of b.traceFields()) lines.push([pid, task, ...msg.split(' ').slice(1)].join(' '));
      b.close();
      output(lines);`;
    // A context of its own has the language and WebAssembly, and nothing of Node.
    const host = `
      const { workerData, parentPort } = require('node:worker_threads');
      const vm = require('node:vm');
      const context = vm.createContext({ input: workerData, output: (lines) => parentPort.postMessage([...lines]) });
      if (vm.runInContext("typeof process + typeof Buffer + typeof require + typeof TextDecoder", context).includes('object')) throw new Error('not bare');
      vm.runInContext(workerData.bundle + workerData.program, context, { filename: 'bundle.js' });`;
    const workerData = {
      bundle: result.outputFiles[0]!.text,
      program,
      btf: shippedBtfBytes(),
      recording: readFileSync(RECORDING, 'utf8'),
      text: toolText,
    };
    const lines = await new Promise<string[]>((done, fail) => {
      new Worker(host, { eval: true, workerData }).once('message', done).once('error', fail);
    });
    const dotted = (hex: string) => [0, 8, 16, 24].map((s) => (Number.parseInt(hex, 16) >>> s) & 255).join('.');
    const shown = lines.map((line) => {
      const [pid, comm, saddr, daddr, dport] = line.split(' ') as [string, string, string, string, string];
      return { pid: Number(pid), comm, saddr: dotted(saddr), daddr: dotted(daddr), dport: Number(dport) };
    });
    expect(shown).toEqual(rows(skep(['tcpv4connect', '--replay', RECORDING]).stdout));
  });

  it.skipIf(tracingProblem !== undefined)('is what --record writes: a fresh one replays to the same lines', () => {
    const file = join(temporary(), 'rec.jsonl');
    const live = skep([
      'tcpv4connect',
      '--record',
      file,
      '--',
      process.execPath,
      join(root, 'tools/demo/connects.mjs'),
    ]);
    expect(live.status).toBe(0);
    const again = skep(['tcpv4connect', '--replay', file]);
    expect(again).toMatchObject({ status: 0, stdout: live.stdout });
  });

  it('cut anywhere is one clear error, and nothing is printed', () => {
    const whole = readFileSync(RECORDING, 'utf8');
    const file = join(temporary(), 'cut.jsonl');
    for (const at of [0, 1, 40, whole.length >> 1, whole.length - 2, whole.lastIndexOf('\n', whole.length - 2) + 1]) {
      writeFileSync(file, whole.slice(0, at));
      const run = skep(['tcpv4connect', '--replay', file]);
      expect(run.stdout, `cut at ${at}`).toBe('');
      expect(run.status).toBe(1);
      expect(run.stderr.trimEnd().split('\n').length).toBe(1);
      expect(run.stderr).toContain(file);
    }
  });
});

describe('bad input is one clear error', () => {
  const script = (name: string, text: string) => {
    const file = join(temporary(), name);
    writeFileSync(file, text);
    return file;
  };

  it.each([
    ['no such tool', ['tcpv5connect'], 2, /there is no tool 'tcpv5connect'; did you mean .*'tcpv4connect'/],
    ['no such option', ['tcpv4connect', '--fast'], 2, /unknown option '--fast'/],
    ['no command after --', ['tcpv4connect', '--'], 2, /'--' must be followed by a command/],
    ['no source', ['tcpv4connect'], 1, /give a command to trace|could not attach|attaching 'kprobe__/],
    ['two sources', ['tcpv4connect', '--replay', RECORDING, '--', 'true'], 1, /cannot be given together/],
    ['no such recording', ['tcpv4connect', '--replay', '/nonexistent'], 1, /'\/nonexistent' cannot be read: ENOENT/],
    ['no such workload', ['tcpv4connect', '--workload', 'x'], 1, /there is no workload 'x'; there are: /],
    ['no such script', ['run', '/nonexistent.ts'], 1, /'\/nonexistent.ts' cannot be read: ENOENT/],
    ['a script of another kind', ['run', '/etc/passwd'], 1, /a script ends in \.ts/],
    ['a bad duration', ['tcpv4connect', '--duration', 'x', '--', 'true'], 2, /a number greater than 0 is needed/],
  ] as const)('%s', (_what, args, status, says) => {
    const run = skep(args);
    expect(run.status).toBe(status);
    expect(run.stdout).toBe('');
    expect(run.stderr).toMatch(says);
  });

  it.skipIf(tracingProblem !== undefined)('a command that is not found', () => {
    const run = skep(['tcpv4connect', '--', '/nonexistent/command']);
    expect(run.status).toBe(1);
    expect(run.stdout).toBe('');
    expect(run.stderr).toMatch(/^skep: .*'?\/nonexistent\/command'?.*\n$/);
  });

  const inScript = (text: string) =>
    skep(['run', '--replay', RECORDING, script('x.ts', `import { BPF } from 'skep';\n${text}`)]);

  it("the article's program, without its last brace", () => {
    const run = inScript('new BPF({ text: `int kprobe__tcp_v4_connect(void *ctx)\n{\n  return 0;\n` });');
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/error: .*'\}'/);
    expect(run.stderr).toMatch(/note: .*'\{'/);
  });

  it('a map, a field, a kernel function that do not exist', () => {
    const noMap = inScript(
      "const b = new BPF({ text: 'BPF_HASH(counts, u32); int f(void *c) { return 0; }' }); b.getTable('count');",
    );
    expect(noMap).toMatchObject({ status: 1, stdout: '' });
    expect(noMap.stderr).toContain("there is no table 'count'; did you mean 'counts'?");
    const noField = inScript(
      "new BPF({ text: '#include <net/sock.h>\\nint f(struct pt_regs *c, struct sock *sk) { return sk->__sk_common.skc_dadr; }' });",
    );
    expect(noField).toMatchObject({ status: 1, stdout: '' });
    expect(noField.stderr).toMatch(/error: .*skc_dadr.*\n(.*\n)*.*skc_daddr/);
    const noFunction = inScript("new BPF({ text: 'int kprobe__tcp_v4_conect(void *c) { return 0; }' });");
    expect(noFunction).toMatchObject({ status: 1, stdout: '' });
    expect(noFunction.stderr).toMatch(/tcp_v4_conect.*tcp_v4_connect/);
  });

  it('a Lua syntax error, and an error in a Lua script', () => {
    const syntax = skep([
      'run',
      '--replay',
      RECORDING,
      script('x.lua', 'return function(BPF)\n  local x = = 1\nend\n'),
    ]);
    expect(syntax).toMatchObject({ status: 1, stdout: '' });
    expect(syntax.stderr).toMatch(/^skep: .*x\.lua:2: unexpected symbol near '='\n$/);
    const wrong = skep([
      'run',
      '--replay',
      RECORDING,
      script(
        'y.lua',
        'return function(BPF)\n  local b = BPF:new{ text = "int f(void *c) { return 0; }" }\n  b:get_table("none")\nend\n',
      ),
    ]);
    expect(wrong).toMatchObject({ status: 1, stdout: '' });
    expect(wrong.stderr).toMatch(/^skep: .*y\.lua:3: there is no table 'none'\n$/);
  });
});
