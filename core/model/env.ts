/**
 * What a running program may ask of the model kernel: HelperEnv. Reads follow the address: kernel addresses are offsets into the
 * linear memory, low canonical addresses are the current task's user memory and go to the source.
 */
import { utf8Decode } from '../base/bytes.ts';
import { FIRST_MAPPED, KERNEL_HI, kernelAddress, type LinearMemory } from '../base/memory.ts';
import type { Route } from '../helpers/fib.ts';
import type { HelperEnv, Packet, RedirectRequest } from '../helpers/helper.ts';
import type { BpfMap } from '../maps/map.ts';
import { DEVICES } from './devices.ts';
import type { HookEvent } from './hooks.ts';
import { CALL_OFFSET, type ModelKernel } from './kernel.ts';
import { NS_INODES } from './namespaces.ts';
import { loadFromPacket } from './packet-socket.ts';
import { Routes } from './routes.ts';
import { Timers } from './timers.ts';
import { FLAGS, type TraceBuffer } from './trace-pipe.ts';

const EPERM = -1;
const EFAULT = -14;
const EINVAL = -22;
/** SIGRTMAX. */
const SIGNAL_MOST = 64;
/** Directories in a path at most: PATH_MAX of names of one letter. */
const DEPTH_MOST = 2048;
/** copy_from_kernel_nofault_allowed() of x86 refuses user and non-canonical addresses with ERANGE, not EFAULT. */
const ERANGE = -34;
/** High halves of user addresses end here: TASK_SIZE of x86-64 with four-level page tables is 2^47 - 4096. */
const USER_HI_MOST = 0x7fff;

/** Bottom of every kernel stack, innermost first. */
const ENTRY_PATH = ['do_syscall_64', 'entry_SYSCALL_64_after_hwframe'];
/** Room between two functions of the model (core/model/symbols.ts). */
const FUNCTION_SIZE = 64;

/** MTU of the devices: what Linux gives loopback and Ethernet. */
const LOOPBACK_MTU = 65536;
const ETHERNET_MTU = 1500;
/** Inode number, and id, of the root of the cgroup hierarchy. */
const ROOT_CGROUP = 1;
/** Minor number that the first mounted pseudo file systems leave to nsfs. */
const NSFS_DEVICE = 4;

type Space = 'kernel' | 'user' | 'any';

export class ModelEnv implements HelperEnv {
  readonly memory: LinearMemory;
  /** Set before each run: ctx of the program, its type, and the way it was entered (for the trace flags). */
  ctx = 0;
  progType = '';
  entry: keyof typeof FLAGS = 'kprobe';
  callback: HelperEnv['callback'];
  /** The packet that a networking program runs on. */
  packet: Packet | undefined;
  attachedCgroup: HelperEnv['attachedCgroup'];
  /** Where the program of the packet under way wants it sent; counts when it answers XDP_REDIRECT. */
  redirected: RedirectRequest | undefined;
  /** Takes a copy of the packet under way, which is sent at once. */
  onClone: ((request: RedirectRequest) => void) | undefined;
  readonly task: HelperEnv['task'];
  readonly timers: Timers;
  readonly routes = new Routes();
  program: HelperEnv['program'];
  /** Takes what an iterator's program writes: 0, or -EOVERFLOW. */
  seqFile: ((bytes: Uint8Array) => number) | undefined;
  /** The hook that the program runs at, and the cookie that it was attached with. */
  event: HookEvent | undefined;
  cookie: readonly [number, number] = [0, 0];
  #kernel: ModelKernel;
  #trace: TraceBuffer;
  #maps: ReadonlyMap<number, BpfMap>;
  #onTrace: () => void;

  constructor(kernel: ModelKernel, trace: TraceBuffer, maps: ReadonlyMap<number, BpfMap>, onTrace: () => void) {
    this.memory = kernel.memory;
    this.#kernel = kernel;
    this.#trace = trace;
    this.#maps = maps;
    this.#onTrace = onTrace;
    this.timers = new Timers(kernel, maps, () => this.program);
    this.task = {
      get pid() {
        return kernel.current.tid;
      },
      get tgid() {
        return kernel.current.tgid;
      },
      get uid() {
        return kernel.current.uid;
      },
      get gid() {
        return kernel.current.gid;
      },
      get comm() {
        return kernel.current.comm;
      },
      taskStruct: () => kernel.tasks.struct(kernel.current),
    };
  }

  get cpu(): number {
    return this.#kernel.cpu;
  }

  loadPacket(offset: number, size: number): number | undefined {
    return this.packet && loadFromPacket(this.memory, this.packet, offset, size);
  }

  mapAt(offset: number): BpfMap | undefined {
    return this.#maps.get(offset);
  }

  now(clock: 'monotonic' | 'boottime' | 'tai' | 'realtime'): readonly [number, number] {
    return this.#kernel.clock.now(clock);
  }

  random(): number {
    return this.#kernel.random.next();
  }

  read(space: Space, addressLo: number, addressHi: number, size: number, to: number): number {
    if (size === 0) return 0;
    const u8 = this.memory.u8;
    if (addressHi === KERNEL_HI) {
      const from = addressLo >>> 0;
      if (space === 'user' || from < FIRST_MAPPED || from + size > u8.length) return EFAULT;
      u8.copyWithin(to, from, from + size);
      return 0;
    }
    if (space === 'kernel') return isKernelHalf(addressHi) ? EFAULT : ERANGE;
    const bytes = this.#user(addressLo, addressHi, size);
    if (!bytes) return EFAULT;
    this.memory.u8.set(bytes, to);
    return 0;
  }

  readString(space: Space, addressLo: number, addressHi: number, size: number, to: number): number {
    if (size === 0) return 0;
    const u8 = this.memory.u8;
    let bytes: Uint8Array;
    if (addressHi === KERNEL_HI) {
      const from = addressLo >>> 0;
      if (space === 'user' || from < FIRST_MAPPED || from >= u8.length) return EFAULT;
      bytes = u8.subarray(from, Math.min(from + size, u8.length));
    } else {
      if (space === 'kernel') return isKernelHalf(addressHi) ? EFAULT : ERANGE;
      if (addressHi < 0 || addressHi > USER_HI_MOST) return EFAULT;
      const { view, current } = this.#kernel;
      bytes = view.readUpTo(current.tid, address(addressLo, addressHi), size);
    }
    const nul = bytes.indexOf(0);
    if (nul < 0 && bytes.length < size) return EFAULT;
    // Too long: cut, and the last byte is the NUL.
    const length = nul < 0 || nul >= size ? size : nul + 1;
    this.memory.u8.set(bytes.subarray(0, length - 1), to);
    this.memory.u8[to + length - 1] = 0;
    return length;
  }

  /**
   * Return addresses of the kernel stack: the function that was probed, those that called it, the way in from user space. User stacks are
   * what the source tells.
   */
  callchain(kind: 'kernel' | 'user', most: number): Int32Array | undefined {
    if (kind === 'user') {
      const { userStack } = this.#kernel;
      return userStack.length === 0 ? undefined : halves(userStack.slice(0, most).map((frame) => frame.address));
    }
    const { symbols, current } = this.#kernel;
    const names = [...current.frames.map((frame) => frame.name).reverse(), ...ENTRY_PATH].slice(0, most);
    // A probe stands on its function's first instruction; callers are somewhere inside.
    return halves(
      names.map((name, i) => (symbols.address(name) ?? 0n) + (i === 0 && current.frames.length > 0 ? 0n : CALL_OFFSET)),
    );
  }

  /** Every task is in the root of the one hierarchy (cgroup v2), whose id is 1. */
  cgroupId(level = 0): readonly [number, number] {
    return level === 0 ? [ROOT_CGROUP, 0] : [0, 0];
  }

  underCgroup(slot: number): boolean {
    return slot === ROOT_CGROUP;
  }

  /** Ids in the initial pid namespace, by the device and inode that stat(2) of /proc/PID/ns/pid tells. */
  nsPidTgid(
    dev: readonly [number, number],
    ino: readonly [number, number],
  ): { readonly pid: number; readonly tgid: number } | undefined {
    if (dev[0] !== NSFS_DEVICE || dev[1] !== 0 || ino[0] >>> 0 !== NS_INODES.pid || ino[1] !== 0) return undefined;
    return { pid: this.task.pid, tgid: this.task.tgid };
  }

  /** Objects are told apart by where their structs lie. */
  storageOwner(_kind: 'task' | 'inode' | 'sk' | 'cgrp', addressLo: number, addressHi: number): number {
    return addressHi === KERNEL_HI ? addressLo >>> 0 : 0;
  }

  attachCookie(): readonly [number, number] {
    return this.cookie;
  }

  functionIp(): readonly [number, number] {
    return this.event?.kind === 'function' ? pair(this.event.address) : [0, 0];
  }

  functionArguments(): { readonly count: number; readonly hasReturn: boolean } {
    if (this.event?.kind !== 'function') return { count: 0, hasReturn: false };
    return { count: this.event.args.length, hasReturn: this.event.ret !== undefined };
  }

  /** bpf_send_signal_common() of kernel/trace/bpf_trace.c. */
  sendSignal(signal: number, thread: boolean): number {
    const { current } = this.#kernel;
    if (current.tid === 0 || current.exiting || current.tgid === 1) return EPERM;
    if (signal < 0 || signal > SIGNAL_MOST) return EINVAL;
    return this.#kernel.signal(current, signal, thread);
  }

  readTask(task: number, addressLo: number, addressHi: number, size: number, to: number): number {
    const owner = this.#kernel.tasks.at(task);
    if (!owner || addressHi < 0 || addressHi > USER_HI_MOST) return EFAULT;
    const bytes = this.#kernel.view.read(owner.tid, address(addressLo, addressHi), size);
    if (!bytes) return EFAULT;
    this.memory.u8.set(bytes, to);
    return 0;
  }

  taskPtRegs(task: number): number {
    const { current, tasks } = this.#kernel;
    return tasks.at(task) === current ? this.#kernel.userRegisters() : 0;
  }

  /** d_path(): names of the dentries from the struct path at this offset up to the root. */
  pathText(path: number): string | undefined {
    const { objects, memory } = this.#kernel;
    const offset = (at: bigint) => Number(at - kernelAddress(0));
    const names: string[] = [];
    let dentry = objects.get('path', path, 'dentry');
    for (let steps = 0; dentry !== 0n && steps < DEPTH_MOST; steps++) {
      const at = offset(dentry);
      const nameAt = offset(objects.get('dentry', at, 'd_name.name'));
      const length = Number(objects.get('dentry', at, 'd_name.len'));
      const name = utf8Decode(memory.u8.slice(nameAt, nameAt + length));
      const parent = objects.get('dentry', at, 'd_parent');
      if (parent === dentry) return name === '/' ? `/${names.join('/')}` : [name, ...names].join('/');
      names.unshift(name);
      dentry = parent;
    }
    return undefined;
  }

  seqWrite(_seq: number, bytes: Uint8Array): number {
    return this.seqFile?.(bytes) ?? EINVAL;
  }

  redirect(request: RedirectRequest): number {
    if (request.clone) {
      // __bpf_clone_redirect(): the device must be there now.
      if (DEVICES[(request.ifindex ?? 0) - 1] === undefined) return EINVAL;
      this.onClone?.(request);
      return 0;
    }
    this.redirected = request;
    return 0;
  }

  deviceMtu(ifindex: number): number | undefined {
    return DEVICES[ifindex - 1] === undefined ? undefined : ifindex === 1 ? LOOPBACK_MTU : ETHERNET_MTU;
  }

  route(destination: Uint8Array): Route | undefined {
    return this.routes.find(destination);
  }

  socketFacts(lo: number, hi: number): ReturnType<NonNullable<HelperEnv['socketFacts']>> {
    const at = lo >>> 0;
    if (hi !== KERNEL_HI || at < FIRST_MAPPED || at >= this.memory.u8.length) return undefined;
    const get = (path: string): bigint => this.#kernel.objects.get('sock', at, path);
    return {
      family: Number(get('__sk_common.skc_family')),
      state: Number(get('__sk_common.skc_state')),
      type: Number(get('sk_type')),
      protocol: Number(get('sk_protocol')),
      cookie: pair(get('__sk_common.skc_cookie.counter')),
    };
  }

  /** For %pS and its like. */
  ksymbol(lo: number, hi: number): ReturnType<NonNullable<HelperEnv['ksymbol']>> {
    const found = this.#kernel.symbols.at(BigInt.asUintN(64, (BigInt(hi) << 32n) | BigInt(lo >>> 0)));
    return found && { ...found, size: FUNCTION_SIZE, module: found.module === 'kernel' ? '' : found.module };
  }

  ksymbolAddress(name: string): readonly [number, number] | undefined {
    const address = this.#kernel.symbols.address(name);
    if (address === undefined) return undefined;
    return pair(address);
  }

  tracePrintk(text: string): void {
    const { clock, current, cpu } = this.#kernel;
    this.#trace.write({
      // trace_find_cmdline() calls the idle task so, whatever its comm.
      comm: current.tid === 0 ? '<idle>' : current.comm,
      pid: current.tid,
      cpu,
      flags: FLAGS[this.entry],
      seconds: clock.seconds,
      nanos: clock.nanos,
      message: text,
    });
    this.#onTrace();
  }

  #user(lo: number, hi: number, size: number): Uint8Array | undefined {
    if (hi < 0 || hi > USER_HI_MOST) return undefined;
    const { view, current } = this.#kernel;
    return view.read(current.tid, address(lo, hi), size);
  }
}

/** Addresses as low and high halves. */
function halves(addresses: readonly bigint[]): Int32Array {
  return Int32Array.from(addresses.flatMap((a) => [Number(BigInt.asIntN(32, a)), Number(BigInt.asIntN(32, a >> 32n))]));
}

/** Upper canonical half: sign-extended from bit 47. */
function isKernelHalf(hi: number): boolean {
  return hi >> 15 === -1;
}

function address(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}

/** An address as [low, high]. */
function pair(value: bigint): readonly [number, number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}
