/**
 * Which memory an instruction touches, and whether two places may be the same. A variable whose address goes only into loads, stores,
 * block operations, compares and call arguments can be reached by nothing else: BPF helpers keep no stack pointers. The exceptions
 * (dynptrs, iterators, timers) reach it again only by being handed its address again.
 */
import { splitAddress } from './align.ts';
import { users } from './cfg.ts';
import { changesOther, fills, readsArgument, writesArgument } from './effects.ts';
import { type Func, type Inst, IR_OP, type Module, TYPE_BYTES } from './ir.ts';

/** `size` undefined: unknown, from anywhere in the object to its end (or, when not `exact`, anywhere in it). */
export interface Place {
  readonly base: Inst;
  /** What `off` counts from: the base, or a pointer derived from it by a variable addition (then not `exact`). */
  readonly anchor: Inst;
  readonly off: number;
  readonly exact: boolean;
  readonly size: number | undefined;
}

export interface Touch {
  readonly place: Place;
  readonly reads: boolean;
  readonly writes: boolean;
  /** Every byte of the place is surely written. */
  readonly covers: boolean;
}

export class Aliases {
  /** Variables whose address escapes into memory, phis or arithmetic that is not followed. */
  readonly escaped = new Set<Inst>();
  private readonly readOnly: Set<string>;

  constructor(fn: Func, module?: Module) {
    this.readOnly = new Set(module?.sections.filter((s) => s.readOnly).map((s) => s.name));
    const uses = users(fn);
    for (const alloca of fn.blocks[0]!.insts) {
      if (alloca.op !== 'alloca') continue;
      const seen = new Set<Inst>([alloca]);
      for (const value of seen) {
        for (const user of uses.get(value) ?? []) {
          const kind = IR_OP[user.op].kind;
          if (user.op === 'ptradd' && user.args[0] === value) seen.add(user);
          else if (
            kind === 'memory' &&
            (user.args.lastIndexOf(value) === 0 || user.op === 'memcpy' || user.op === 'memmove')
          )
            continue;
          else if (user.op === 'icmp' || (user.op === 'callhelper' && !user.args.some((a) => a.op === 'funcref')))
            continue;
          else this.escaped.add(alloca);
        }
      }
    }
  }

  /** A variable that nobody but its visible users can reach. */
  private(base: Inst): boolean {
    return base.op === 'alloca' && !this.escaped.has(base);
  }

  mayOverlap(a: Place, b: Place): boolean {
    const before = (x: Place, y: Place) => x.size !== undefined && x.off + x.size <= y.off;
    if (a.anchor === b.anchor) return !before(a, b) && !before(b, a);
    if (a.base !== b.base && !this.sameObject(a.base, b.base)) {
      if (this.private(a.base) || this.private(b.base)) return false;
      if (a.base.op === 'alloca' && b.base.op === 'alloca') return false;
      const [ctx, other] = a.base.space === 'ctx' ? [a, b] : [b, a];
      if (ctx.base.space === 'ctx' && other.base.space !== 'ctx') return false;
      if (a.base.op === 'globalref' && b.base.op === 'globalref') return false;
      return true;
    }
    if (!a.exact || !b.exact) return true;
    return !before(a, b) && !before(b, a);
  }

  /** Exactly the same bytes. */
  same(a: Place, b: Place): boolean {
    return a.off === b.off && a.size === b.size && (a.anchor === b.anchor || this.sameObject(a.anchor, b.anchor));
  }

  private sameObject(a: Inst, b: Inst): boolean {
    return a.op === 'globalref' && b.op === 'globalref' && a.name === b.name;
  }

  /** Memory whose contents never change. */
  constant(place: Place): boolean {
    return place.base.op === 'globalref' && this.readOnly.has(place.base.name);
  }

  /** What an instruction touches; `everything` is true when it may also change memory that is not private. */
  touches(inst: Inst): { list: Touch[]; everything: boolean } {
    const at = (ptr: Inst, off: number, size: number | undefined): Place => ({ ...splitAddress(ptr, off), size });
    const one = (place: Place, reads: boolean, writes: boolean): Touch => ({
      place,
      reads,
      writes,
      covers: writes && place.exact,
    });
    switch (inst.op) {
      case 'load':
        return { list: [one(at(inst.args[0]!, inst.off, TYPE_BYTES[inst.type]), true, false)], everything: false };
      case 'store':
        return {
          list: [one(at(inst.args[0]!, inst.off, TYPE_BYTES[inst.args[1]!.type]), false, true)],
          everything: false,
        };
      case 'memset':
        return { list: [one(at(inst.args[0]!, 0, inst.size), false, true)], everything: false };
      case 'memcpy':
      case 'memmove':
        return {
          list: [one(at(inst.args[0]!, 0, inst.size), false, true), one(at(inst.args[1]!, 0, inst.size), true, false)],
          everything: false,
        };
      case 'atomicrmw':
      case 'cmpxchg':
        return {
          list: [{ ...one(at(inst.args[0]!, inst.off, TYPE_BYTES[inst.args[1]!.type]), true, true), covers: false }],
          everything: false,
        };
      case 'callhelper':
      case 'callkfunc':
      case 'calllocal': {
        const list: Touch[] = [];
        inst.args.forEach((a, n) => {
          if (a.type !== 'ptr' && a.type !== 'i64') return;
          if (a.op === 'mapref' || a.op === 'funcref' || a.op === 'const') return;
          const filled = fills(inst, n);
          const place = at(a, 0, filled);
          list.push({
            place,
            reads: readsArgument(inst, n),
            writes: writesArgument(inst, n),
            covers: filled !== undefined && place.exact,
          });
        });
        return { list, everything: changesOther(inst) };
      }
      case 'barrier':
      case 'opaque':
        return { list: [], everything: inst.op === 'barrier' };
      case 'ldabs':
      case 'ldind':
        return { list: [], everything: false };
      default:
        return { list: [], everything: false };
    }
  }
}
