/** USDT probes as BCC's USDT.enumerate_probes() gives them: a probe, its places, the arguments of each. */
import { BpfError } from '../../base/errors.ts';
import type { UsdtNote } from '../../elf/usdt.ts';
import { argumentType, parseUsdtArguments, type UsdtArgument } from './operand.ts';

export class USDTProbeArgument {
  readonly argument: UsdtArgument;

  constructor(argument: UsdtArgument) {
    this.argument = argument;
  }

  get size(): number {
    return this.argument.size;
  }

  get signed(): boolean {
    return this.argument.signed;
  }

  /** `4 signed   bytes @ di`: BCC's form. */
  toString(): string {
    const { size, signed, constant, register, memory } = this.argument;
    return `${size} ${signed ? 'signed  ' : 'unsigned'} bytes @ ${constant ?? register?.name ?? place(memory!)}`;
  }
}

function place(memory: NonNullable<UsdtArgument['memory']>): string {
  const { base, index, scale, displacement, symbol } = memory;
  const sign = displacement < 0n ? '-' : '+';
  const distance = displacement < 0n ? -displacement : displacement;
  if (symbol !== undefined) return `*(&${symbol} ${sign} ${distance})`;
  const scaled = index === undefined ? '' : ` + ${index}${scale === 1 ? '' : ` * ${scale}`}`;
  return `*(${base} ${sign} ${distance}${scaled})`;
}

export class USDTProbeLocation {
  /** Virtual address of the file. */
  readonly address: bigint;
  readonly binPath: string;
  readonly args: readonly UsdtArgument[];

  constructor(binPath: string, note: UsdtNote) {
    this.binPath = binPath;
    this.address = note.address;
    this.args = parseUsdtArguments(note.args);
  }

  get numArguments(): number {
    return this.args.length;
  }

  /** Throws BpfError USDT for an argument that is not there. */
  getArgument(index: number): USDTProbeArgument {
    const argument = this.args[index];
    if (!argument)
      throw new BpfError('USDT', `argument ${index} of a probe with ${this.args.length} arguments (they count from 0)`);
    return new USDTProbeArgument(argument);
  }

  toString(): string {
    return `${this.binPath} 0x${this.address.toString(16)}`;
  }
}

export class USDTProbe {
  readonly provider: string;
  readonly name: string;
  readonly binPath: string;
  readonly semaphore: bigint;
  readonly semaphoreOffset: number | undefined;
  readonly locations: USDTProbeLocation[] = [];
  /** The function that the probe runs once it was enabled. */
  fnName: string | undefined;

  constructor(binPath: string, note: UsdtNote) {
    this.provider = note.provider;
    this.name = note.name;
    this.binPath = binPath;
    this.semaphore = note.semaphore;
    this.semaphoreOffset = note.semaphoreOffset;
  }

  get numLocations(): number {
    return this.locations.length;
  }

  get numArguments(): number {
    return this.locations[0]?.numArguments ?? 0;
  }

  /** `provider:name` */
  shortName(): string {
    return `${this.provider}:${this.name}`;
  }

  getLocation(index: number): USDTProbeLocation {
    const location = this.locations[index];
    if (!location)
      throw new BpfError('USDT', `place ${index} of ${this.shortName()}, which has ${this.locations.length} (from 0)`);
    return location;
  }

  /** C type of an argument: the widest of all places. Throws BpfError USDT when a place has no such argument. */
  argumentCtype(index: number): string {
    const all = this.locations.map((location) => location.getArgument(index).argument);
    return argumentType(all.reduce((widest, argument) => (argument.size > widest.size ? argument : widest)));
  }

  toString(): string {
    return `${this.shortName()} [sema 0x${this.semaphore.toString(16)}]`;
  }
}
