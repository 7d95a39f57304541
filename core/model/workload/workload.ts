/**
 * Scripted workloads: a TypeScript function that plays processes on the model. It says what tasks do (connect, open, fork, ...), and the
 * script's world answers what the model may ask: descriptors, user memory, addresses.
 *
 *     defineWorkload('two', 'two connects', (world) => {
 *       const curl = world.spawn({ comm: 'curl' });
 *       const s = curl.socket();
 *       curl.connect(s, '127.0.0.1', 8080);
 *     });
 *
 * Every call advances the clock by a fixed step, so a workload is the same on every run. Nothing here knows what is hooked.
 */
import { utf8Encode } from '../../base/bytes.ts';
import { FUNCTION_ARGS } from '../../progs/pt-regs.ts';
import { type Frame, FrameSource } from '../frames.ts';
import { AF, IPPROTO, makeSockaddr, mapped, parseAddress, SOCK, TCP } from '../sockaddr.ts';
import type { FdFacts, TaskEvent, TaskFacts, UserFrame } from '../source.ts';
import { ERRNO } from '../syscalls/errno.ts';
import { syscallByName } from '../syscalls/index.ts';

export interface Workload {
  readonly name: string;
  /** One line for lists. */
  readonly about: string;
  readonly script: (world: World) => void;
}

export function defineWorkload(name: string, about: string, script: (world: World) => void): Workload {
  return { name, about, script };
}

export interface SpawnOptions {
  readonly comm: string;
  readonly pid?: number;
  readonly ppid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
  readonly cpu?: number;
}

/** What a connect does. `ret` is the call's result; the default is success. */
export interface ConnectOptions {
  readonly ret?: number;
  /** Source address; by default the destination's own for loopback, else 10.0.0.2 or fd00::2. */
  readonly from?: string;
  readonly fromPort?: number;
  /** No route to the destination: the kernel's route lookup fails. */
  readonly unreachable?: boolean;
  /** Bytes of the sockaddr that are passed; by default all. */
  readonly length?: number;
  /** The task is killed while it waits: the call never returns. */
  readonly killed?: boolean;
  /** How long it blocks. */
  readonly tookNs?: bigint;
}

/** What a task has in its registers and on its stack where it passes a place in user code. */
export interface PassOptions {
  readonly args?: readonly (number | bigint)[];
  readonly ret?: number | bigint;
  readonly regs?: Readonly<Record<string, bigint>>;
  readonly stack?: readonly UserFrame[];
  readonly memory?: readonly (readonly [address: bigint, bytes: Uint8Array])[];
  readonly period?: bigint;
  readonly address?: bigint;
}

/** Where a workload's clock starts, and how far one step goes. */
const START_NS = 1_000_000_000n;
const STEP_NS = 10_000n;
const FIRST_PID = 1000;
const FIRST_EPHEMERAL = 40000;
/** User addresses of buffers. */
const BUFFER_BASE = 0x7ffd_0000_0000n;
const USER_IP = 0x0000_5555_5555_4000n;

/** Results of connect(2) after which the socket is closed again. */
const ENDS_CONNECT: ReadonlySet<number> = new Set([
  ERRNO.ECONNREFUSED,
  ERRNO.ETIMEDOUT,
  ERRNO.ECONNRESET,
  ERRNO.ECONNABORTED,
  ERRNO.EHOSTUNREACH,
]);

interface FdState {
  facts: FdFacts;
  bound?: { address: Uint8Array; port: number };
}

type Parts = Omit<Frame, 'event' | 'tasks' | 'fds'> & {
  readonly fds?: readonly (readonly [tid: number, fd: number])[];
};

/** The script's world: its tasks, its clock, and the frames that it has made. */
export class World {
  readonly frames: Frame[] = [];
  nowNs = START_NS;
  #pids = FIRST_PID;
  #inodes = 20000;
  #requests = 1;
  #ports = FIRST_EPHEMERAL;
  #buffers = BUFFER_BASE;
  readonly #init: TaskFacts = { tid: 1, tgid: 1, ppid: 0, uid: 0, gid: 0, comm: 'init' };

  constructor() {
    this.#pids = FIRST_PID;
  }

  /** A process that is there from the start. */
  spawn(options: SpawnOptions): ScriptTask {
    const pid = options.pid ?? this.nextPid();
    const facts = {
      tid: pid,
      tgid: pid,
      ppid: options.ppid ?? 1,
      uid: options.uid ?? 0,
      gid: options.gid ?? 0,
      comm: options.comm,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    };
    const task = new ScriptTask(this, facts, options.cpu ?? 0, new Map());
    this.emit({ type: 'start', tsNs: this.tick(), cpu: task.cpu, tid: pid }, { tasks: [this.#init, facts] });
    return task;
  }

  /** Let time pass. */
  advance(ns: bigint): void {
    this.nowNs += ns;
  }

  tick(): bigint {
    this.nowNs += STEP_NS;
    return this.nowNs;
  }

  nextPid(): number {
    return this.#pids++;
  }

  nextInode(): number {
    return this.#inodes++;
  }

  nextRequest(): number {
    return this.#requests++;
  }

  nextPort(): number {
    return this.#ports++;
  }

  /** A user address for `size` bytes. */
  buffer(size: number): bigint {
    const at = this.#buffers;
    this.#buffers += BigInt(Math.ceil((size + 1) / 16) * 16);
    return at;
  }

  emit(event: TaskEvent, rest: Omit<Frame, 'event'>): void {
    this.frames.push({ event, ...rest });
  }
}

/** One task of a script: its system calls. Each answers the call's result. */
export class ScriptTask {
  readonly world: World;
  facts: TaskFacts;
  cpu: number;
  #fds: Map<number, FdState>;

  constructor(world: World, facts: TaskFacts, cpu: number, fds: Map<number, FdState>) {
    this.world = world;
    this.facts = facts;
    this.cpu = cpu;
    this.#fds = fds;
  }

  get tid(): number {
    return this.facts.tid;
  }

  /** Any system call by name, for what has no method here: enter and exit with `ret`. */
  syscall(name: string, args: readonly bigint[], ret: number | bigint, parts: Parts = {}): void {
    this.#enter(name, args, parts);
    this.#exit(name, args, ret, parts);
  }

  /** socket(2): an AF_INET stream socket by default. */
  socket(domain: number = AF.INET, type: number = SOCK.STREAM): number {
    const fd = this.#freeFd();
    const protocol = domain === AF.UNIX ? 0 : type === SOCK.STREAM ? IPPROTO.TCP : IPPROTO.UDP;
    const args = [BigInt(domain), BigInt(type), 0n];
    this.#enter('socket', args, {});
    this.#openSocket(fd, { domain, type, protocol, ...(protocol === IPPROTO.TCP && { state: TCP.CLOSE }) });
    this.#exit('socket', args, fd, { fds: [[this.tid, fd]] });
    return fd;
  }

  bind(fd: number, address: string, port: number): number {
    const state = this.#fds.get(fd)!;
    const bytes = parseAddress(address);
    const sockaddr = makeSockaddr(bytes, port);
    const at = this.world.buffer(sockaddr.length);
    const args = [BigInt(fd), at, BigInt(sockaddr.length)];
    const parts = { fds: [[this.tid, fd]], memory: [{ tid: this.tid, address: at, bytes: sockaddr }] } as const;
    this.#enter('bind', args, parts);
    state.bound = { address: bytes, port };
    state.facts = { ...state.facts, socket: { ...state.facts.socket!, local: sockaddr } };
    this.#exit('bind', args, 0, parts);
    return 0;
  }

  listen(fd: number, backlog = 128): number {
    this.syscall('listen', [BigInt(fd), BigInt(backlog)], 0, { fds: [[this.tid, fd]] });
    this.#setState(fd, TCP.LISTEN);
    return 0;
  }

  /**
   * Pass a place in user code: `uprobe:PATH:FUNCTION`, `uretprobe:...`, `perf_event:TYPE:CONFIG` (core/model/source.ts). Arguments go into di, si,
   * dx, cx, r8, r9, the result into ax; `regs` says the rest. Memory is what the program may read there.
   */
  pass(hook: string, options: PassOptions = {}): void {
    const { args = [], ret, regs = {}, stack = [], memory = [], period, address } = options;
    const named = Object.fromEntries(args.map((value, i) => [FUNCTION_ARGS[i]!, BigInt(value)]));
    const all = { ip: stack[0]?.address ?? USER_IP, ...named, ...(ret !== undefined && { ax: BigInt(ret) }), ...regs };
    const { world, cpu, tid } = this;
    world.emit(
      {
        type: 'user',
        tsNs: world.tick(),
        cpu,
        tid,
        hook,
        regs: all,
        stack,
        ...(period !== undefined && { period }),
        ...(address !== undefined && { address }),
      },
      { memory: memory.map(([at, bytes]) => ({ tid, address: at, bytes })) },
    );
  }

  /** connect(2) to an IP address. An IPv6 socket takes an IPv4 address as ::ffff:a.b.c.d. */
  connect(fd: number, address: string, port: number, options: ConnectOptions = {}): number {
    const domain = this.#fds.get(fd)?.facts.socket?.domain;
    const plain = parseAddress(address);
    const to = domain === AF.INET6 && plain.length === 4 ? mapped(plain) : plain;
    return this.connectRaw(fd, makeSockaddr(to, port), { ...options, from: options.from ?? sourceFor(plain) });
  }

  /** connect(2) with any sockaddr bytes. */
  connectRaw(fd: number, sockaddr: Uint8Array, options: ConnectOptions = {}): number {
    const { world } = this;
    const ret = options.ret ?? 0;
    const at = world.buffer(sockaddr.length);
    const args = [BigInt(fd), at, BigInt(options.length ?? sockaddr.length)];
    const from = options.from === undefined ? undefined : parseAddress(options.from);
    const routes = [{ to: sockaddr, from: from && !options.unreachable ? makeSockaddr(from, 0) : null }];
    const parts: Parts = { fds: [[this.tid, fd]], memory: [{ tid: this.tid, address: at, bytes: sockaddr }], routes };
    this.#enter('connect', args, parts);
    world.advance(options.tookNs ?? 0n);
    const state = this.#fds.get(fd);
    const wentOut = ret === 0 || ret === -ERRNO.EINPROGRESS;
    if (state?.facts.socket && wentOut && from) {
      const full = state.facts.socket.domain === AF.INET6 && from.length === 4 ? mapped(from) : from;
      const local = state.bound ?? { address: full, port: options.fromPort ?? world.nextPort() };
      const peer = ret === 0 ? { peer: sockaddr.slice() } : {};
      state.facts = {
        ...state.facts,
        socket: { ...state.facts.socket, local: makeSockaddr(local.address, local.port), ...peer },
      };
    }
    if (ret === 0) this.#setState(fd, TCP.ESTABLISHED);
    else if (ret === -ERRNO.EINPROGRESS) this.#setState(fd, TCP.SYN_SENT);
    else if (ENDS_CONNECT.has(-ret)) this.#setState(fd, TCP.CLOSE);
    if (options.killed) this.exit(9);
    else this.#exit('connect', args, ret, parts);
    return ret;
  }

  /** accept4(2): the new descriptor, connected to `peer`. */
  accept(fd: number, peer: string, peerPort: number): number {
    const { world } = this;
    const listening = this.#fds.get(fd)!.facts.socket!;
    const args = [BigInt(fd), 0n, 0n, 0n];
    this.#enter('accept4', args, { fds: [[this.tid, fd]] });
    const fresh = this.#freeFd();
    const from = parseAddress(peer);
    const address = listening.domain === AF.INET6 && from.length === 4 ? mapped(from) : from;
    this.#openSocket(fresh, { ...listening, peer: makeSockaddr(address, peerPort), state: TCP.ESTABLISHED });
    world.advance(STEP_NS);
    this.#exit('accept4', args, fresh, {
      fds: [
        [this.tid, fd],
        [this.tid, fresh],
      ],
    });
    return fresh;
  }

  /** openat(2): a descriptor, or -errno given as `ret`. */
  open(path: string, flags = 0, ret?: number): number {
    const text = utf8Encode(`${path}\0`);
    const at = this.world.buffer(text.length);
    const args = [BigInt.asUintN(64, -100n), at, BigInt(flags), 0n];
    const memory = [{ tid: this.tid, address: at, bytes: text }];
    this.#enter('openat', args, { memory });
    const fd = ret ?? this.#freeFd();
    if (fd >= 0) this.#fds.set(fd, { facts: { kind: 'file', path, inode: this.world.nextInode() } });
    this.#exit('openat', args, fd, { memory, fds: [[this.tid, fd]] });
    return fd;
  }

  close(fd: number): number {
    const known = this.#fds.has(fd);
    this.#enter('close', [BigInt(fd)], { fds: [[this.tid, fd]] });
    this.#fds.delete(fd);
    const ret = known ? 0 : -ERRNO.EBADF;
    this.#exit('close', [BigInt(fd)], ret, { fds: [[this.tid, fd]] });
    return ret;
  }

  /** read(2): `data` is what comes. */
  read(fd: number, size: number, data: Uint8Array = new Uint8Array(size)): number {
    const at = this.world.buffer(size);
    const args = [BigInt(fd), at, BigInt(size)];
    this.#enter('read', args, { fds: [[this.tid, fd]] });
    this.#exit('read', args, data.length, {
      fds: [[this.tid, fd]],
      memory: [{ tid: this.tid, address: at, bytes: data }],
    });
    return data.length;
  }

  /** recvfrom(2): `data` is what comes. */
  receive(fd: number, size: number, data: Uint8Array): number {
    const at = this.world.buffer(size);
    const args = [BigInt(fd), at, BigInt(size), 0n, 0n, 0n];
    this.#enter('recvfrom', args, { fds: [[this.tid, fd]] });
    this.#exit('recvfrom', args, data.length, {
      fds: [[this.tid, fd]],
      memory: [{ tid: this.tid, address: at, bytes: data }],
    });
    return data.length;
  }

  write(fd: number, data: Uint8Array): number {
    const at = this.world.buffer(data.length);
    const parts = { fds: [[this.tid, fd]], memory: [{ tid: this.tid, address: at, bytes: data }] } as const;
    this.syscall('write', [BigInt(fd), at, BigInt(data.length)], data.length, parts);
    return data.length;
  }

  fsync(fd: number, ret = 0): number {
    this.syscall('fsync', [BigInt(fd)], ret, { fds: [[this.tid, fd]] });
    return ret;
  }

  /** mknod(2) of a regular file, or of what the type bits of `mode` say. */
  mknod(path: string, mode = 0o100644, ret = 0): number {
    this.#named('mknod', path, [BigInt(mode), 0n], ret);
    return ret;
  }

  mkdir(path: string, mode = 0o755, ret = 0): number {
    this.#named('mkdir', path, [BigInt(mode)], ret);
    return ret;
  }

  chdir(path: string, ret = 0): number {
    if (ret === 0) this.facts = { ...this.facts, cwd: path };
    this.#named('chdir', path, [], ret);
    return ret;
  }

  unlink(path: string, ret = 0): number {
    this.#named('unlink', path, [], ret);
    return ret;
  }

  /** A call whose first argument is a path. */
  #named(call: string, path: string, rest: readonly bigint[], ret: number): void {
    const text = utf8Encode(`${path}\0`);
    const at = this.world.buffer(text.length);
    this.syscall(call, [at, ...rest], ret, { memory: [{ tid: this.tid, address: at, bytes: text }] });
  }

  kill(pid: number, signal: number, ret = 0): number {
    this.syscall('kill', [BigInt.asUintN(64, BigInt(pid)), BigInt(signal)], ret);
    return ret;
  }

  /** fork by clone(2), as glibc does: the child has copies of the descriptors. */
  fork(): ScriptTask {
    const { world } = this;
    const child = world.nextPid();
    const args = [0x1200011n, 0n, 0n, 0n, 0n];
    this.#enter('clone', args, {});
    const facts = { ...this.facts, tid: child, tgid: child, ppid: this.facts.tgid };
    world.emit(
      { type: 'fork', tsNs: world.tick(), cpu: this.cpu, tid: this.tid, child, kind: 'fork', childTgid: child },
      { tasks: [facts] },
    );
    this.#exit('clone', args, child, {});
    return new ScriptTask(world, facts, this.cpu, new Map(this.#fds));
  }

  /** A thread: shares the descriptors. */
  thread(): ScriptTask {
    const { world } = this;
    const child = world.nextPid();
    const args = [0x3d0f00n, 0n, 0n, 0n, 0n];
    this.#enter('clone', args, {});
    const facts = { ...this.facts, tid: child };
    world.emit(
      {
        type: 'fork',
        tsNs: world.tick(),
        cpu: this.cpu,
        tid: this.tid,
        child,
        kind: 'clone',
        childTgid: this.facts.tgid,
      },
      { tasks: [facts] },
    );
    this.#exit('clone', args, child, {});
    return new ScriptTask(world, facts, this.cpu, this.#fds);
  }

  /** execve(2). */
  exec(path: string, argv: readonly string[] = [path], envp: readonly string[] = []): void {
    const { world } = this;
    const memory: { tid: number; address: bigint; bytes: Uint8Array }[] = [];
    const put = (bytes: Uint8Array) => {
      const address = world.buffer(bytes.length);
      memory.push({ tid: this.tid, address, bytes });
      return address;
    };
    const text = (s: string) => put(utf8Encode(`${s}\0`));
    const vector = (list: readonly string[]) => {
      const bytes = new Uint8Array(8 * (list.length + 1));
      const view = new DataView(bytes.buffer);
      for (const [i, s] of list.entries()) view.setBigUint64(8 * i, text(s), true);
      return put(bytes);
    };
    const args = [text(path), vector(argv), vector(envp)];
    this.#enter('execve', args, { memory });
    const comm = path.slice(path.lastIndexOf('/') + 1).slice(0, 15);
    this.facts = { ...this.facts, comm };
    world.emit(
      { type: 'exec', tsNs: world.tick(), cpu: this.cpu, tid: this.tid, formerTid: this.tid, filename: path, comm },
      { tasks: [this.facts], memory },
    );
    this.#exit('execve', args, 0, {});
  }

  /** The task ends; `status` is wait(2)'s (an exit code times 256, or a signal). */
  exit(status = 0): void {
    const { world } = this;
    if ((status & 127) === 0) this.#enter('exit_group', [BigInt(status >> 8)], {});
    world.emit({ type: 'task_exit', tsNs: world.tick(), cpu: this.cpu, tid: this.tid, status }, {});
  }

  #openSocket(fd: number, socket: NonNullable<FdFacts['socket']>): void {
    const inode = this.world.nextInode();
    this.#fds.set(fd, { facts: { kind: 'socket', path: `socket:[${inode}]`, inode, socket } });
  }

  /** TCP state that the source tells; only TCP sockets have one. */
  #setState(fd: number, state: number): void {
    const known = this.#fds.get(fd);
    if (known?.facts.socket?.protocol !== IPPROTO.TCP) return;
    known.facts = { ...known.facts, socket: { ...known.facts.socket, state } };
  }

  #freeFd(): number {
    let fd = 3;
    while (this.#fds.has(fd)) fd++;
    return fd;
  }

  #frame(parts: Parts): Omit<Frame, 'event'> {
    const { fds, ...rest } = parts;
    const states = (fds ?? []).map(([tid, fd]) => ({ tid, fd, facts: this.#fds.get(fd)?.facts ?? null }));
    return { ...rest, tasks: [this.facts], fds: states };
  }

  #enter(name: string, args: readonly bigint[], parts: Parts): void {
    const { world } = this;
    const event = {
      type: 'enter',
      tsNs: world.tick(),
      cpu: this.cpu,
      tid: this.tid,
      nr: nrOf(name),
      args,
      ip: USER_IP,
      sp: BUFFER_BASE - 256n,
    } as const;
    world.emit(event, this.#frame(parts));
  }

  #exit(name: string, args: readonly bigint[], ret: number | bigint, parts: Parts): void {
    const { world } = this;
    world.emit(
      { type: 'exit', tsNs: world.tick(), cpu: this.cpu, tid: this.tid, nr: nrOf(name), args, ret: BigInt(ret) },
      this.#frame(parts),
    );
  }
}

function nrOf(name: string): number {
  const row = syscallByName(name);
  if (!row) throw new RangeError(`there is no system call ${name}`);
  return row.nr;
}

/** Where a packet to a destination would come from, on a machine with one address of each family. */
function sourceFor(destination: Uint8Array): string {
  if (destination.length === 4) return destination[0] === 127 ? '127.0.0.1' : '10.0.0.2';
  return destination.subarray(0, 15).every((b) => b === 0) && destination[15] === 1 ? '::1' : 'fd00::2';
}

/** Frames of a workload: its script, run to its end. */
export function framesOf(workload: Workload): readonly Frame[] {
  const world = new World();
  workload.script(world);
  return world.frames;
}

export class WorkloadSource extends FrameSource {
  constructor(workload: Workload, options: { readonly cpus?: number } = {}) {
    super('workload', () => framesOf(workload)[Symbol.iterator](), { cpus: options.cpus ?? 1, startNs: START_NS });
    this.exitStatus = 0;
  }
}
