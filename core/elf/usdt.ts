/**
 * USDT probes of a program or library: the notes that <sys/sdt.h> leaves in `.note.stapsdt`
 * (https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation). Each note is one place in the code (a nop) where a probe of a provider
 * fires, with what its arguments are there; one probe may have many places.
 */
import { BpfError } from '../base/errors.ts';
import type { ElfFile } from './read.ts';

const NOTE_NAME = 'stapsdt';
const NOTE_TYPE = 3;

/** One place where a probe fires. Addresses are virtual addresses of the file. */
export interface UsdtNote {
  readonly provider: string;
  readonly name: string;
  readonly address: bigint;
  /** Address of the 16-bit counter that must be above 0 for the probe to fire; 0n: it always fires. */
  readonly semaphore: bigint;
  /** The counter's position in the file, where it has one. */
  readonly semaphoreOffset: number | undefined;
  /** Where the arguments are, in the assembler's words: `-4@%edi 8@-16(%rbp)`. */
  readonly args: string;
}

/** All notes, in the file's order. Throws BpfError ELF for a note that is cut short. */
export function readUsdtNotes(elf: ElfFile): UsdtNote[] {
  // Prelinking moves code and not notes: the difference is that of this section's address to what a note remembers of it.
  const base = elf.section('.stapsdt.base')?.address;
  const notes: UsdtNote[] = [];
  for (const { name: owner, type, desc } of elf.notes()) {
    if (owner !== NOTE_NAME || type !== NOTE_TYPE) continue;
    if (desc.length < 24) throw new BpfError('ELF', `malformed ELF file: a USDT note of ${desc.length} bytes`);
    const view = new DataView(desc.buffer, desc.byteOffset, desc.byteLength);
    const moved = base === undefined ? 0n : base - view.getBigUint64(8, true);
    const [provider, name, args] = texts(desc.subarray(24));
    if (provider === undefined || name === undefined || args === undefined)
      throw new BpfError('ELF', 'malformed ELF file: a USDT note without provider, name and arguments');
    const raw = view.getBigUint64(16, true);
    const semaphore = raw === 0n ? 0n : BigInt.asUintN(64, raw + moved);
    notes.push({
      provider,
      name,
      address: BigInt.asUintN(64, view.getBigUint64(0, true) + moved),
      semaphore,
      semaphoreOffset: semaphore === 0n ? undefined : elf.fileOffset(semaphore),
      args,
    });
  }
  return notes;
}

function texts(bytes: Uint8Array): string[] {
  const out: string[] = [];
  let text = '';
  for (const byte of bytes) {
    if (byte === 0) {
      out.push(text);
      text = '';
      if (out.length === 3) break;
    } else text += String.fromCharCode(byte);
  }
  return out;
}
