/**
 * Stack bytes that need no memory: where the verifier knows of every access to a piece of a frame that it goes there and nowhere else (ProgFacts.insns), the
 * piece is a wasm local, which V8 keeps in a register and looks through (a key that is a constant is one then). So are the keys of map lookups that stand
 * in the code themselves (lookup.ts).
 *
 * A piece is what one load or store touches. It can be a local when every other access to any of its bytes is to the same piece, nothing else touches
 * them (InsnFacts.exposed), and every lookup that has them in its key can take it from locals.
 */
import { CLASS, MODE, STACK_SIZE } from '../../isa/ops.ts';
import { ANY_OFFSET, BASE, type InsnFacts } from '../../spec/facts.ts';
import { keyWords } from './lookup.ts';
import { lengthOf, type Plan } from './plan.ts';

export interface Piece {
  /** From the frame pointer: negative. */
  readonly offset: number;
  readonly bytes: number;
}

/** `bytes` of a key, 4 or at its end fewer: those of a piece behind its first `shift` bits. */
export interface KeyWord {
  readonly piece: Piece;
  readonly shift: number;
  readonly bytes: number;
}

export interface StackPieces {
  /** By slot of a load or store: the local that stands for its memory. */
  readonly at: ReadonlyMap<number, Piece>;
  /** By slot of a lookup: its key's words. */
  readonly keys: ReadonlyMap<number, readonly KeyWord[]>;
}

const SIZE_OF = [4, 2, 1, 8];

interface Draft extends Piece {
  needsMemory: boolean;
  readonly slots: number[];
}

/** `keySizes`: of the maps that are looked up, by slot of the call; `inline`: the calls that can take their key from locals. */
export function stackPieces(
  plan: Pick<Plan, 'decoded' | 'starts'>,
  facts: InsnFacts,
  keySizes: ReadonlyMap<number, number>,
  inline: ReadonlySet<number>,
): StackPieces {
  const at = new Map<number, Piece>();
  const keys = new Map<number, readonly KeyWord[]>();
  plan.starts.forEach((from, k) => {
    const exposed = facts.exposed.get(from);
    if (exposed) ofFunction(plan, facts, from, from + lengthOf(plan, k), exposed, keySizes, inline, at, keys);
  });
  return { at, keys };
}

function ofFunction(
  { decoded: p }: Pick<Plan, 'decoded'>,
  facts: InsnFacts,
  from: number,
  to: number,
  exposed: Uint8Array,
  keySizes: ReadonlyMap<number, number>,
  inline: ReadonlySet<number>,
  at: Map<number, Piece>,
  keys: Map<number, readonly KeyWord[]>,
): void {
  const drafts = new Map<number, Draft>();
  const owner: (Draft | undefined)[] = [];
  const lookups: number[] = [];
  for (let pc = from; pc < to; pc++) {
    if (facts.base[pc] !== BASE.stack || facts.offset[pc] === ANY_OFFSET) continue;
    const opcode = p.opcode[pc]!;
    const cls = opcode & 7;
    if (cls === CLASS.JMP) lookups.push(pc);
    if (cls === CLASS.JMP || (cls === CLASS.STX && (opcode & 0xe0) === MODE.ATOMIC)) continue;
    const offset = facts.offset[pc]!;
    const bytes = SIZE_OF[(opcode >> 3) & 3]!;
    let draft = drafts.get(offset * 16 + bytes);
    if (!draft) drafts.set(offset * 16 + bytes, (draft = { offset, bytes, needsMemory: false, slots: [] }));
    draft.slots.push(pc);
  }
  for (const draft of drafts.values()) {
    for (let byte = draft.offset; byte < draft.offset + draft.bytes; byte++) {
      const other = owner[byte + STACK_SIZE];
      if (other) other.needsMemory = draft.needsMemory = true;
      if (exposed[byte + STACK_SIZE] === 1) draft.needsMemory = true;
      owner[byte + STACK_SIZE] = draft;
    }
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const pc of lookups) {
      const offset = facts.offset[pc]!;
      const words = inline.has(pc) ? wordsOf(offset, keySizes.get(pc)!, owner) : undefined;
      if (words) {
        keys.set(pc, words);
        continue;
      }
      keys.delete(pc);
      // The key is read from memory; of a map that is not known here, as long as any.
      const end = keySizes.has(pc) ? offset + keySizes.get(pc)! : 0;
      for (let byte = offset; byte < end; byte++) {
        const draft = owner[byte + STACK_SIZE];
        if (!draft || draft.needsMemory) continue;
        draft.needsMemory = changed = true;
      }
    }
  }
  for (const draft of drafts.values()) if (!draft.needsMemory) for (const pc of draft.slots) at.set(pc, draft);
}

function wordsOf(offset: number, size: number, owner: readonly (Draft | undefined)[]): KeyWord[] | undefined {
  const out: KeyWord[] = [];
  for (const { at, bytes } of keyWords(size)) {
    const piece = owner[offset + at + STACK_SIZE];
    const shift = offset + at - (piece?.offset ?? 0);
    if (!piece || piece.needsMemory || shift + bytes > piece.bytes) return undefined;
    out.push({ piece, shift: 8 * shift, bytes });
  }
  return out;
}
