/**
 * Classic mistakes as C, each with the explanation a user sees (mistakes/*.txt). A file is a list of cases:
 *
 *   == name of the case
 *   type: xdp            program type; further headers: kernel, unprivileged, license, cpu
 *   code:
 *   <C, BCC's flavour or plain>
 *   says:
 *   <what is printed, whole; 'ok' where the program is accepted>
 *   mended:
 *   <what is printed after the suggested patch was applied; 'ok' as a rule, absent where there is no patch>
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { renderDiagnostics } from '../../core/base/diagnostics.ts';
import { compile } from '../../core/cc/index.ts';
import type { ObjectSpec, ProgSpec } from '../../core/spec/spec.ts';
import {
  applyPatch,
  type Explanation,
  renderExplanation,
  type VerifyResult,
  verify,
} from '../../core/verifier/index.ts';
import { KERNEL } from '../cc/kernel.ts';

export interface Mistake {
  readonly file: string;
  readonly name: string;
  readonly type: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly code: string;
  readonly says: string;
  readonly mended: string | undefined;
}

const FOLDER = new URL('mistakes/', import.meta.url);

export function allMistakes(): Mistake[] {
  return readdirSync(FOLDER)
    .filter((f) => f.endsWith('.txt'))
    .sort()
    .flatMap((file) =>
      readFileSync(new URL(file, FOLDER), 'utf8')
        .split(/^== /m)
        .slice(1)
        .map((block) => {
          const [head = '', ...parts] = block.split(/^(code|says|mended):\n/m);
          const part = (name: string) => {
            const at = parts.indexOf(name);
            return at < 0 ? undefined : parts[at + 1]!.trimEnd();
          };
          const [name = '', ...lines] = head.trim().split('\n');
          const headers = new Map(lines.map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trim()]));
          return {
            file,
            name,
            type: headers.get('type') ?? 'kprobe',
            headers,
            code: `${part('code') ?? ''}\n`,
            says: part('says') ?? '',
            mended: part('mended'),
          };
        }),
    );
}

/** Write the files anew with what is said now: for a reader to judge, with `git diff`. */
export function rewrite(answers: ReadonlyMap<Mistake, { says: string; mended: string | undefined }>): void {
  const files = new Map<string, string>();
  for (const [m, a] of answers) {
    const headers = [...m.headers].map(([k, v]) => `${k}: ${v}\n`).join('');
    const mended = a.mended === undefined ? '' : `mended:\n${a.mended}\n`;
    const text = `== ${m.name}\n${headers}code:\n${m.code.trimEnd()}\nsays:\n${a.says}\n${mended}`;
    files.set(m.file, (files.has(m.file) ? `${files.get(m.file)}\n` : '') + text);
  }
  for (const [file, text] of files) writeFileSync(new URL(file, FOLDER), text);
}

export interface Compiled {
  readonly object: ObjectSpec | undefined;
  readonly diagnostics: string;
}

export function compileMistake(code: string): Compiled {
  const { object, diagnostics } = compile({ name: 'mistake.c', text: code }, KERNEL);
  return { object, diagnostics: renderDiagnostics(diagnostics.filter((d) => d.severity === 'error')) };
}

/** The program as the type of the case. */
export function typedProg(m: Mistake, prog: ProgSpec): ProgSpec {
  return { ...prog, type: m.type, license: m.headers.get('license') ?? prog.license };
}

export function verifyMistake(m: Mistake, object: ObjectSpec, prog: ProgSpec, code: string): VerifyResult {
  const kernel = m.headers.get('kernel');
  return verify(
    { prog, maps: object.maps, objectBtf: object.btf, kernelBtf: KERNEL.kernelBtf, source: () => code },
    {
      ...(kernel === undefined ? {} : { kernel }),
      privileged: m.headers.get('unprivileged') !== 'yes',
    },
  );
}

/** What is said of the code: the compiler's errors, or the explanation of the first refused program. */
export function judge(m: Mistake, code: string): { says: string; explanation?: Explanation } {
  const { object, diagnostics } = compileMistake(code);
  if (!object) return { says: diagnostics };
  for (const prog of object.progs) {
    const { ok, error } = verifyMistake(m, object, typedProg(m, prog), code);
    if (!ok) return { says: renderExplanation(error!.explanation), explanation: error!.explanation };
  }
  return { says: 'ok' };
}

export function judgeMended(m: Mistake, explanation: Explanation | undefined): string | undefined {
  const patch = explanation?.patch;
  return patch && judge(m, applyPatch(m.code, patch)).says;
}
