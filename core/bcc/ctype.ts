/** C types by name for get_table(name, keytype, leaftype) and Lua's open_perf_buffer: the compiler reads the text, its BTF gives the codec. */
import type { Backend } from '../backend/backend.ts';
import { BpfError, CompileError } from '../base/errors.ts';
import { sizeOf } from '../btf/layout.ts';
import { compile } from '../cc/index.ts';
import { type Codec, codecOf } from './values.ts';

const NAME = '__skep_value';

/** The codec of a type written in C: any that the program's kernel or <stdint.h> names, or a struct body. `size` 0: whatever it has. */
export function codecOfText(
  text: string,
  size: number,
  what: string,
  backend: Pick<Backend, 'kernelBtf' | 'release'>,
): Codec {
  const source = {
    name: `type of the ${what}`,
    text: `typedef typeof(${text}) ${NAME};\nBPF_HASH(t, u32, ${NAME});\n`,
  };
  const { object, diagnostics } = compile(source, { kernelBtf: backend.kernelBtf, kernelRelease: backend.release });
  const type = object?.maps[0]?.valueType ?? 0;
  if (!object?.btf || type === 0) throw new CompileError(diagnostics);
  const has = sizeOf(object.btf, type);
  if (size !== 0 && has !== size)
    throw new BpfError('BAD_VALUE', `${what}: '${text}' has ${has} bytes, the table's have ${size}`);
  return codecOf(object.btf, type, has, what);
}
