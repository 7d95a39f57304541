/**
 * Kernel values out of plain objects: what a test writes as `{ sk: { __sk_common: { skc_dport: 0x5000 } } }` becomes structs in the model kernel's
 * memory, laid out by its BTF. Fields are named as C names them, pointers to structs are objects in turn.
 */
import { utf8Encode } from '../../core/base/bytes.ts';
import { BpfError, nearestNames } from '../../core/base/errors.ts';
import { kernelAddress } from '../../core/base/memory.ts';
import { resolve } from '../../core/btf/layout.ts';
import type { KernelObjects } from '../../core/model/objects.ts';

/** A number; text for char arrays and char pointers; bytes or numbers for arrays; an object for a struct or a pointer to one. */
export type Made =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly number[]
  | { readonly [field: string]: Made };

/** An argument of BTF type `typeId` as 64 bits: numbers as they are, all else as the address of what is made. Throws BpfError EINVAL. */
export function makeArgument(objects: KernelObjects, typeId: number, value: Made, what: string): bigint {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value);
  const type = resolve(objects.btf, typeId);
  if (type.kind !== 'ptr') throw new BpfError('EINVAL', `${what} is no pointer: it takes a number`);
  return kernelAddress(makePointee(objects, type.type, value, what));
}

/** Offset of what a pointer to a `target` points to. */
function makePointee(
  objects: KernelObjects,
  target: number,
  value: Exclude<Made, number | bigint | boolean>,
  what: string,
): number {
  const { memory } = objects;
  if (typeof value === 'string') return place(objects, Uint8Array.of(...utf8Encode(value), 0));
  if (value instanceof Uint8Array) return place(objects, value);
  if (Array.isArray(value)) return place(objects, Uint8Array.from(value as readonly number[]));
  const type = resolve(objects.btf, target);
  if (type.kind !== 'struct' && type.kind !== 'union')
    throw new BpfError('EINVAL', `${what} points to no struct: it takes text, bytes or a number`);
  const at = type.name !== '' && objects.has(type.name) ? objects.allocate(type.name) : memory.alloc(type.size);
  fill(objects, type.name, at, '', value as { readonly [field: string]: Made }, what);
  return at;
}

function place(objects: KernelObjects, bytes: Uint8Array): number {
  const at = objects.memory.alloc(Math.max(bytes.length, 1));
  objects.memory.u8.set(bytes, at);
  return at;
}

/** Writes fields of a struct, `path` deep. */
function fill(
  objects: KernelObjects,
  struct: string,
  at: number,
  path: string,
  fields: { readonly [field: string]: Made },
  what: string,
): void {
  for (const [name, value] of Object.entries(fields)) {
    const full = path === '' ? name : `${path}.${name}`;
    const found = objects.find(struct, full);
    if (!found)
      throw new BpfError(
        'EINVAL',
        `${what}: struct ${struct} has no field ${full}${near(objects, struct, path, name)}`,
      );
    const type = resolve(objects.btf, found.type);
    if (typeof value === 'boolean') objects.set(struct, at, full, value ? 1 : 0);
    else if (typeof value === 'number' || typeof value === 'bigint') objects.set(struct, at, full, value);
    else if (type.kind === 'ptr')
      objects.point(struct, at, full, makePointee(objects, type.type, value, `${what}.${full}`));
    else if (typeof value === 'string') objects.bytes(struct, at, full, utf8Encode(value));
    else if (value instanceof Uint8Array) objects.bytes(struct, at, full, value);
    else if (Array.isArray(value))
      value.forEach((element: number, i) => {
        objects.set(struct, at, `${full}[${i}]`, element);
      });
    else fill(objects, struct, at, full, value as { readonly [field: string]: Made }, what);
  }
}

function near(objects: KernelObjects, struct: string, path: string, name: string): string {
  const id = path === '' ? objects.btf.find(struct, 'struct') : objects.find(struct, path)?.type;
  const type = id === undefined ? undefined : resolve(objects.btf, id);
  if (type?.kind !== 'struct' && type?.kind !== 'union') return '';
  const names = nearestNames(
    name,
    type.members.map((m) => m.name),
  );
  return names.length > 0 ? `; nearest: ${names.join(', ')}` : '';
}
