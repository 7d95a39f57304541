/** The shipped kernel (Linux 6.1) that flavoured programs are compiled against in tests: its BTF and its tracepoints. */
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { readBtf } from '../../core/btf/read.ts';
import { readTracepoints } from '../../core/btf/tracepoint.ts';
import type { CompileOptions } from '../../core/cc/index.ts';

const data = (name: string) => inflateRawSync(readFileSync(new URL(`../../data/${name}`, import.meta.url)));
const btf = readBtf(new Uint8Array(data('btf-6.1-x86_64.btf.deflate')));
const tracepoints = readTracepoints(data('tracepoints-6.1.json.deflate').toString('utf8'));

export const KERNEL: CompileOptions = {
  kernelBtf: btf,
  kernelRelease: '6.1.0',
  tracepointFormat: (category, name) => tracepoints.get(`${category}:${name}`),
};
