/**
 * What the log says of a register, read back and put in words. The log is the common ground: our verifier and every kernel since 4.14 print
 * `R1=map_value(map=counts,ks=4,vs=8,off=8)` or, before 6.0, `R1_w=map_value(id=0,off=8,ks=4,vs=8,imm=0)`; numbers were `inv5`,
 * `inv(id=0,umax_value=255,var_off=(0x0; 0xff))` before 5.18 (kernel/bpf/verifier.c print_verifier_state, kernel/bpf/log.c).
 */

export interface RegText {
  /** The kernel's name of the kind: 'scalar', 'map_value_or_null', 'pkt', 'fp', 'ctx', ... */
  readonly kind: string;
  /** Numbers: the value, where only one is possible. Stack pointers: the offset. */
  readonly value?: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  readonly off: number;
  readonly map?: string;
  readonly valueSize?: number;
  /** Bytes of packet known to be there, from the packet pointer's base. */
  readonly packetBytes?: number;
  /** Size of a piece of memory. */
  readonly memSize?: number;
  readonly refId?: number;
}

const U64 = (1n << 64n) - 1n;
const S64_MIN = -(1n << 63n);
const S64_MAX = (1n << 63n) - 1n;

/** Read one register's text, as it stands behind `R1=`. */
export function readRegister(text: string): RegText {
  const bare = text.replace(/^P/, '');
  const constant = /^(?:inv|scalar)?P?(-?\d+|0x[0-9a-f]+|-0x[0-9a-f]+)$/.exec(bare);
  if (constant) {
    const value = toBig(constant[1]!);
    const u = BigInt.asUintN(64, value);
    const s = BigInt.asIntN(64, value);
    return { kind: 'scalar', value, umin: u, umax: u, smin: s, smax: s, off: 0 };
  }
  const stack = /^fp(?:\[\d+\])?(-?\d+)?$/.exec(bare);
  if (stack) {
    const value = BigInt(stack[1] ?? '0');
    return { kind: 'fp', value, umin: 0n, umax: 0n, smin: 0n, smax: 0n, off: Number(value) };
  }
  const m = /^([A-Za-z_]\w*?)P?(?:\((.*)\))?$/.exec(bare);
  const kind = (m?.[1] ?? bare).replace(/^inv$/, 'scalar');
  const fields = new Map<string, string>();
  // Equal bounds are printed joined: smax=umax=255.
  for (const part of splitFields(m?.[2] ?? '')) {
    const names = part.split('=');
    const value = names.pop()!;
    for (const n of names) fields.set(n.replace(/_value$/, ''), value);
  }
  const num = (name: string, fallback: bigint) => (fields.has(name) ? toBig(fields.get(name)!) : fallback);
  const int = (name: string) => (fields.has(name) ? Number(toBig(fields.get(name)!)) : undefined);
  const u32 = fields.has('umax32') || fields.has('u32_max') ? num('umax32', num('u32_max', U64)) : U64;
  const upper = /^\(0x0; 0x([0-9a-f]+)\)$/.exec(fields.get('var_off') ?? '');
  const umax = num('umax', num('smin', -1n) >= 0n ? num('smax', U64) : upper ? toBig(`0x${upper[1]}`) : U64);
  void u32;
  const umin = num('umin', 0n);
  const valueSize = int('vs');
  const packetBytes = int('r');
  const memSize = int('sz') ?? int('mem_size');
  const refId = int('ref_obj_id');
  const map = fields.get('map');
  return {
    kind,
    umin,
    umax,
    smin: num('smin', umax <= BigInt(S64_MAX) ? umin : S64_MIN),
    smax: num('smax', umax <= BigInt(S64_MAX) ? umax : S64_MAX),
    off: int('off') ?? 0,
    ...(map === undefined ? {} : { map }),
    ...(valueSize === undefined ? {} : { valueSize }),
    ...(packetBytes === undefined ? {} : { packetBytes }),
    ...(memSize === undefined ? {} : { memSize }),
    ...(refId === undefined ? {} : { refId }),
  };
}

function splitFields(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const ch = text[i] ?? ',';
    if (ch === '(') depth++;
    else if (ch === ')') depth--;
    else if (ch === ',' && depth === 0) {
      if (i > from) out.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return out;
}

function toBig(text: string): bigint {
  const m = /^(-?)(0x[0-9a-f]+|\d+)/i.exec(text);
  if (!m) return 0n;
  const value = BigInt(m[2]!);
  return m[1] ? -value : value;
}

/** Every register a log line shows: `R1=… R6_w=…`. A state's text may go on with stack slots, which end the last register. */
export function readState(text: string): Map<number, string> {
  const out = new Map<number, string>();
  const pattern = /(?:^|\s)R(\d+)(?:_[a-z]+)?=(P?[-\w[\]]*(?:\((?:[^()]|\([^()]*\))*\))?)/g;
  for (let m = pattern.exec(text); m; m = pattern.exec(text)) out.set(Number(m[1]), m[2]!);
  return out;
}

function isWide(r: RegText): boolean {
  return r.umin === 0n && r.umax === U64 && r.smin === S64_MIN && r.smax === S64_MAX;
}

/** The numbers it may be. */
export function rangeText(r: RegText): string {
  if (r.value !== undefined) return `${r.value}`;
  if (isWide(r)) return 'any 64-bit number';
  if (r.smin >= 0n || r.umax <= BigInt(S64_MAX)) return `${r.umin} to ${big(r.umax)}`;
  if (r.smin === S64_MIN)
    return r.smax === S64_MAX
      ? `at least ${r.umin} (unsigned)`
      : `at most ${big(r.smax)} (signed), without a lower bound`;
  return `${big(r.smin)} to ${r.smax === S64_MAX ? 'any size' : big(r.smax)} (signed)`;
}

function big(v: bigint): string {
  return v === 0xffffffffn ? '4294967295' : `${v}`;
}

const NOUN: Record<string, string> = {
  ctx: 'the context pointer',
  map_ptr: 'a map',
  map_key: 'a pointer to a map key',
  pkt_end: 'the end of the packet',
  fp: 'a pointer to the stack',
  sock: 'a socket',
  sock_common: 'a socket',
  tcp_sock: 'a TCP socket',
  xdp_sock: 'an AF_XDP socket',
  mem: 'a piece of memory',
  ringbuf_mem: 'a ring buffer record',
  alloc_mem: 'a ring buffer record',
  buf: 'a buffer of the kernel',
  rdonly_buf: 'a read-only buffer of the kernel',
  func: 'a function',
  flow_keys: 'flow keys',
  scalar: 'a number',
  inv: 'a number',
};

/** A kind in words; `map_value_or_null` is "null or a pointer to a map value". */
export function kindText(kind: string): string {
  const m = /^(.*?)_or_null_?$/.exec(kind);
  if (m) return `null or ${kindText(m[1]!)}`;
  const btf = /^(?:(trusted|untrusted|rcu|percpu|user)_)*ptr_(?:or_null_)?(\w*)$/.exec(kind);
  if (btf) {
    const struct = btf[2] ? `struct ${btf[2]}` : 'a kernel structure';
    return kind.includes('or_null') ? `null or a pointer to ${struct}` : `a pointer to ${struct}`;
  }
  if (kind === 'map_value') return 'a pointer to a map value';
  if (kind === 'pkt') return 'a packet pointer';
  if (kind === 'pkt_meta') return 'a pointer to packet metadata';
  const rest = kind.replace(/^(?:rdonly_|user_|untrusted_|trusted_|percpu_|rcu_)+/, '');
  return NOUN[kind] ?? NOUN[rest] ?? `a ${kind}`;
}

/** All that is known, in words. */
export function registerText(r: RegText): string {
  if (r.kind === 'scalar') return r.value === undefined ? `a number: ${rangeText(r)}` : `the number ${r.value}`;
  let text = kindText(r.kind);
  if (r.kind === 'fp') return r.off === 0 ? text : `${text}, ${-r.off} bytes below its top`;
  if (r.kind.startsWith('map_value')) {
    text += `${r.map ? ` of \`${r.map}\`` : ''}${r.valueSize === undefined ? '' : ` (${r.valueSize} bytes)`}`;
  }
  if (r.memSize !== undefined) text += ` of ${r.memSize} bytes`;
  const moving = r.umax !== U64 && r.umax !== r.umin ? ` plus ${rangeText(r)}` : '';
  if (r.off !== 0 || moving) text += `, at offset ${r.off}${moving}`;
  if (r.packetBytes !== undefined) {
    text +=
      r.packetBytes === 0 ? '; no bytes checked against data_end' : `; ${r.packetBytes} bytes checked against data_end`;
  }
  return text;
}
