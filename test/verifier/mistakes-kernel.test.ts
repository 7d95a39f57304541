/**
 * The running kernel is asked about the classic mistakes, its log explained, and compared with the explanation of our own refusal: both must name
 * the same variable and the same line.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { LinuxBackend } from '../../bindings/linux/backend.ts';
import { bpfUnavailable } from '../../bindings/linux/bpf.ts';
import { VerifierError } from '../../core/base/errors.ts';
import { explainKernelLog } from '../../core/verifier/index.ts';
import { allMistakes, compileMistake, type Mistake, typedProg, verifyMistake } from './mistakes.ts';

const why = bpfUnavailable();
/** Asked about with other rules than the running kernel has for root, or refused by the compiler already. */
const askable = allMistakes().filter(
  (m) =>
    !m.headers.has('kernel') &&
    !m.headers.has('unprivileged') &&
    m.headers.get('oracle') !== 'no' &&
    m.says !== 'ok' &&
    / \[[a-z ]+\]$/m.test(m.says),
);

describe.skipIf(why !== undefined)(`classic mistakes, the running kernel${why === undefined ? '' : `: ${why}`}`, () => {
  const backend = why === undefined ? new LinuxBackend({ askKernel: true }) : undefined;
  afterAll(() => backend?.close());

  const ask = (m: Mistake) => {
    const { object } = compileMistake(m.code);
    for (const found of object!.progs) {
      const prog = typedProg(m, found);
      const ours = verifyMistake(m, object!, prog, m.code);
      if (ours.ok) continue;
      const maps = new Map(object!.maps.map((spec) => [spec.name, backend!.createMap(spec, object!)]));
      try {
        backend!.load(prog, object!, maps).close();
        return { ours: ours.error!.explanation, theirs: undefined };
      } catch (error) {
        if (!(error instanceof VerifierError)) throw error;
        const given = { maps: object!.maps, objectBtf: object!.btf, source: () => m.code };
        return { ours: ours.error!.explanation, theirs: explainKernelLog(error.log, prog, given), log: error.log };
      } finally {
        for (const map of maps.values()) map.close();
      }
    }
    throw new Error(`${m.name}: accepted by skep`);
  };

  it.for(askable)('$file: $name', (m) => {
    const { ours, theirs, log } = ask(m);
    const short = (e: typeof ours | undefined) => e && { variable: e.variable, line: e.at?.line, category: e.category };
    expect(short(theirs), log?.split('\n').slice(-6).join('\n')).toEqual(short(ours));
  });
});
