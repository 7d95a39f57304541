/** The shape of a rule: a kind of message, and what to say of it. */
import type { Category } from '../refusal.ts';
import type { Case, Mend, Spot } from './case.ts';
import type { Origin } from './flow.ts';

export interface Known {
  /** The variable, as code. */
  readonly name: string;
  readonly text: string;
}

export interface Said {
  /** The headline: what is wrong, with the variable. */
  readonly summary: string;
  /** Why it is wrong. */
  readonly reason: string;
  readonly variable?: string | undefined;
  readonly known: readonly Known[];
  /** The value at fault: its making is the causal path. */
  readonly origin?: Origin | undefined;
  readonly originText?: string;
  /** Further places on the path that deserve a line. */
  readonly marks?: ReadonlyMap<number, string>;
  /** Which branches matter: those since the value was made (when there is one), all, or none. */
  readonly branches?: 'since' | 'all' | 'none';
  readonly mend?: Mend | undefined;
  /** Where the rule's own category does not fit. */
  readonly category?: Category;
  /** Another instruction than the refused one is the place to show. */
  readonly pc?: number;
  /** Another place of the source. */
  readonly spot?: Spot | undefined;
}

export interface Rule {
  readonly pattern: RegExp;
  readonly category: Category;
  readonly say: (m: RegExpExecArray, c: Case) => Said;
}
