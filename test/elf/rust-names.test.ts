/** Names that rustc 1.37 and later make, and what they are in source code. */
import { describe, expect, it } from 'vitest';
import { rustName } from '../../core/elf/rust-names.ts';

const CONST = '_RMCs4fqI2P2rA04_13const_genericINtB0_';

describe("Rust's names", () => {
  it.each([
    ['_RNvC6_123foo3bar', '123foo::bar'],
    ['_RNvCs1234_7mycrate4main', 'mycrate::main'],
    ['_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_', 'cc::spawn::{closure#0}::{closure#0}'],
    [
      '_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_',
      '<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<core::slice::memchr::memrchr::{closure#1}>::{closure#0}',
    ],
    [
      '_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std',
      'alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>',
    ],
    ['_RMC0INtC8arrayvec8ArrayVechKj7b_E', '<arrayvec::ArrayVec<u8, 123>>'],
    [`${CONST}8UnsignedKhb_E`, '<const_generic::Unsigned<11>>'],
    [`${CONST}6SignedKanb_E`, '<const_generic::Signed<-11>>'],
    [`${CONST}4BoolKb1_E`, '<const_generic::Bool<true>>'],
    [`${CONST}4CharKc76_E`, "<const_generic::Char<'v'>>"],
    ['_RNvNvMCs4fqI2P2rA04_13const_genericINtB4_3FooKpE3foo3FOO', '<const_generic::Foo<_>>::foo::FOO'],
    ['_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y', 'utf8_idents::საჭმელად_გემრიელი_სადილი'],
    ['_RINvC3foo3barRSeTlmEFG_RL0_hEuE', "foo::bar::<&[str], (i32, u32), for<'a> fn(&'a u8)>"],
    ['_RINvC3foo3barFUKCPhOvEjE', 'foo::bar::<unsafe extern "C" fn(*const u8, *mut ...) -> usize>'],
    ['_RINvC3foo3barAhj4_TuEE', 'foo::bar::<[u8; 4], ((),)>'],
    ['_RINvC3foo3barAhKj4_E', undefined],
    ['_RINvC3foo3barAhj4_E', 'foo::bar::<[u8; 4]>'],
    ['_RC3foo.llvm.9D1C9369', 'foo'],
    ['_RNvC3foo3bar.cold', 'foo::bar.cold'],
    ['_RNvC3foo3ba', undefined],
    ['_RNvC3foo99bar', undefined],
    ['_Reading', undefined],
    ['_ZN3foo3barE', undefined],
    ['main', undefined],
  ])('%s', (symbol, name) => {
    expect(rustName(symbol)).toBe(name);
  });

  it('ends on names that go round in circles', () => {
    expect(rustName('_RNvB_3foo')).toBeUndefined();
    expect(rustName(`_RINvC1a1b${'T'.repeat(5000)}`)).toBeUndefined();
    // Each tuple is twice the one before: 2^40 in all.
    let bomb = '_RINvC1a1bTuuE';
    for (let i = 0; i < 40; i++) bomb += 'TB8_B8_E';
    expect(() => rustName(`${bomb}E`)).not.toThrow();
  });
});
