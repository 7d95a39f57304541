/**
 * A module as the front end made it, before any of our passes, in LLVM's language (https://llvm.org/docs/LangRef.html): the same explicit
 * kernel reads, map operations and locals, so that what clang -O2 makes of it can be set beside what we make of it.
 */

const COMPARE = {
  eq: 'eq',
  ne: 'ne',
  ult: 'ult',
  ule: 'ule',
  ugt: 'ugt',
  uge: 'uge',
  slt: 'slt',
  sle: 'sle',
  sgt: 'sgt',
  sge: 'sge',
};
const RMW = { add: 'add', and: 'and', or: 'or', xor: 'xor', xchg: 'xchg' };
const ABS = { 1: 'byte', 2: 'half', 4: 'word' };

const name = (text) => `"${text.replace(/["\\]/g, '_')}"`;

/** A data section's symbol: the section itself has the plain name. */
const data = (section) => name(`data${section}`);

/** @param module a Module of core/ir; gives LLVM assembly. Throws Error for what has no counterpart. */
export function toLlvm(module) {
  const printer = new Printer();
  const bodies = module.functions.map((fn) => printer.func(fn));
  const globals = [];
  for (const section of module.sections) {
    const hex = Array.from(section.data, (b) => `\\${b.toString(16).padStart(2, '0')}`).join('');
    globals.push(
      `@${data(section.name)} = ${section.readOnly ? 'constant' : 'global'} [${section.data.length} x i8] c"${hex}", section "${section.name}", align 8`,
    );
  }
  for (const map of printer.maps)
    globals.push(`@${name(map)} = global [5 x i32] [i32 2, i32 4, i32 4, i32 1, i32 0], section "maps", align 4`);
  return [
    'target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"',
    'target triple = "bpf"',
    '@_license = global [4 x i8] c"GPL\\00", section "license"',
    ...globals,
    ...bodies,
    ...[...printer.declared].map((d) => `declare ${d}`),
    ...printer.metadata,
    '',
  ].join('\n');
}

class Printer {
  maps = new Set();
  declared = new Set();
  metadata = [];
  #temps = 0;

  func(fn) {
    const params = fn.params.map((p) => `${p.type} ${this.#value(p)}`).join(', ');
    const head = fn.entry
      ? `define ${fn.ret} @${name(fn.name)}(${params}) section "prog/${fn.name}"`
      : `define internal ${fn.ret} @${name(fn.name)}(${params}) ${fn.noinline ? 'noinline' : 'alwaysinline'}`;
    const order = new Map(fn.blocks.map((b, i) => [b, i]));
    const unrolled = new Map();
    const lines = [`${head} {`];
    for (const block of fn.blocks) {
      lines.push(`b${block.id}:`);
      for (const inst of block.insts) this.#inst(inst, lines, order, unrolled);
    }
    return [...lines, '}'].join('\n');
  }

  #value(v) {
    switch (v.op) {
      case 'const':
        if (v.type === 'ptr') return v.value === 0n ? 'null' : `inttoptr (i64 ${v.value} to ptr)`;
        return v.type === 'i1' ? (v.value === 0n ? 'false' : 'true') : String(v.value);
      case 'undef':
        return 'undef';
      case 'mapref':
        this.maps.add(v.name);
        return `@${name(v.name)}`;
      case 'globalref':
        return v.off === 0 ? `@${data(v.name)}` : `getelementptr (i8, ptr @${data(v.name)}, i64 ${v.off})`;
      case 'funcref':
        return `@${name(v.name)}`;
      case 'symref':
        throw new Error('kernel symbols');
      default:
        return `%v${v.id}`;
    }
  }

  #typed(v) {
    return `${v.type} ${this.#value(v)}`;
  }

  #temp() {
    return `%t${this.#temps++}`;
  }

  /** The address of an access with its constant offset. */
  #address(inst, lines) {
    if (inst.off === 0) return this.#value(inst.args[0]);
    const t = this.#temp();
    lines.push(`  ${t} = getelementptr i8, ptr ${this.#value(inst.args[0])}, i64 ${inst.off}`);
    return t;
  }

  #inst(inst, lines, order, unrolled) {
    const [a, b, c] = inst.args;
    const out = inst.type === 'void' ? '' : `%v${inst.id} = `;
    const put = (text) => lines.push(`  ${out}${text}`);
    const to = (block) => `label %b${block.id}`;
    switch (inst.op) {
      case 'neg':
        return put(`sub ${inst.type} 0, ${this.#value(a)}`);
      case 'icmp':
        return put(`icmp ${COMPARE[inst.sub]} ${this.#typed(a)}, ${this.#value(b)}`);
      case 'select':
        return put(`select i1 ${this.#value(a)}, ${this.#typed(b)}, ${this.#typed(c)}`);
      case 'phi':
        return put(
          `phi ${inst.type} ${inst.args.map((v, i) => `[ ${this.#value(v)}, %b${inst.targets[i].id} ]`).join(', ')}`,
        );
      case 'zext':
      case 'sext':
      case 'trunc':
      case 'ptrtoint':
      case 'inttoptr':
        return put(`${inst.op} ${this.#typed(a)} to ${inst.type}`);
      case 'ptradd':
        return put(`getelementptr i8, ptr ${this.#value(a)}, i64 ${this.#value(b)}`);
      case 'alloca':
        return put(`alloca [${inst.size} x i8], align ${inst.align}`);
      case 'load':
        return put(`load ${inst.volatile ? 'volatile ' : ''}${inst.type}, ptr ${this.#address(inst, lines)}`);
      case 'store':
        return put(`store ${inst.volatile ? 'volatile ' : ''}${this.#typed(b)}, ptr ${this.#address(inst, lines)}`);
      case 'memcpy':
      case 'memmove': {
        this.declared.add(`void @llvm.${inst.op}.p0.p0.i64(ptr, ptr, i64, i1)`);
        const align = `align ${inst.align || 1}`;
        return put(
          `call void @llvm.${inst.op}.p0.p0.i64(ptr ${align} ${this.#value(a)}, ptr ${align} ${this.#value(b)}, i64 ${inst.size}, i1 false)`,
        );
      }
      case 'memset': {
        this.declared.add('void @llvm.memset.p0.i64(ptr, i8, i64, i1)');
        let byte = this.#value(b);
        if (b.type !== 'i8') {
          const t = this.#temp();
          lines.push(`  ${t} = trunc ${this.#typed(b)} to i8`);
          byte = t;
        }
        return put(
          `call void @llvm.memset.p0.i64(ptr align ${inst.align || 1} ${this.#value(a)}, i8 ${byte}, i64 ${inst.size}, i1 false)`,
        );
      }
      case 'bswap': {
        const type = `i${inst.size}`;
        this.declared.add(`${type} @llvm.bswap.${type}(${type})`);
        if (type === inst.type) return put(`call ${type} @llvm.bswap.${type}(${this.#typed(a)})`);
        const [cut, swapped] = [this.#temp(), this.#temp()];
        lines.push(`  ${cut} = trunc ${this.#typed(a)} to ${type}`);
        lines.push(`  ${swapped} = call ${type} @llvm.bswap.${type}(${type} ${cut})`);
        return put(`zext ${type} ${swapped} to ${inst.type}`);
      }
      case 'opaque':
        return put(`call ${inst.type} asm sideeffect "", "=r,0"(${this.#typed(a)})`);
      case 'barrier':
        return put('call void asm sideeffect "", "~{memory}"()');
      case 'atomicrmw': {
        const at = this.#address(inst, lines);
        const result = inst.type === 'void' ? '' : `%v${inst.id} = `;
        return lines.push(`  ${result}atomicrmw ${RMW[inst.sub]} ptr ${at}, ${this.#typed(b)} seq_cst`);
      }
      case 'cmpxchg': {
        const [at, pair] = [this.#address(inst, lines), this.#temp()];
        lines.push(`  ${pair} = cmpxchg ptr ${at}, ${this.#typed(b)}, ${this.#typed(c)} seq_cst seq_cst`);
        return put(`extractvalue { ${b.type}, i1 } ${pair}, 0`);
      }
      case 'ldabs':
      case 'ldind': {
        const load = `llvm.bpf.load.${ABS[inst.size]}`;
        this.declared.add(`i64 @${load}(ptr, i64)`);
        if (inst.op === 'ldabs') return put(`call i64 @${load}(ptr ${this.#value(a)}, i64 ${inst.off})`);
        let index = this.#value(b);
        if (b.type !== 'i64') {
          const t = this.#temp();
          lines.push(`  ${t} = zext ${this.#typed(b)} to i64`);
          index = t;
        }
        const sum = this.#temp();
        lines.push(`  ${sum} = add i64 ${index}, ${inst.off}`);
        return put(`call i64 @${load}(ptr ${this.#value(a)}, i64 ${sum})`);
      }
      case 'callhelper':
        return put(
          `call ${inst.type} inttoptr (i64 ${inst.helper} to ptr)(${inst.args.map((v) => this.#typed(v)).join(', ')})`,
        );
      case 'calllocal':
        return put(`call ${inst.type} @${name(inst.name)}(${inst.args.map((v) => this.#typed(v)).join(', ')})`);
      case 'callkfunc':
        throw new Error('kernel functions');
      case 'br':
        return put(`br ${to(inst.targets[0])}${this.#loop(inst, order, unrolled)}`);
      case 'condbr': {
        let weight = '';
        if (inst.likely !== undefined) {
          this.metadata.push(
            `!${this.metadata.length} = !{!"branch_weights", i32 ${inst.likely ? '2000, i32 1' : '1, i32 2000'}}`,
          );
          weight = `, !prof !${this.metadata.length - 1}`;
        }
        return put(
          `br i1 ${this.#value(a)}, ${to(inst.targets[0])}, ${to(inst.targets[1])}${weight}${this.#loop(inst, order, unrolled)}`,
        );
      }
      case 'switch':
        return put(
          `switch ${this.#typed(a)}, ${to(inst.targets[0])} [ ${inst.cases.map((k, i) => `${a.type} ${k}, ${to(inst.targets[i + 1])}`).join(' ')} ]`,
        );
      case 'ret':
        return put(a ? `ret ${this.#typed(a)}` : 'ret void');
      case 'unreachable':
        return put('unreachable');
      default:
        // Arithmetic has LLVM's names.
        return put(`${inst.op} ${inst.type} ${this.#value(a)}, ${this.#value(b)}`);
    }
  }

  /** What `#pragma unroll` said of the loop that this branch closes. */
  #loop(inst, order, unrolled) {
    const header = inst.targets.find((t) => t.unroll !== undefined && order.get(t) <= order.get(inst.block));
    if (!header) return '';
    let id = unrolled.get(header);
    if (id === undefined) {
      const word =
        header.unroll === 0
          ? '!"llvm.loop.unroll.full"'
          : header.unroll === 1
            ? '!"llvm.loop.unroll.disable"'
            : `!"llvm.loop.unroll.count", i32 ${header.unroll}`;
      id = this.metadata.length;
      unrolled.set(header, id);
      this.metadata.push(`!${id} = distinct !{!${id}, !${id + 1}}`, `!${id + 1} = !{${word}}`);
    }
    return `, !llvm.loop !${id}`;
  }
}
