/**
 * class USDT: probes that programs were built with, by process or by file. BCC's class of the same name (src/python/bcc/usdt.py): enable probes,
 * hand the object to `new BPF({ usdtContexts: [u] })`, and the functions run where the probes stand.
 */
import { BpfError, nearestNames } from '../../base/errors.ts';
import { ELF_TYPE, PT } from '../../elf/read.ts';
import { readUsdtNotes } from '../../elf/usdt.ts';
import { type Named, named } from '../options.ts';
import { currentSession } from '../session.ts';
import { functionsIn, mappings, openElf, pathIn, userPath } from '../user-code.ts';
import { USDTProbe, USDTProbeLocation } from './probe.ts';
import { argumentReaders } from './readers.ts';

export interface UsdtOptions {
  pid?: number;
  /** A program or library; with a pid, of that process. */
  path?: string;
}

/** One uprobe that an enabled probe asks for. */
export interface ActiveProbe {
  readonly binPath: string;
  readonly fnName: string;
  readonly address: bigint;
  /** -1: every process. */
  readonly pid: number;
  /** File offset of the counter that makes the probe fire. */
  readonly refCtrOffset: number | undefined;
}

export class USDT {
  readonly pid: number | undefined;
  readonly path: string | undefined;
  readonly #probes: USDTProbe[] = [];

  /** Look the probes up. Throws BpfError USDT for a process that is not there, and for what is no ELF file. */
  constructor(options: Named<UsdtOptions>) {
    const { pid, path } = named<UsdtOptions>('new USDT', options, ['pid', 'path']);
    if (pid !== undefined && pid > 0) this.pid = pid;
    this.path = path;
    if (this.pid === undefined && path === undefined)
      throw new BpfError('USDT', 'new USDT: a pid or the path of a program is needed');
    for (const file of this.#files()) this.#read(file);
  }

  #files(): string[] {
    if (this.path !== undefined) return [userPath(this.path, this.pid ?? -1)];
    const mapped = mappings(this.pid!);
    if (!mapped) throw new BpfError('USDT', `new USDT: there is no process ${this.pid}, or it may not be looked at`);
    return [...new Set(mapped.filter((m) => m.executable).map((m) => pathIn(this.pid, m.path)))];
  }

  #read(file: string): void {
    const elf = openElf(file);
    if (!elf) {
      // Of a process, what is mapped and no ELF file any more is passed over.
      if (this.path === undefined) return;
      throw new BpfError('USDT', `new USDT: '${this.path}' is no program or library that can be read`);
    }
    for (const note of readUsdtNotes(elf)) {
      let probe = this.#probes.find((p) => p.provider === note.provider && p.name === note.name);
      if (!probe) {
        probe = new USDTProbe(file, note);
        this.#probes.push(probe);
      }
      if (probe.locations.some((l) => l.binPath === file && l.address === note.address)) continue;
      probe.locations.push(new USDTProbeLocation(file, note));
    }
  }

  /** Run a function of the program where this probe stands: 'name', or 'provider:name' where two providers have one. */
  enableProbe(options: Named<{ probe?: string; fnName?: string }> | string, fnName?: string): void {
    const given =
      typeof options === 'string'
        ? { probe: options, fnName }
        : named<{ probe?: string; fnName?: string }>('enableProbe', options, ['probe', 'fnName']);
    if (given.probe === undefined || given.fnName === undefined)
      throw new TypeError("enableProbe: 'probe' and 'fnName' are needed");
    const probe = this.#find(given.probe);
    if (probe.fnName !== undefined)
      throw new BpfError('USDT', `USDT probe ${probe.shortName()} runs '${probe.fnName}' already`);
    probe.fnName = given.fnName;
  }

  /** As enableProbe; a probe that is not there ends the script with its message on standard error. */
  enableProbeOrBail(options: Named<{ probe?: string; fnName?: string }> | string, fnName?: string): void {
    try {
      this.enableProbe(options, fnName);
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      currentSession().warn(error.message);
      throw new Bailed(error.message, error);
    }
  }

  #find(name: string): USDTProbe {
    const colon = name.indexOf(':');
    const [provider, bare] = colon < 0 ? [undefined, name] : [name.slice(0, colon), name.slice(colon + 1)];
    const found = this.#probes.filter((p) => p.name === bare && (provider === undefined || p.provider === provider));
    if (found.length > 1)
      throw new BpfError(
        'USDT',
        `USDT probe '${name}' is of several providers: ${found.map((p) => p.shortName()).join(', ')}`,
      );
    if (found[0]) return found[0];
    const near = nearestNames(
      name,
      this.#probes.map((p) => (provider === undefined ? p.name : p.shortName())),
    );
    const what = this.path ?? `process ${this.pid}`;
    throw new BpfError(
      'USDT',
      `${what} has no USDT probe '${name}'${near.length > 0 ? `; nearest: ${near.join(', ')}` : this.#probes.length === 0 ? ': it was built without any' : ''}`,
    );
  }

  /** All probes that were found. */
  enumerateProbes(): USDTProbe[] {
    return [...this.#probes];
  }

  /** The uprobes that the enabled probes ask for. */
  enumerateActiveProbes(): ActiveProbe[] {
    return this.#probes.flatMap((probe) =>
      probe.fnName === undefined
        ? []
        : probe.locations.map(({ binPath, address }) => ({
            binPath,
            fnName: probe.fnName!,
            address,
            pid: this.pid ?? -1,
            refCtrOffset: probe.semaphoreOffset,
          })),
    );
  }

  /** C type of a probe's argument, from 0: 'uint64_t'. */
  getProbeArgCtype(probeName: string, argIndex: number): string {
    return this.#find(probeName).argumentCtype(argIndex);
  }

  /** The C text that reads the arguments of the enabled probes; `new BPF` puts it before the program. */
  getText(): string {
    return this.#probes
      .map((probe) =>
        probe.fnName === undefined
          ? ''
          : argumentReaders(probe, probe.fnName, {
              globalAddress: (path, address) => this.#globalAddress(path, address),
              symbolAddress: (path, name) => this.#symbolAddress(path, name),
            }),
      )
      .join('');
  }

  /** BCC's handle for its C library: here the object itself. */
  getContext(): USDT {
    return this;
  }

  #globalAddress(path: string, address: bigint): bigint | undefined {
    const elf = openElf(path);
    if (!elf) return undefined;
    if (elf.type === ELF_TYPE.EXEC) return address;
    if (this.pid === undefined) return undefined;
    // Where one page of the file is tells how far all of it was moved.
    for (const m of mappings(this.pid) ?? []) {
      if (!path.endsWith(m.path)) continue;
      const segment = elf.segments.find(
        (s) => s.type === PT.LOAD && Number(m.offset) <= s.offset && s.offset < Number(m.offset + (m.end - m.start)),
      );
      if (segment) return address + m.start - (segment.address - (BigInt(segment.offset) - m.offset));
    }
    return undefined;
  }

  #symbolAddress(path: string, name: string): bigint | undefined {
    const elf = openElf(path);
    if (!elf) return undefined;
    const symbol =
      [...elf.symbols(), ...elf.dynamicSymbols()].find((s) => s.name === name && s.value !== 0n)?.value ??
      functionsIn(path, elf).find((f) => f.name === name)?.address;
    return symbol === undefined ? undefined : this.#globalAddress(path, symbol);
  }
}

/** The script is to end with status 1: what BCC's enable_probe_or_bail does. */
export class Bailed extends BpfError {
  readonly exitStatus = 1;
  constructor(message: string, cause: unknown) {
    super('BAILED', message, { cause });
  }
}
