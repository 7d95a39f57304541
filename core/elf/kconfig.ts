/**
 * `extern int CONFIG_HZ __kconfig;`: what the kernel was built with, as constants of the program. clang leaves undefined symbols, which a loader places in
 * a read-only array of one value (libbpf: bpf_object__collect_externs, bpf_object__load_vmlinux_kconfig). The verifier knows what such an
 * array holds, so what a setting leaves out is dead code.
 */
import { utf8Encode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfOf } from '../btf/btf.ts';
import { alignOf, resolve, sizeOf } from '../btf/layout.ts';
import type { MapSpec } from '../spec/spec.ts';
import { RDONLY_DATA_FLAGS } from './map-defs.ts';
import { type ElfSymbol, SHN, STB } from './read.ts';

/**
 * A setting of the kernel that is loaded into, as its .config writes it: `y`, `m`, a number, a text in quotes; undefined where it is not set.
 * LINUX_KERNEL_VERSION, LINUX_HAS_BPF_COOKIE and LINUX_HAS_SYSCALL_WRAPPER, which no .config has, are asked for in the same way.
 */
export type Kconfig = (name: string) => string | undefined;

/** The array and where in it each setting stands. */
export interface KconfigMap {
  readonly spec: MapSpec;
  readonly offsets: ReadonlyMap<string, number>;
}

/** Its name among maps. As one of constants it is created, filled and frozen like those of the program's own. */
const MAP_NAME = '.rodata.kconfig';
const SECTION = '.kconfig';
/** enum libbpf_tristate of bpf_helpers.h. */
const TRISTATE: Readonly<Record<string, number>> = { n: 0, y: 1, m: 2 };

/**
 * The settings that the object asks for; undefined where it asks for none. Throws BpfError ELF for one that is not set, unless it is weak. Without
 * `kconfig` all are 0: who only shows a program needs no kernel.
 */
export function readKconfig(
  symbols: readonly ElfSymbol[],
  btf: Btf | undefined,
  kconfig: Kconfig | undefined,
): KconfigMap | undefined {
  const id = btf?.find(SECTION, 'datasec');
  const section = id === undefined ? undefined : btf!.type(id);
  if (!btf || section?.kind !== 'datasec') return undefined;
  const wanted = section.vars
    .map(({ type }) => btf.type(type))
    .filter((v): v is BtfOf<'var'> => v.kind === 'var')
    .map(({ name, type }) => ({ name, type, size: sizeOf(btf, type), align: alignOf(btf, type) }))
    // No byte is lost between them.
    .sort((a, b) => b.align - a.align || a.size - b.size || (a.name < b.name ? -1 : 1));
  const offsets = new Map<string, number>();
  let end = 0;
  for (const { name, size, align } of wanted) {
    const at = Math.ceil(end / align) * align;
    offsets.set(name, at);
    end = at + size;
  }
  const value = new Uint8Array(end);
  for (const { name, type, size } of wanted) {
    const setting = kconfig?.(name);
    if (setting !== undefined) {
      value.subarray(offsets.get(name)!, offsets.get(name)! + size).set(bytesOf(btf, name, type, setting));
    } else if (kconfig && !symbols.some((s) => s.section === SHN.UNDEF && s.name === name && s.binding === STB.WEAK)) {
      throw new BpfError(
        'ELF',
        `'${name}' is not set in the kernel's configuration, or that is not at hand; declare it __weak and it is 0 then`,
      );
    }
  }
  const spec: MapSpec = {
    name: MAP_NAME,
    type: 'array',
    keySize: 4,
    valueSize: end,
    maxEntries: 1,
    flags: RDONLY_DATA_FLAGS,
    keyType: 0,
    valueType: 0,
    initial: [{ key: new Uint8Array(4), value }],
    readOnly: true,
  };
  return { spec, offsets };
}

/** The setting as the variable's type holds it. */
function bytesOf(btf: Btf, name: string, typeId: number, setting: string): Uint8Array {
  const type = resolve(btf, typeId);
  const bytes = new Uint8Array(sizeOf(btf, typeId));
  if (setting.startsWith('"')) {
    const text = utf8Encode(setting.slice(1, setting.endsWith('"') && setting.length > 1 ? -1 : undefined));
    if (type.kind !== 'array' || resolve(btf, type.type).kind !== 'int' || sizeOf(btf, type.type) !== 1)
      throw unfit(name, setting, 'an array of char');
    // A text that is too long is cut off, with its end.
    bytes.set(text.subarray(0, Math.max(0, bytes.length - 1)));
    return bytes;
  }
  const tristate = TRISTATE[setting];
  if (tristate !== undefined) {
    if (type.kind === 'int' && type.bool && setting !== 'm') bytes[0] = tristate;
    else if (type.kind === 'enum' && /^libbpf_tristate(___.*)?$/.test(type.name)) bytes[0] = tristate;
    else if (type.kind === 'int' && type.size === 1 && !type.bool) bytes[0] = setting.charCodeAt(0);
    else throw unfit(name, setting, 'bool (unless m), enum libbpf_tristate or char');
    return bytes;
  }
  if (!/^-?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(setting) || type.kind !== 'int' || type.size > 8)
    throw unfit(name, setting, 'an integer type');
  const number = setting.startsWith('-') ? -BigInt(setting.slice(1)) : BigInt(setting);
  if (!fits(type, number)) throw unfit(name, setting, `an integer type that holds it, and ${type.name} does not`);
  const all = new DataView(new ArrayBuffer(8));
  all.setBigInt64(0, BigInt.asIntN(64, number), true);
  bytes.set(new Uint8Array(all.buffer, 0, type.size));
  return bytes;
}

function fits(type: BtfOf<'int'>, number: bigint): boolean {
  if (type.bool) return number === 0n || number === 1n;
  const bits = 8 * type.size;
  return number === (type.signed ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number));
}

function unfit(name: string, setting: string, wanted: string): BpfError {
  return new BpfError('ELF', `'${name}' is ${setting} in the kernel's configuration: the variable must be ${wanted}`);
}
