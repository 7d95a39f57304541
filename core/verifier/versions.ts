/**
 * What the verifiers of Linux releases differ in, each with where it is from: the release that brought it, and the commit's subject (in that
 * release's kernel/bpf/verifier.c unless another file is said). `--kernel V` applies what V has. Releases that the tests can ask (6.1 and others by
 * `npm run fuzz:verifier -- --guest`, 6.18 by the machine) confirm their rows.
 *
 * What helpers, map types, program types and kernel functions came with stands in their own tables.
 */
import { CALL, CLASS, MODE, OP_CALL, OP_GOTOL, OP_LD_IMM64, OP_MAY_GOTO, PSEUDO, SIZE } from '../isa/ops.ts';

interface Difference {
  /** Release. */
  readonly since: `${number}.${number}`;
  readonly source: string;
  /** Older releases whose stable series got it, too. */
  readonly stable?: readonly string[];
}

export const DIFFERENCES = {
  // --- limits -------------------------------------------------------------------------------------------------------
  /** A million instructions in a program and in a walk; before, 4,096 and 131,072. */
  largePrograms: { since: '5.2', source: 'bpf: increase complexity limit and maximum program size' },
  /** Jumps backwards. */
  loops: { since: '5.3', source: 'bpf: introduce bounded loops' },
  /** A function may end in a tail call. */
  tailCallsInFunctions: { since: '5.10', source: 'bpf: allow for tailcalls in BPF subprograms for x64 JIT' },
  /** Functions that are not static are verified by themselves. */
  globalFunctions: { since: '5.6', source: 'bpf: Introduce function-by-function verification' },
  /** Functions of the kernel's structs may sleep. */
  sleepableStructs: { since: '6.3', source: 'bpf: Allow sleepable struct_ops programs; not in 6.1' },
  /** Functions of tracing programs may have a stack of their own. */
  privateStacks: { since: '6.13', source: 'bpf: Find eligible subprogs for private stack support' },
  // --- instructions whose form is looked at where they are walked --------------------------------------------------
  /** Sign-extending moves, signed division. */
  signedOps: {
    since: '6.6',
    source: 'bpf: Support new sign-extension mov insns; bpf: Support new signed div/mod instructions',
  },
  addressSpaces: { since: '6.9', source: 'bpf: Recognize addr_space_cast instruction in the verifier.' },
  /** Load-acquire and store-release. */
  orderedAtomics: { since: '6.15', source: 'bpf: Introduce load-acquire and store-release instructions' },
  // --- the stack ----------------------------------------------------------------------------------------------------
  /** Programs that may see addresses may read stack that was never written. */
  uninitialisedStack: { since: '6.3', stable: ['6.1'], source: 'bpf: Allow reads from uninit stack' },
  /** A constant that is stored is known when it is loaded. */
  storedConstants: {
    since: '6.3',
    stable: ['6.1'],
    source: 'bpf: track immediate values written to stack by BPF_ST instruction',
  },
  /** Part of a number on the stack is known when it is loaded. */
  narrowFills: { since: '6.9', source: 'bpf: Preserve boundaries and track scalars on narrowing fill' },
  /** A zero is stored as any other number is, and stays one where zero is written at a variable offset; before, as bytes that are zero. */
  zeroSpills: { since: '6.8', source: 'bpf: track aligned STACK_ZERO cases as imprecise spilled registers' },
  /** A constant zero that is stored at a variable offset leaves zeros zero, as a register does. */
  variableZeros: {
    since: '6.3',
    source: 'bpf: track immediate values written to stack by BPF_ST instruction',
  },
  /** Of a number of which nothing is known it is known, after a store and a load, that it is the same. */
  unboundedSpills: { since: '6.9', source: 'bpf: Track spilled unbounded scalars' },
  /** A stored number stays linked to the register. */
  linkSpills: { since: '6.9', source: 'bpf: Assign ID to scalars on spill' },
  /** A dynptr that nobody else refers to may be made anew in its place. */
  reusedDynptrs: { since: '6.3', source: 'bpf: Allow reinitializing unreferenced dynptr stack slots' },
  /** A size that may be 0 is looked at as its largest value only; before, as 0 first. */
  largestSizeOnly: { since: '6.8', source: 'bpf: Simplify checking size of helper accesses' },
  /** Keys and values of maps may be any memory. */
  memoryAsKeys: { since: '6.2', source: 'bpf: Consider all mem_types compatible for map_{key,value} args' },
  /** What is released must not have been moved, of whatever kind it is; before, kernel objects, others as everywhere. */
  releasesUnmoved: { since: '6.3', source: 'bpf: Rework check_func_arg_reg_off' },
  /** Only helpers that write an argument make its stack plain data, and have the bounds of writes. */
  helperAccessTypes: { since: '6.14', source: 'bpf: verifier: Refactor helper access type tracking' },
  /** A pointer in the typed context is loaded whole. */
  wholePointers: {
    since: '6.13',
    stable: ['6.12'],
    source: 'bpf: Check size for BTF-based ctx access of pointer members (kernel/bpf/btf.c)',
  },
  /** Constants may be stored to the context. */
  contextConstants: { since: '6.4', source: 'bpf: allow ctx writes using BPF_ST_MEM instruction' },
  /** Numbers of 1, 2 and 4 bytes are known when they are loaded. */
  narrowSpills: { since: '5.16', source: 'bpf: Support <8-byte scalar spill and refill' },
  // --- users without privileges ---------------------------------------------------------------------------------------
  /** The way that a decided jump does not go is walked, too: a processor may mispredict. */
  walksMispredicted: { since: '5.13', source: 'bpf: Fix leakage under speculation on mispredicted branches' },
  /** What goes wrong there gets a barrier and is not refused. */
  speculationBarriers: { since: '6.17', source: 'bpf: Fall back to nospec if v1 verification fails' },
  // --- what is known of numbers -------------------------------------------------------------------------------------
  /** `==` and `!=` are decided by ranges, not only for two known numbers. */
  rangeEquality: { since: '6.3', source: 'bpf: Improve JEQ/JNE branch taken logic' },
  /** Two registers of which neither is known are compared by their ranges, and both learn; `x != c` moves a bound that is c. */
  registerComparisons: {
    since: '6.8',
    source: 'bpf: generalize reg_set_min_max() to handle non-const register comparisons',
  },
  /** Bounds of 32 and of 64 bits inform one another; before, those of a width only one another by their sign. */
  mixedBounds: { since: '6.8', source: 'bpf: derive subreg bounds from full bounds when upper 32 bits are constant' },
  /** Sums and differences that all wrap keep their unsigned bounds. */
  wrappingSums: { since: '6.17', source: 'bpf, verifier: Improve precision for BPF_ADD and BPF_SUB' },
  /** Products of negative and of large numbers have bounds. */
  signedProducts: { since: '6.14', source: 'bpf, verifier: Improve precision of BPF_MUL' },
  /** A pointer that equals one that is not null is not null. */
  comparedPointers: { since: '6.2', source: 'bpf: propagate nullness information for reg to reg comparisons' },
  /** Kernel objects that are trusted are never null. */
  trustedNeverNull: { since: '6.6', source: 'bpf: Teach verifier that trusted PTR_TO_BTF_ID pointers are non-NULL' },
  /** Ranges that contradict one another are forgotten. */
  sanityChecks: { since: '6.8', source: 'bpf: add register bounds sanity checks and sanitization' },
  /** What a program returns is a bound that states are compared by; told as a range. Known numbers are told in decimal. */
  preciseReturns: { since: '6.8', source: 'bpf: enforce precise retval range on program exit' },
  /**
   * Products, `or`, `xor` of unknown operands are computed (before, only sums, differences and `and`); what is not is unknown in 64 bits, the
   * result of a 32-bit operation with a known operand too.
   */
  computesUnknown: { since: '6.10', source: 'bpf/verifier: refactor checks for range computation' },
  /** What is not given back at the end is told behind a list of it; before, by that list alone. */
  namesLeaks: { since: '6.13', source: 'bpf: Unify resource leak checks' },
  /** An endless loop is told with both states. */
  loopStates: { since: '6.7', source: 'bpf: print full verifier states on infinite loop detection' },
  /** A number plus a pointer stays a pointer when what it points into is released. */
  sumHoldsNoReference: { since: '6.2', source: 'measured: not in 6.1, in 6.18' },
  /** Range of the CPU number. */
  cpuRange: { since: '6.10', source: 'bpf: verifier: Set the range of bpf_get_smp_processor_id()' },
  /** Walk a register that is -1 or 0 once for each before and/or with a constant. */
  forkMasks: { since: '6.18', source: "6.18's stable series, measured" },
  /** A copy of 32 bits stays linked to a number that has no more. */
  linkNarrowMoves: { since: '6.4', source: 'bpf: Improve verifier u32 scalar equality checking' },
  /** A number stays linked to the one it was copied from over += of a constant. */
  linkSums: { since: '6.11', source: 'bpf: Track delta between "linked" registers.' },
  /** Numbers stay linked over += and -= of a constant, in both widths; only live registers learn. */
  linkWide: { since: '6.18', source: "6.18's stable series, measured" },
  computeSwap: { since: '6.18', source: "6.18's stable series, measured" },
  computeNegation: { since: '6.17', source: 'bpf: Add range tracking for BPF_NEG' },
  /** A number is settled when its range and its tnum have one value in common. */
  singleValues: { since: '6.18', source: "6.18's stable series, measured" },
  /** A tail call in a function is walked as a return to its caller, too. */
  tailCallsReturn: { since: '6.18', source: "6.18's stable series, measured" },
  /** A lookup in an array with a constant key that it has cannot fail. */
  constantKeys: { since: '6.14', source: 'bpf: Skip null check when looking up an array with a constant key' },
  /** What is behind a pointer from the kernel may be read with faults giving zero. */
  faultingMemory: { since: '6.17', source: 'bpf: make ptr_to_mem untrusted for reads' },
  /** Functions whose results RCU protects are called in its sections only; before, their results were not trusted. */
  protectedCalls: { since: '6.18', source: 'bpf: Enforce RCU protection for KF_RCU_PROTECTED' },
  /** rbtree and list nodes by what their root says. */
  nodeQueries: { since: '6.16', source: 'bpf: Add bpf_rbtree_{root,left,right} kfunc' },
} as const satisfies Record<string, Difference>;

export type Features = { readonly [K in keyof typeof DIFFERENCES]: boolean };

const numbers = new Map<string, number>();

/** '5.10' as 510. */
export function releaseNumber(release: string): number {
  let number = numbers.get(release);
  if (number === undefined) {
    const [major = 0, minor = 0] = release.split('.').map(Number);
    number = major * 100 + minor;
    numbers.set(release, number);
  }
  return number;
}

/** What a release (major * 100 + minor) has. */
export function featuresOf(release: number): Features {
  let features = known.get(release);
  if (features === undefined) {
    features = Object.fromEntries(
      Object.entries<Difference>(DIFFERENCES).map(([name, d]) => [name, has(release, d)]),
    ) as Features;
    known.set(release, features);
  }
  return features;
}

const known = new Map<number, Features>();

function has(release: number, { since, stable = [] }: Difference): boolean {
  return release >= releaseNumber(since) || stable.some((s) => releaseNumber(s) === release);
}

export interface InsnForm extends Difference {
  readonly name: string;
  readonly is: (code: number, src: number, off: number, imm: number) => boolean;
  /** What the kernels before say; without it, that the opcode is unknown. */
  readonly says?: string;
}

const cls = (code: number) => code & 7;
const mode = (code: number) => code & 0xe0;
const size = (code: number) => code & 0x18;
const isAtomic = (code: number) => cls(code) === CLASS.STX && mode(code) === MODE.ATOMIC;

/** Forms of instructions that are refused before the walk where the kernel is older. */
export const INSN_FORMS: readonly InsnForm[] = [
  {
    name: '32-bit jumps',
    since: '5.1',
    source: 'bpf: verifier support JMP32',
    is: (code) => cls(code) === CLASS.JMP32 && code !== OP_GOTOL,
  },
  {
    name: 'direct map values',
    since: '5.2',
    source: 'bpf: implement lookup-free direct value access for maps',
    is: (code, src) => code === OP_LD_IMM64 && src === PSEUDO.map_value,
    says: 'unrecognized bpf_ld_imm64 insn',
  },
  {
    name: 'kernel variables',
    since: '5.10',
    source: 'bpf: Introduce pseudo_btf_id',
    is: (code, src) => code === OP_LD_IMM64 && src === PSEUDO.btf_id,
    says: 'unrecognized bpf_ld_imm64 insn',
  },
  {
    name: 'atomics that fetch, and, or, xor, exchange',
    since: '5.12',
    source: 'bpf: Add instructions for atomic_[cmp]xchg; bpf: Add bitwise atomic instructions',
    is: (code, _src, _off, imm) => isAtomic(code) && imm !== 0,
    says: 'BPF_STX uses reserved fields',
  },
  {
    name: 'kernel functions',
    since: '5.13',
    source: 'bpf: Support bpf program calling kernel function',
    is: (code, src) => code === OP_CALL && src === CALL.kfunc,
    says: 'BPF_CALL uses reserved fields',
  },
  {
    name: 'callbacks',
    since: '5.13',
    source: 'bpf: Add bpf_for_each_map_elem() helper',
    is: (code, src) => code === OP_LD_IMM64 && src === PSEUDO.func,
    says: 'unrecognized bpf_ld_imm64 insn',
  },
  {
    name: 'sign-extending loads',
    since: '6.6',
    source: 'bpf: Support new sign-extension load insns',
    is: (code) => cls(code) === CLASS.LDX && mode(code) === MODE.MEMSX,
    says: 'BPF_LDX uses reserved fields',
  },
  {
    name: 'long jumps',
    since: '6.6',
    stable: ['6.1'],
    source: 'bpf: Support new 32bit offset jmp instruction',
    is: (code) => code === OP_GOTOL,
  },
  {
    name: 'unconditional byte swaps',
    since: '6.6',
    source: 'bpf: Support new unconditional bswap instruction',
    is: (code) => code === (CLASS.ALU64 | 0xd0),
  },
  { name: 'may_goto', since: '6.9', source: 'bpf: Introduce may_goto instruction', is: (code) => code === OP_MAY_GOTO },
  {
    name: 'atomics of one and two bytes',
    since: '6.15',
    source: 'bpf: Introduce load-acquire and store-release instructions',
    is: (code) => isAtomic(code) && (size(code) === SIZE.B || size(code) === SIZE.H),
  },
];

/** The forms that a release does not have. */
export function formsMissing(release: number): readonly InsnForm[] {
  return INSN_FORMS.filter((form) => !has(release, form));
}

/** What a kernel without these forms says of an instruction; undefined where it has it. */
export function refusedForm(
  missing: readonly InsnForm[],
  code: number,
  src: number,
  off: number,
  imm: number,
): string | undefined {
  for (const form of missing) {
    if (form.is(code, src, off, imm)) return form.says ?? `unknown opcode ${code.toString(16).padStart(2, '0')}`;
  }
  return undefined;
}
