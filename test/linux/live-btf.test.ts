import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LIVE_BTF, liveBtfBytes } from '../../bindings/linux/live-btf.ts';
import { readBtf } from '../../core/btf/read.ts';

const missing = existsSync(LIVE_BTF) ? '' : ` (skipped: no ${LIVE_BTF})`;

describe.skipIf(missing !== '')(`the running kernel's BTF${missing}`, () => {
  const bytes = liveBtfBytes()!;

  it('is the file, mapped or read', () => {
    expect(Buffer.compare(bytes, readFileSync(LIVE_BTF))).toBe(0);
  });

  it('gives the same ids with an index of names as without', () => {
    const names = ['task_struct', 'sock', 'no_such_struct', 'file', 'inode', 'sk_buff', 'pt_regs', 'net'];
    const btf = readBtf(bytes);
    const ids = names.map((name) => btf.find(name, 'struct'));
    // Each by a fresh reader: none of these has an index yet.
    expect(names.map((name) => readBtf(bytes).find(name, 'struct'))).toEqual(ids);
    expect(ids.map((id) => id && btf.type(id).name)).toEqual(names.map((n) => (n.startsWith('no_') ? undefined : n)));
    const enumerators = [
      'TCP_ESTABLISHED',
      'BPF_MAP_TYPE_HASH',
      'NO_SUCH_ENUMERATOR',
      'TASK_COMM_LEN',
      'BPF_ANY',
      'TCP_CLOSE',
    ];
    const values = enumerators.map((name) => btf.findEnumerator(name));
    expect(enumerators.map((name) => readBtf(bytes).findEnumerator(name))).toEqual(values);
  });
});
