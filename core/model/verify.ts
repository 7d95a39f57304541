/**
 * The verifier at the model's door: core/verifier's answer as the object model expects it, a log or a VerifierError.
 */
import { VerifierError } from '../base/errors.ts';
import type { Btf } from '../btf/btf.ts';
import type { MapSpec, ObjectSpec, ProgFacts, ProgSpec } from '../spec/spec.ts';
import { renderExplanation, verify } from '../verifier/index.ts';

export interface VerifyRequest {
  readonly prog: ProgSpec;
  readonly maps: readonly MapSpec[];
  readonly object: ObjectSpec;
  readonly kernelBtf: Btf;
  /** Release whose rules apply. */
  readonly release: string;
  readonly cpus: number;
}

/** Checks a program before it is loaded: what was proved, and the log. Throws VerifierError. */
export type Verify = (request: VerifyRequest) => { readonly facts: ProgFacts | undefined; readonly log: string };

export const verifyForModel: Verify = ({ prog, maps, object, kernelBtf, release, cpus }) => {
  const result = verify(
    { prog, maps, kernelBtf, objectBtf: object.btf, source: (file) => object.sources?.[file] },
    { kernel: release, cpus },
  );
  if (result.ok) return { facts: result.facts, log: result.log };
  const { message, pc, sourceLine, explanation } = result.error!;
  const where = sourceLine === undefined ? `instruction ${pc}` : sourceLine;
  throw new VerifierError(
    `program ${prog.name} was refused: ${message} (${where})\n${renderExplanation(explanation)}`,
    {
      pc,
      sourceLine,
      log: result.log,
    },
  );
};
