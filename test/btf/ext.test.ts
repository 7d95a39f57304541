import { describe, expect, it } from 'vitest';
import { BpfError } from '../../core/base/errors.ts';
import { type BtfExt, readBtfExt, writeBtfExt } from '../../core/btf/ext.ts';
import { BtfBuilder } from '../../core/btf/write.ts';

describe('.BTF.ext', () => {
  const builder = new BtfBuilder();
  const proto = builder.funcProto(builder.int('int', 4, { signed: true }), []);
  const ext: BtfExt = {
    funcs: [
      { section: 'kprobe/a', insn: 0, typeId: builder.func('a', proto) },
      { section: 'kprobe/a', insn: 7, typeId: builder.func('inner', proto, 'static') },
      { section: 'xdp', insn: 0, typeId: builder.func('b', proto) },
    ],
    lines: [
      { section: 'kprobe/a', insn: 0, file: 'x.c', line: 3, column: 9, text: 'int a(void) {' },
      { section: 'kprobe/a', insn: 7, file: 'x.c', line: 70000, column: 1023, text: '  return "\u00e9";' },
    ],
    relos: [{ section: 'xdp', insn: 2, typeId: 1, access: '0:1:2', kind: 'field_byte_offset' }],
  };
  const bytes = writeBtfExt(builder, ext);
  const btf = builder.build();

  it('is read back as it was written', () => {
    expect(readBtfExt(bytes, btf)).toEqual(ext);
  });

  it('keeps columns inside of their 10 bits', () => {
    const b = new BtfBuilder();
    const wide = writeBtfExt(b, {
      funcs: [],
      lines: [{ section: 's', insn: 0, file: 'f', line: 2, column: 5000, text: '' }],
      relos: [],
    });
    expect(readBtfExt(wide, b.build()).lines[0]).toMatchObject({ line: 2, column: 1023 });
  });

  it('may be empty', () => {
    const b = new BtfBuilder();
    expect(readBtfExt(writeBtfExt(b, { funcs: [], lines: [], relos: [] }), b.build())).toEqual({
      funcs: [],
      lines: [],
      relos: [],
    });
  });

  it('refuses damage with one kind of error', () => {
    let refused = 0;
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const copy = bytes.slice();
        copy[at] = value;
        try {
          readBtfExt(copy, btf);
        } catch (error) {
          if (!(error instanceof BpfError)) throw error;
          refused++;
        }
      }
      expect(() => readBtfExt(bytes.subarray(0, at), btf)).toThrow(BpfError);
    }
    expect(refused).toBeGreaterThan(100);
  });
});
