/** The differential fuzzer: programs from a seed, every subject on every program, and the smallest program that still shows a difference. */
import { versionNeeded } from '../../core/isa/version.ts';
import { random } from '../vm/random-program.ts';
import { DATA_SIZE, generate, type Program, toBytes } from './generate.ts';
import { lastRefusal, type Outcome, randomInput, type Subject } from './subjects.ts';

export interface Mismatch {
  readonly seed: number;
  readonly program: Program;
  readonly input: Uint8Array;
  /** Who differs from whom, and what each said. */
  readonly first: { readonly name: string; readonly outcome: Outcome | string };
  readonly other: { readonly name: string; readonly outcome: Outcome | string };
}

export interface FuzzResult {
  readonly programs: number;
  readonly runs: number;
  readonly mismatches: readonly Mismatch[];
  /** Programs that a subject refused, and why, by name of the subject. */
  readonly refused: ReadonlyMap<string, readonly string[]>;
  /** How many programs needed each ISA version. */
  readonly versions: ReadonlyMap<number, number>;
}

export interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
  readonly subjects: readonly Subject[];
  /** Give up after so many mismatches. Default 20. */
  readonly most?: number;
  readonly progress?: (done: number) => void;
}

export function fuzz({ count, seed, subjects, most = 20, progress }: FuzzOptions): FuzzResult {
  const mismatches: Mismatch[] = [];
  const refused = new Map<string, string[]>();
  const versions = new Map<number, number>();
  let programs = 0;
  let runs = 0;
  for (let k = 0; k < count && mismatches.length < most; k++) {
    const r = random(seed + k);
    const program = generate(r);
    const bytes = toBytes(program);
    const { version } = versionNeeded(bytes);
    versions.set(version, (versions.get(version) ?? 0) + 1);
    const inputs = [new Uint8Array(DATA_SIZE), randomInput(r)];
    const found = compare(bytes, inputs, subjects, (name) => {
      refused.set(name, [...(refused.get(name) ?? []), lastRefusal()]);
    });
    programs++;
    runs += inputs.length * subjects.length;
    if (found) mismatches.push({ seed: seed + k, program: shrink(program, found.input, subjects), ...found });
    progress?.(k + 1);
  }
  return { programs, runs, mismatches, refused, versions };
}

type Found = Omit<Mismatch, 'seed' | 'program'>;

/** The first difference between the first subject (the oracle) and another one. */
function compare(
  bytes: Uint8Array,
  inputs: readonly Uint8Array[],
  subjects: readonly Subject[],
  onRefused: (name: string) => void = () => {},
): Found | undefined {
  let reference: { name: string; outcomes: (Outcome | string)[] } | undefined;
  for (const subject of subjects) {
    const { name } = subject;
    const outcomes = outcomesOf(subject, bytes, inputs);
    if (!outcomes) {
      onRefused(name);
      continue;
    }
    if (!reference) {
      reference = { name, outcomes };
      continue;
    }
    for (const [i, input] of inputs.entries()) {
      const [first, other] = [reference.outcomes[i]!, outcomes[i]!];
      if (JSON.stringify(first) !== JSON.stringify(other))
        return { input, first: { name: reference.name, outcome: first }, other: { name, outcome: other } };
    }
  }
  return undefined;
}

/** What came out on each input: an outcome, or the error's text. */
function outcomesOf(
  subject: Subject,
  bytes: Uint8Array,
  inputs: readonly Uint8Array[],
): (Outcome | string)[] | undefined {
  let prepared: ReturnType<Subject['prepare']>;
  try {
    prepared = subject.prepare(bytes);
  } catch (error) {
    return inputs.map(() => (error as Error).message);
  }
  if (!prepared) return undefined;
  const { run, close } = prepared;
  try {
    return inputs.map((input) => {
      try {
        return run(input);
      } catch (error) {
        return (error as Error).message;
      }
    });
  } finally {
    close();
  }
}

/** Leave out statements, in halves, quarters, ... and one by one, as long as the difference stays. */
function shrink(program: Program, input: Uint8Array, subjects: readonly Subject[]): Program {
  const differs = (p: Program): boolean => compare(toBytes(p), [input], subjects) !== undefined;
  let best = program;
  for (let again = true; again; ) {
    again = false;
    for (let f = 0; f < best.functions.length; f++) {
      for (
        let size = Math.ceil((best.functions[f]!.length - 2) / 2);
        size >= 1;
        size = size === 1 ? 0 : Math.ceil(size / 2)
      ) {
        for (let at = 1; at + size < best.functions[f]!.length; ) {
          const smaller = {
            ...best,
            functions: best.functions.map((list, g) =>
              g === f ? [...list.slice(0, at), ...list.slice(at + size)] : list,
            ),
          };
          if (differs(smaller)) {
            best = smaller;
            again = true;
          } else at += size;
        }
      }
    }
  }
  return best;
}
