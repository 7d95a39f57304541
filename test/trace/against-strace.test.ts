/**
 * strace is the oracle: the same command, once under each, makes the same calls with the same arguments and results.
 */
import { describe, expect, it } from 'vitest';
import type { TraceSource } from '../../bindings/trace/index.ts';
import { errnoName } from '../../core/base/errno.ts';
import type { TaskEvent } from '../../core/model/source.ts';
import { nr, only, onPath, python, strace, trace, unavailable } from './harness.ts';

const missing = unavailable ?? (onPath('strace') ? undefined : 'strace is not installed');
const suite = missing ? `(skipped: ${missing})` : '';

/** Ports of the command's own servers differ from run to run. */
const port = (number: number): string => (number >= 32768 ? 'ephemeral' : String(number));

/** `inet 127.0.0.1:1`, as both sides can say it. */
function sockaddrText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === 2) return `inet ${[...bytes.subarray(4, 8)].join('.')}:${port(view.getUint16(2))}`;
  if (family === 1) return `unix ${Buffer.from(bytes.subarray(2)).toString('latin1').replace(/\0.*$/s, '')}`;
  return `family ${family}`;
}

function straceSockaddr(args: string): string {
  const inet = /sin_port=htons\((\d+)\), sin_addr=inet_addr\("([\d.]+)"\)/.exec(args);
  if (inet) return `inet ${inet[2]}:${port(Number(inet[1]))}`;
  const unix = /sun_path="([^"]*)"/.exec(args);
  if (unix) return `unix ${unix[1]}`;
  return args;
}

const straceResult = (text: string): string => (/^-1 (\w+)/.exec(text)?.[1] ?? text.split(' ')[0])!;
const ourResult = (ret: bigint): string => (ret < 0n ? errnoName(Number(ret)) : String(ret));

function connects(command: string[]): string[] {
  const pending = new Map<number, string>();
  const out: string[] = [];
  trace({ command }, ['connect'], (event: TaskEvent, source: TraceSource) => {
    if (event.type === 'enter' && event.nr === nr('connect')) {
      const bytes = source.view.read(event.tid, event.args[1]!, Number(event.args[2]));
      pending.set(event.tid, bytes ? sockaddrText(bytes) : 'EFAULT');
    }
    if (event.type === 'exit' && event.nr === nr('connect'))
      out.push(`${pending.get(event.tid)} = ${ourResult(event.ret)}`);
  });
  return out.sort();
}

const straceConnects = (command: string[]): string[] =>
  strace(command, ['connect'])
    .calls.map((call) => `${straceSockaddr(call.args)} = ${straceResult(call.result)}`)
    .sort();

const NODE = `
const net = require('node:net');
const server = net.createServer((s) => s.end()).listen(0, '127.0.0.1', () => {
  let left = 3;
  for (let i = 0; i < 3; i++) net.connect(server.address().port, '127.0.0.1').on('close', () => --left || server.close()).resume();
});
net.connect(1, '127.0.0.1').on('error', () => {});
`;
const PYTHON = `
import socket
server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen(8)
for i in range(3):
    c = socket.socket(); c.connect(server.getsockname()); c.close()
for port in (1, 2):
    c = socket.socket()
    try: c.connect(('127.0.0.1', port))
    except ConnectionRefusedError: pass
c = socket.socket(socket.AF_UNIX)
try: c.connect('/nonexistent/socket')
except FileNotFoundError: pass
`;
const BASH = `
for port in 1 2; do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null & done
wait
(: <>/dev/udp/127.0.0.1/9) 2>/dev/null
true
`;

describe.skipIf(missing)(`connect, against strace ${suite}`, () => {
  const rows: [name: string, command: string[]][] = [['node', [process.execPath, '-e', NODE]]];
  if (python) rows.push(['python3', [python, '-c', PYTHON]]);
  if (onPath('bash')) rows.push(['bash', ['bash', '-c', BASH]]);
  for (const [name, command] of rows) {
    it(`the connects of ${name}`, () => {
      const ours = connects(command);
      expect(ours.length).toBeGreaterThan(2);
      expect(ours).toEqual(straceConnects(command));
    });
  }
});

describe.skipIf(missing || !onPath('bash'))(`many processes, against strace ${suite}`, () => {
  const command = ['bash', '--norc', '-c', 'for i in {1..200}; do /bin/true $i & done; wait'];

  it('200 short processes in parallel: none missed, none doubled', () => {
    const asStrings = (source: TraceSource, event: TaskEvent & { type: 'enter' }, at: bigint): string => {
      const bytes = source.view.readUpTo(event.tid, at, 256);
      return Buffer.from(bytes).toString('latin1').replace(/\0.*$/s, '');
    };
    const paths: string[] = [];
    const { events, status } = trace({ command }, ['execve', 'openat'], (event, source) => {
      if (event.type !== 'enter') return;
      if (event.nr === nr('execve')) {
        const pointers = new DataView(source.view.read(event.tid, event.args[1]!, 24)!.buffer);
        const second = asStrings(source, event, pointers.getBigUint64(8, true));
        paths.push(`execve ${asStrings(source, event, event.args[0]!)} ${second}`);
      } else {
        paths.push(`openat ${asStrings(source, event, event.args[1]!)}`);
      }
    });
    expect(status).toBe(0);
    const theirs = strace(command, ['execve', 'openat']);
    const said = theirs.calls.map((call) => {
      const quoted = [...call.args.matchAll(/"([^"]*)"/g)].map((match) => match[1]);
      return call.name === 'execve' ? `execve ${quoted[0]} ${quoted[2]}` : `openat ${quoted[0]}`;
    });
    expect(paths.sort()).toEqual(said.sort());

    const children = only(events, 'fork').map((event) => event.child);
    expect(children.length).toBe(200);
    expect(new Set(children).size).toBe(200);
    const ends = only(events, 'task_exit').map((event) => event.tid);
    expect(ends.length).toBe(theirs.ends);
    expect(new Set(ends).size).toBe(201);
    expect(only(events, 'exec').length).toBe(201);
    // A child's story begins with its fork.
    for (const child of children) {
      expect(events.findIndex((event) => event.tid === child)).toBeGreaterThan(
        events.findIndex((event) => event.type === 'fork' && event.child === child),
      );
    }
  });
});
