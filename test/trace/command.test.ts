/**
 * Under trace a command behaves as without: output, exit status, signals, stopping and continuing, limits, descriptors.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveCommand, TraceSource } from '../../bindings/trace/index.ts';
import { inTemp, interest, nr, only, onPath, python, trace, unavailable } from './harness.ts';

const suite = unavailable ? `(skipped: ${unavailable})` : '';
const sh = (script: string): string[] => ['sh', '-c', script];

/** The state letter of /proc/TID/stat, or 'gone'. */
function stateOf(tid: number): string {
  try {
    return readFileSync(`/proc/${tid}/stat`, 'utf8').replace(/^.*\) /s, '')[0]!;
  } catch {
    return 'gone';
  }
}

const exited = (code: number): number => code << 8;

describe.skipIf(unavailable)(`a traced command ${suite}`, () => {
  it.each([0, 1, 3, 255])('exits with %i', (code) => {
    expect(trace({ command: sh(`exit ${code}`) }, ['openat']).status).toBe(exited(code));
  });

  it.each([
    ['TERM', 15],
    ['KILL', 9],
    ['USR1', 10],
  ])('dies by SIG%s', (name, signo) => {
    const { status, events } = trace({ command: sh(`kill -${name} $$; sleep 100`) }, ['openat', 'kill']);
    expect(status! & 0x7f).toBe(signo);
    expect(only(events, 'task_exit').at(-1)!.status & 0x7f).toBe(signo);
  });

  it('handles its own signals', () => {
    const { status } = trace({ command: sh('trap "exit 5" USR1; kill -USR1 $$; exit 1') }, ['kill', 'rt_sigreturn']);
    expect(status).toBe(exited(5));
  });

  it('writes what it would write, where it would', () => {
    inTemp((directory) => {
      const command = sh(`cd ${directory}; { echo out; echo err >&2; printf '\\000\\377'; } >o 2>e; pwd >p`);
      expect(trace({ command, cwd: directory }, ['write']).status).toBe(0);
      expect([...readFileSync(join(directory, 'o'))]).toEqual([...Buffer.from('out\n'), 0, 255]);
      expect(readFileSync(join(directory, 'e'), 'utf8')).toBe('err\n');
    });
  });

  it('has the environment, the working directory and argv[0] it was given', () => {
    inTemp((directory) => {
      const command = sh('pwd >r; echo "$A|$HOME|$0" >>r');
      trace({ command, cwd: directory, env: { A: 'ä b', PATH: process.env['PATH'] } }, ['openat']);
      expect(readFileSync(join(directory, 'r'), 'utf8')).toBe(`${directory}\nä b||sh\n`);
    });
  });

  it("dies by SIGPIPE, which Node ignores, and has its parent's limit of open files, which Node raises", () => {
    inTemp((directory) => {
      const script = `(yes; echo $? >status) | head -1 >/dev/null; ulimit -n >limit; grep SigIgn /proc/self/status >ignored`;
      trace({ command: sh(script), cwd: directory }, ['openat']);
      expect(readFileSync(join(directory, 'status'), 'utf8')).toBe('141\n');
      const limits = readFileSync(`/proc/${process.ppid}/limits`, 'utf8');
      const soft = /Max open files +(\d+|unlimited)/.exec(limits)![1];
      expect(readFileSync(join(directory, 'limit'), 'utf8').trim()).toBe(soft);
      expect(Number.parseInt(readFileSync(join(directory, 'ignored'), 'utf8').split('\t')[1]!, 16) & (1 << 12)).toBe(0);
    });
  });

  it('may be root with setuid children only where it could without: NO_NEW_PRIVS is set for the unprivileged alone', () => {
    inTemp((directory) => {
      trace({ command: sh('grep NoNewPrivs /proc/self/status >n'), cwd: directory }, ['openat']);
      const expected = process.getuid!() === 0 ? '0' : '1';
      expect(readFileSync(join(directory, 'n'), 'utf8').trim()).toBe(`NoNewPrivs:\t${expected}`);
    });
  });

  it('leaves no zombie and nothing stopped', () => {
    const source = new TraceSource({ command: sh('sleep 100 & sleep 100 & wait') });
    source.start(interest('execve'));
    const tids = new Set<number>();
    let execs = 0;
    while (execs < 3) {
      source.pump(30_000, (event) => {
        tids.add(event.tid);
        if (event.type === 'exec') execs++;
      });
    }
    source.stop('kill');
    expect(source.pump(0, () => {})).toBe('ended');
    expect(tids.size).toBe(3);
    expect(stateOf(source.pid)).toBe('gone');
    // The others' parent died first: they are init's to bury.
    for (const tid of tids) expect(['gone', 'Z', 'X']).toContain(stateOf(tid));
    expect(source.exitStatus).toBe(9);
  });

  it('runs on to its end when it is let go, and nobody hears of it any more', () => {
    inTemp((directory) => {
      const script = 'for i in 1 2 3 4 5 6 7 8; do cat /dev/null; done; echo done >f; exit 4';
      const source = new TraceSource({ command: sh(script), cwd: directory });
      source.start(interest('openat', 'execve'));
      for (let i = 0; i < 20; i++) source.pump(30_000, () => {});
      source.stop('detach');
      let heard = 0;
      expect(source.pump(30_000, () => heard++)).toBe('ended');
      expect(heard).toBe(0);
      expect(source.exitStatus).toBe(exited(4));
      expect(readFileSync(join(directory, 'f'), 'utf8')).toBe('done\n');
    });
  });

  it('that cannot be found or executed is one clear error, before anything runs', () => {
    expect(() => new TraceSource({ command: ['no-such-command-at-all'] })).toThrow(
      "starting the command 'no-such-command-at-all': execve: ENOENT (command not found in PATH)",
    );
    expect(() => new TraceSource({ command: ['/nonexistent/file'] })).toThrow(/ENOENT/);
    expect(() => new TraceSource({ command: ['/etc/passwd'] })).toThrow(/EACCES/);
    expect(() => new TraceSource({ command: ['/etc'] })).toThrow(/EACCES/);
    expect(resolveCommand('sh', { PATH: '/nonexistent:/bin' }, '/')).toBe('/bin/sh');
  });

  it('that turns out not to be a program is one clear error too', () => {
    inTemp((directory) => {
      const file = join(directory, 'text');
      trace({ command: sh(`echo text >${file}; chmod +x ${file}`) }, ['openat']);
      const source = new TraceSource({ command: [file] });
      source.start(interest('openat'));
      expect(() => source.pump(30_000, () => {})).toThrow(/execve: ENOEXEC/);
      expect(source.pump(0, () => {})).toBe('ended');
    });
    const lost = new TraceSource({ command: ['/bin/sh'], cwd: '/nonexistent' });
    lost.start([]);
    expect(() => lost.pump(30_000, () => {})).toThrow(/entering \/nonexistent: chdir: ENOENT/);
  });

  it('may itself try to trace, and is told that it cannot', () => {
    if (!onPath('strace')) return;
    const { status } = trace({ command: sh('strace -o /dev/null true 2>/dev/null; echo $? >/dev/null') }, ['openat']);
    expect(status).toBe(0);
  });
});

const STOPPING = `
import os, signal, subprocess
child = subprocess.Popen(['sh', '-c', 'kill -STOP $$; exit 7'])
pid, status = os.waitpid(child.pid, os.WUNTRACED)
assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP, status
state = open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()[0]
assert state in 'tT', state
os.kill(pid, signal.SIGCONT)
pid, status = os.waitpid(child.pid, 0)
assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 7, status
`;

const INTERRUPTED = `
import os, signal, subprocess, time
child = subprocess.Popen(['sleep', '1'])
def state(): return open('/proc/%d/stat' % child.pid).read().rsplit(')', 1)
while not (state()[0].endswith('(sleep') and state()[1].split()[0] == 'S'): time.sleep(0.001)
time.sleep(0.05)
os.kill(child.pid, signal.SIGSTOP); os.waitpid(child.pid, os.WUNTRACED)
os.kill(child.pid, signal.SIGCONT)
assert child.wait() == 0
`;

const THREADS = `
import os, threading
def work():
    for _ in range(5): os.getppid()
threads = [threading.Thread(target=work) for _ in range(40)]
for t in threads: t.start()
for t in threads: t.join()
`;

const CROWD = `
import os, threading
def work():
    for _ in range(5): os.getppid()
threads = [threading.Thread(target=work) for _ in range(400)]
for t in threads: t.start()
for t in threads: t.join()
`;

const EXECS = `
import os, threading, time
for _ in range(12):
    if os.fork() == 0:
        for _ in range(4): threading.Thread(target=time.sleep, args=(100,)).start()
        threading.Thread(target=lambda: os.execv('/bin/true', ['true'])).start()
        time.sleep(100)
for _ in range(12): os.wait()
`;

const CUT_SHORT = `
import os, signal, threading
for _ in range(12):
    if os.fork() == 0:
        threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
        while True: threading.Thread(target=os.getppid).start()
for _ in range(12): os.wait()
`;

const EXEC_IN_THREAD = `
import os, threading, time
threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
threading.Thread(target=lambda: os.execv('/bin/sh', ['sh', '-c', 'exit 6'])).start()
time.sleep(100)
`;

const KILLED_IN_CALL = `
import os, signal, threading
r, w = os.pipe()
for _ in range(4): threading.Thread(target=os.read, args=(r, 1), daemon=True).start()
os.getppid()
os.kill(os.getpid(), signal.SIGKILL)
`;

const RENAMED = `
import ctypes, os
os.getppid()
ctypes.CDLL(None).prctl(15, b'other name', 0, 0, 0)
os.getppid()
`;

describe.skipIf(unavailable || !python)(`signals, threads, exec: in Python ${suite}`, () => {
  const run = (script: string): string[] => [python!, '-c', script];

  it('a stopped child looks stopped to its parent, and goes on when continued', () => {
    expect(trace({ command: run(STOPPING) }, ['wait4', 'kill', 'openat']).status).toBe(0);
  });

  it('a sleep broken off by stop and continue returns a restart, and goes on as restart_syscall', () => {
    const { events, status } = trace({ command: run(INTERRUPTED) }, ['clock_nanosleep']);
    expect(status).toBe(0);
    const sleeper = only(events, 'exec').find((event) => event.comm === 'sleep')!.tid;
    const calls = events.flatMap((event) =>
      event.tid !== sleeper || (event.type !== 'enter' && event.type !== 'exit')
        ? []
        : [[event.type, event.nr, event.type === 'exit' ? event.ret : undefined]],
    );
    expect(calls).toEqual([
      ['enter', nr('clock_nanosleep'), undefined],
      ['exit', nr('clock_nanosleep'), -516n],
      ['enter', nr('restart_syscall'), undefined],
      ['exit', nr('restart_syscall'), 0n],
    ]);
  });

  it('40 threads with five calls each', () => {
    const { events, status } = trace({ command: run(THREADS) }, ['getppid']);
    expect(status).toBe(0);
    const main = only(events, 'start')[0]!.tid;
    const threads = only(events, 'fork');
    expect(threads.map((event) => [event.kind, event.childTgid])).toEqual(Array(40).fill(['clone', main]));
    for (const { child } of threads) {
      expect(only(events, 'enter').filter((event) => event.tid === child).length).toBe(5);
      expect(only(events, 'exit').filter((event) => event.tid === child).length).toBe(5);
      expect(only(events, 'task_exit').filter((event) => event.tid === child).length).toBe(1);
    }
  });

  it.each([
    ['400 threads', CROWD, 400, 0],
    ['threads of 12 processes that end by an exec in one of them', EXECS, 12 * 6, 12],
    ['threads being made while their process is killed', CUT_SHORT, undefined, 0],
  ])('%s: each is born once before all else, ends once, and is silent after', (_, script, births, vanished) => {
    const { events, status } = trace({ command: run(script) }, ['getppid', 'execve']);
    expect(status).toBe(0);
    const alive = new Set(only(events, 'start').map((event) => event.tid));
    let born = 0;
    for (const event of events) {
      expect(alive, `${event.type} of ${event.tid}`).toContain(event.tid);
      if (event.type === 'fork') {
        expect(alive, `second birth of ${event.child}`).not.toContain(event.child);
        alive.add(event.child);
        born++;
      }
      if (event.type === 'exec' && event.formerTid !== event.tid) alive.delete(event.formerTid);
      if (event.type === 'task_exit') alive.delete(event.tid);
    }
    expect([...alive]).toEqual([]);
    if (births === undefined) return;
    expect(born).toBe(births);
    expect(only(events, 'task_exit').length).toBe(1 + births - vanished);
    if (script === CROWD) expect(only(events, 'exit').filter((event) => event.nr === nr('getppid')).length).toBe(2000);
  });

  it("exec in a thread: it takes the leader's id, and its siblings end", () => {
    const { events, status } = trace({ command: run(EXEC_IN_THREAD) }, ['execve']);
    expect(status).toBe(exited(6));
    const main = only(events, 'start')[0]!.tid;
    const [sleeper, execer] = only(events, 'fork').map((event) => event.child);
    const exec = only(events, 'exec').at(-1)!;
    expect([exec.tid, exec.formerTid, exec.filename, exec.comm]).toEqual([main, execer, '/bin/sh', 'sh']);
    const ret = only(events, 'exit').at(-1)!;
    expect([ret.tid, ret.nr, ret.ret]).toEqual([main, nr('execve'), 0n]);
    expect(
      only(events, 'task_exit')
        .map((event) => event.tid)
        .sort(),
    ).toEqual([main, sleeper].sort());
  });

  it('threads that are killed inside a call have no return, but an end', () => {
    const { events, status } = trace({ command: run(KILLED_IN_CALL) }, ['read']);
    expect(status).toBe(9);
    const threads = only(events, 'fork').map((event) => event.child);
    expect(threads.length).toBe(4);
    for (const tid of threads) {
      const types = events.filter((event) => event.tid === tid).map((event) => event.type);
      expect(types.at(-1)).toBe('task_exit');
      expect(types.filter((type) => type === 'exit').length).toBe(0);
    }
  });

  it('a task that renames itself has its new name', () => {
    const names: (string | undefined)[] = [];
    trace({ command: run(RENAMED) }, ['getppid'], (event, source) => {
      if (event.type === 'enter') names.push(source.view.task(event.tid)?.comm);
    });
    expect(names[0]).toMatch(/^python/);
    expect(names[1]).toBe('other name');
  });
});
