/**
 * A small x86-64 program as an ELF file, made in memory: functions, USDT notes (as <sys/sdt.h> leaves them), a build id. What tests of symbols and
 * probes look at instead of the machine's own programs.
 */

export interface ImageNote {
  readonly provider: string;
  readonly name: string;
  readonly address: bigint;
  readonly semaphore?: bigint;
  readonly args?: string;
}

export interface ImageOptions {
  readonly functions?: readonly (readonly [name: string, address: bigint, size: number])[];
  readonly notes?: readonly ImageNote[];
  readonly buildId?: Uint8Array;
  /** ET_DYN (3) moves as a whole when it is mapped; ET_EXEC (2), the default, does not. */
  readonly type?: 2 | 3;
}

/** File offset and virtual address of the one LOAD segment. */
export const TEXT_OFFSET = 0x1000;
export const TEXT_ADDRESS = 0x401000n;
const TEXT_SIZE = 0x1000;

class Writer {
  bytes: number[] = [];
  u8(...values: number[]): this {
    this.bytes.push(...values);
    return this;
  }
  u16(value: number): this {
    return this.u8(value & 255, value >> 8);
  }
  u32(value: number): this {
    return this.u16(value & 0xffff).u16(value >>> 16);
  }
  u64(value: bigint | number): this {
    const v = BigInt(value);
    return this.u32(Number(v & 0xffffffffn)).u32(Number(v >> 32n));
  }
  text(text: string): this {
    return this.u8(...Buffer.from(`${text}\0`));
  }
  pad(to: number): this {
    while (this.bytes.length % to !== 0) this.u8(0);
    return this;
  }
}

const note = (name: string, type: number, desc: readonly number[]) =>
  new Writer()
    .u32(name.length + 1)
    .u32(desc.length)
    .u32(type)
    .text(name)
    .pad(4)
    .u8(...desc)
    .pad(4).bytes;

export function elfImage({ functions = [], notes = [], buildId, type = 2 }: ImageOptions): Uint8Array {
  const base = TEXT_ADDRESS + 0xf00n;
  const strings = new Writer().u8(0);
  const symbols = new Writer().u64(0).u64(0).u64(0);
  for (const [name, address, size] of functions) {
    symbols.u32(strings.bytes.length).u8(0x12, 0).u16(1).u64(address).u64(size);
    strings.text(name);
  }
  const usdt = notes.flatMap((n) =>
    note('stapsdt', 3, [
      ...new Writer()
        .u64(n.address)
        .u64(base)
        .u64(n.semaphore ?? 0n)
        .text(n.provider)
        .text(n.name)
        .text(n.args ?? '').bytes,
    ]),
  );
  const id = buildId ? note('GNU', 3, [...buildId]) : [];
  const sections: {
    name: string;
    type: number;
    address: bigint;
    data: number[];
    offset?: number;
    link?: number;
    entry?: number;
  }[] = [
    { name: '', type: 0, address: 0n, data: [] },
    { name: '.text', type: 1, address: TEXT_ADDRESS, data: [], offset: TEXT_OFFSET },
    { name: '.stapsdt.base', type: 1, address: base, data: [], offset: TEXT_OFFSET + 0xf00 },
    { name: '.note.stapsdt', type: 7, address: 0n, data: usdt },
    { name: '.note.gnu.build-id', type: 7, address: 0n, data: id },
    { name: '.symtab', type: 2, address: 0n, data: symbols.bytes, link: 6, entry: 24 },
    { name: '.strtab', type: 3, address: 0n, data: strings.bytes },
    { name: '.shstrtab', type: 3, address: 0n, data: [] },
  ];
  const names = new Writer();
  const nameAt = sections.map(({ name }) => {
    const at = names.bytes.length;
    names.text(name);
    return at;
  });
  sections.at(-1)!.data = names.bytes;
  const body = new Writer();
  const start = TEXT_OFFSET + TEXT_SIZE;
  const places = sections.map((s) => {
    body.pad(8);
    const at = s.offset ?? start + body.bytes.length;
    if (s.offset === undefined) body.u8(...s.data);
    return at;
  });
  body.pad(8);
  const headersAt = start + body.bytes.length;
  const headers = new Writer();
  sections.forEach((s, i) => {
    const size = s.offset === undefined ? s.data.length : s.name === '.text' ? TEXT_SIZE : 1;
    headers
      .u32(nameAt[i]!)
      .u32(s.type)
      .u64(s.name.startsWith('.text') ? 6 : 2)
      .u64(s.address)
      .u64(places[i]!)
      .u64(size);
    headers
      .u32(s.link ?? 0)
      .u32(0)
      .u64(4)
      .u64(s.entry ?? 0);
  });
  const head = new Writer()
    .u8(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0)
    .u64(0)
    .u16(type)
    .u16(62)
    .u32(1)
    .u64(TEXT_ADDRESS)
    .u64(64)
    .u64(headersAt)
    .u32(0)
    .u16(64)
    .u16(56)
    .u16(1)
    .u16(64)
    .u16(sections.length)
    .u16(sections.length - 1)
    .u32(1)
    .u32(5)
    .u64(TEXT_OFFSET)
    .u64(TEXT_ADDRESS)
    .u64(TEXT_ADDRESS)
    .u64(TEXT_SIZE)
    .u64(TEXT_SIZE)
    .u64(0x1000);
  const out = new Uint8Array(headersAt + headers.bytes.length);
  out.set(head.bytes);
  out.set(body.bytes, start);
  out.set(headers.bytes, headersAt);
  return out;
}
