/** The reduced BTF that ships with the package (data/NOTICE says from which kernel): inflated here, since core opens nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { packageRoot } from './package-root.ts';

/** Kernel release that the shipped BTF and tracepoint formats come from. */
export const SHIPPED_RELEASE = '6.1.0';

export function shippedBtfBytes(): Uint8Array {
  return inflateRawSync(readFileSync(join(packageRoot(), 'data', 'btf-6.1-x86_64.btf.deflate')));
}

/** Text of the shipped list of tracepoint formats, for `readTracepoints`. */
export function shippedTracepointFormats(): string {
  return inflateRawSync(readFileSync(join(packageRoot(), 'data', 'tracepoints-6.1.json.deflate'))).toString();
}
