/**
 * THE MAP METHODS: `map.lookup(&key)` and its kin (BCC's reference guide, section Maps). A row gives the parameters' types and the
 * result; most are one helper call with the map among the arguments, the rest have a lowering of their own.
 */
import { nearestNames } from '../../base/errors.ts';
import type { Context } from '../context.ts';
import { type CType, INT, isInteger, LONG, pointerTo, quotedType, rvalueType, ULLONG, VOID } from '../ctype.ts';
import { note } from '../report.ts';
import { assignTo, rangeOf, rvalue } from '../sema/convert.ts';
import { depthOf, errorExpr, intExpr, type Place, rawCast } from '../sema/make.ts';
import { spanOf } from '../token.ts';
import type { Expr, MethodExpr } from '../tree.ts';
import type { MapDecl } from './map-decl.ts';

/** key: pointer to a key; keyvalue: a key itself; value: pointer to a value; ptr: any pointer; u64: a number. `=0`: may be left out. */
type Param = 'key' | 'keyvalue' | 'value' | 'ptr' | 'u64' | 'u64=0' | 'u64=1' | 'ctx' | 'index';

export interface MethodRow {
  readonly params: readonly Param[];
  readonly result: 'value*' | 'ptr' | 'int' | 'long' | 'void';
  /**
   * A helper by name with this argument order: 'map', 'ctx' or a parameter's index, or a constant; or a lowering of its own.
   */
  readonly helper?: string;
  readonly order?: readonly (number | 'map' | { readonly constant: bigint })[];
  readonly own?: string;
  /** Map types that have it; undefined: all. */
  readonly maps?: readonly string[];
  /** Parameter that points to what is sent to user space: its type becomes the map's event type. */
  readonly event?: number;
}

const KEYED = [
  'hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'hash_of_maps',
  'array_of_maps',
  'devmap',
  'devmap_hash',
  'cpumap',
  'xskmap',
  'sockmap',
  'sockhash',
  'prog_array',
  'perf_event_array',
  'cgroup_array',
  'stack_trace',
  '',
];
const QUEUES = ['queue', 'stack', 'bloom_filter', ''];
const CURRENT_CPU = { constant: 0xffffffffn } as const;
const ZERO = { constant: 0n } as const;

const METHODS: Record<string, MethodRow> = {
  lookup: { params: ['key'], result: 'value*', helper: 'map_lookup_elem', order: ['map', 0], maps: KEYED },
  lookup_or_try_init: { params: ['key', 'value'], result: 'value*', own: 'map_lookup_or_init', maps: KEYED },
  lookup_or_init: { params: ['key', 'value'], result: 'value*', own: 'map_lookup_or_init', maps: KEYED },
  lookup_percpu_elem: {
    params: ['key', 'u64'],
    result: 'value*',
    helper: 'map_lookup_percpu_elem',
    order: ['map', 0, 1],
    maps: KEYED,
  },
  update: {
    params: ['key', 'value', 'u64=0'],
    result: 'int',
    helper: 'map_update_elem',
    order: ['map', 0, 1, 2],
    maps: KEYED,
  },
  insert: {
    params: ['key', 'value'],
    result: 'int',
    helper: 'map_update_elem',
    order: ['map', 0, 1, { constant: 1n }],
    maps: KEYED,
  },
  delete: { params: ['key'], result: 'int', helper: 'map_delete_elem', order: ['map', 0], maps: KEYED },
  increment: { params: ['keyvalue', 'u64=1'], result: 'void', own: 'map_increment', maps: KEYED },
  atomic_increment: { params: ['keyvalue', 'u64=1'], result: 'void', own: 'map_atomic_increment', maps: KEYED },
  perf_submit: {
    params: ['ctx', 'ptr', 'u64'],
    result: 'int',
    helper: 'perf_event_output',
    order: [0, 'map', CURRENT_CPU, 1, 2],
    maps: ['perf_event_array', ''],
    event: 1,
  },
  perf_submit_skb: {
    params: ['ctx', 'u64', 'ptr', 'u64'],
    result: 'int',
    own: 'map_submit_skb',
    maps: ['perf_event_array', ''],
    event: 2,
  },
  perf_read: {
    params: ['u64'],
    result: 'long',
    helper: 'perf_event_read',
    order: ['map', 0],
    maps: ['perf_event_array', ''],
  },
  perf_counter_value: {
    params: ['u64', 'ptr', 'u64'],
    result: 'int',
    helper: 'perf_event_read_value',
    order: ['map', 0, 1, 2],
    maps: ['perf_event_array', ''],
  },
  check_current_task: {
    params: ['u64'],
    result: 'int',
    helper: 'current_task_under_cgroup',
    order: ['map', 0],
    maps: ['cgroup_array', ''],
  },
  call: { params: ['ctx', 'u64'], result: 'void', helper: 'tail_call', order: [0, 'map', 1], maps: ['prog_array', ''] },
  get_stackid: {
    params: ['ctx', 'u64'],
    result: 'int',
    helper: 'get_stackid',
    order: [0, 'map', 1],
    maps: ['stack_trace', ''],
  },
  redirect_map: {
    params: ['u64', 'u64=0'],
    result: 'int',
    helper: 'redirect_map',
    order: ['map', 0, 1],
    maps: ['devmap', 'devmap_hash', 'cpumap', 'xskmap', ''],
  },
  ringbuf_output: {
    params: ['ptr', 'u64', 'u64=0'],
    result: 'int',
    helper: 'ringbuf_output',
    order: ['map', 0, 1, 2],
    maps: ['ringbuf', ''],
    event: 0,
  },
  ringbuf_reserve: {
    params: ['u64'],
    result: 'ptr',
    helper: 'ringbuf_reserve',
    order: ['map', 0, ZERO],
    maps: ['ringbuf', ''],
  },
  ringbuf_submit: {
    params: ['ptr', 'u64=0'],
    result: 'void',
    helper: 'ringbuf_submit',
    order: [0, 1],
    maps: ['ringbuf', ''],
    event: 0,
  },
  ringbuf_discard: {
    params: ['ptr', 'u64=0'],
    result: 'void',
    helper: 'ringbuf_discard',
    order: [0, 1],
    maps: ['ringbuf', ''],
    event: 0,
  },
  ringbuf_query: { params: ['u64'], result: 'long', helper: 'ringbuf_query', order: ['map', 0], maps: ['ringbuf', ''] },
  push: { params: ['value', 'u64=0'], result: 'int', helper: 'map_push_elem', order: ['map', 0, 1], maps: QUEUES },
  pop: { params: ['value'], result: 'int', helper: 'map_pop_elem', order: ['map', 0], maps: QUEUES },
  peek: { params: ['value'], result: 'int', helper: 'map_peek_elem', order: ['map', 0], maps: QUEUES },
  sock_map_update: {
    params: ['ctx', 'key', 'u64=0'],
    result: 'int',
    helper: 'sock_map_update',
    order: [0, 'map', 1, 2],
    maps: ['sockmap', ''],
  },
  sock_hash_update: {
    params: ['ctx', 'key', 'u64=0'],
    result: 'int',
    helper: 'sock_hash_update',
    order: [0, 'map', 1, 2],
    maps: ['sockhash', ''],
  },
  msg_redirect_map: {
    params: ['ctx', 'u64', 'u64=0'],
    result: 'int',
    helper: 'msg_redirect_map',
    order: [0, 'map', 1, 2],
    maps: ['sockmap', ''],
  },
  msg_redirect_hash: {
    params: ['ctx', 'key', 'u64=0'],
    result: 'int',
    helper: 'msg_redirect_hash',
    order: [0, 'map', 1, 2],
    maps: ['sockhash', ''],
  },
  sk_redirect_map: {
    params: ['ctx', 'u64', 'u64=0'],
    result: 'int',
    helper: 'sk_redirect_map',
    order: [0, 'map', 1, 2],
    maps: ['sockmap', ''],
  },
  sk_redirect_hash: {
    params: ['ctx', 'key', 'u64=0'],
    result: 'int',
    helper: 'sk_redirect_hash',
    order: [0, 'map', 1, 2],
    maps: ['sockhash', ''],
  },
  sk_storage_get: {
    params: ['ptr', 'ptr', 'u64'],
    result: 'value*',
    helper: 'sk_storage_get',
    order: ['map', 0, 1, 2],
    maps: ['sk_storage', ''],
  },
  sk_storage_delete: {
    params: ['ptr'],
    result: 'int',
    helper: 'sk_storage_delete',
    order: ['map', 0],
    maps: ['sk_storage', ''],
  },
  inode_storage_get: {
    params: ['ptr', 'ptr', 'u64'],
    result: 'value*',
    helper: 'inode_storage_get',
    order: ['map', 0, 1, 2],
    maps: ['inode_storage', ''],
  },
  inode_storage_delete: {
    params: ['ptr'],
    result: 'int',
    helper: 'inode_storage_delete',
    order: ['map', 0],
    maps: ['inode_storage', ''],
  },
  task_storage_get: {
    params: ['ptr', 'ptr', 'u64'],
    result: 'value*',
    helper: 'task_storage_get',
    order: ['map', 0, 1, 2],
    maps: ['task_storage', ''],
  },
  task_storage_delete: {
    params: ['ptr'],
    result: 'int',
    helper: 'task_storage_delete',
    order: ['map', 0],
    maps: ['task_storage', ''],
  },
  get_local_storage: {
    params: ['u64'],
    result: 'value*',
    helper: 'get_local_storage',
    order: ['map', 0],
    maps: ['cgroup_storage', 'percpu_cgroup_storage', ''],
  },
};

/** The row of a method, for lowering and provenance. */
export function methodRow(name: string): MethodRow | undefined {
  return Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
}

/** `map.method(args)` */
export function methodCall(cx: Context, callee: MethodExpr, args: readonly Expr[], place: Place): Expr {
  const { map, name } = callee;
  const row = methodRow(name.text);
  if (!row) {
    unknownMethod(cx, callee);
    return errorExpr(place);
  }
  if (row.maps && !row.maps.includes(map.type)) {
    cx.report.error(name, `map '${map.name}' is of type ${map.type}, which has no method '${name.text}'`, {
      ranges: [rangeOf(callee)],
      notes: [
        note(map.at, `'${map.name}' declared here by ${map.macro}`),
        note(undefined, `'${name.text}' works on: ${row.maps.filter((m) => m).join(', ')}`),
      ],
    });
    return errorExpr(place);
  }
  if (args.some((a) => a.type.kind === 'error')) return errorExpr(place);
  // BCC: lookup_or_try_init(&key) without a value begins at zero.
  const optional = (p: Param) => p.includes('=');
  const least = row.params.filter((p) => !optional(p)).length - (row.own === 'map_lookup_or_init' ? 1 : 0);
  if (args.length < least || args.length > row.params.length) {
    const want = least === row.params.length ? `${least}` : `${least} to ${row.params.length}`;
    cx.report.error(
      name,
      `'${map.name}.${name.text}' takes ${want} argument${want === '1' ? '' : 's'}, not ${args.length}`,
      { ranges: [rangeOf(place)] },
    );
    return errorExpr(place);
  }
  const converted: Expr[] = [];
  for (const [i, param] of row.params.entries()) {
    const arg = args[i];
    const made = arg
      ? convert(cx, map, param, arg)
      : optional(param)
        ? intExpr(BigInt(param.slice(-1)), ULLONG, place)
        : undefined;
    if (!made) continue;
    if (made.type.kind === 'error') return errorExpr(place);
    converted.push(made);
  }
  if (row.event !== undefined) noteEvent(map, args[row.event]);
  const type = resultType(row, map);
  return {
    kind: 'builtin',
    what: row.own ?? 'map_helper',
    args: converted,
    map,
    data: name.text,
    type,
    at: name,
    from: place.from,
    to: place.to,
    depth: depthOf(cx, name, ...converted),
  };
}

function convert(cx: Context, map: MapDecl, param: Param, arg: Expr): Expr {
  const passing = { verb: 'passing', declared: undefined } as const;
  switch (param) {
    case 'key':
      return pointerArg(cx, map, arg, map.key, 'key');
    case 'value':
      return pointerArg(cx, map, arg, map.value, 'value');
    case 'keyvalue':
      return assignTo(cx, arg, map.key ?? INT, passing);
    case 'ptr':
    case 'ctx':
      return assignTo(cx, arg, pointerTo(VOID), passing);
    default: {
      const v = rvalue(cx, arg);
      if (isInteger(v.type)) return rawCast(cx, v, ULLONG);
      return assignTo(cx, v, ULLONG, passing);
    }
  }
}

/** A pointer to a key or value; passing the thing itself instead of its address is the commonest slip. */
function pointerArg(cx: Context, map: MapDecl, arg: Expr, want: CType | undefined, what: 'key' | 'value'): Expr {
  const v = rvalue(cx, arg);
  if (v.type.kind === 'error') return v;
  const target = map.type === 'hash_of_maps' || map.type === 'array_of_maps' ? (what === 'value' ? VOID : want) : want;
  if (v.type.kind !== 'ptr' && !(v.kind === 'int' && v.value === 0n)) {
    cx.report.error(
      arg.at,
      `'${map.name}' takes a pointer to its ${what} here, not a ${quotedType(arg.type)}; did you mean '&'?`,
      {
        ranges: [rangeOf(arg)],
        fixits: [{ span: { ...spanOf(arg.from), end: spanOf(arg.from).start }, text: '&' }],
        notes: [note(map.at, `'${map.name}' declared here with ${what} ${quotedType(want ?? VOID)}`)],
      },
    );
    return errorExpr(arg);
  }
  if (v.type.kind === 'ptr' && v.type.to.kind === 'array' && target && target.kind !== 'array')
    return assignTo(cx, rawCast(cx, v, pointerTo(v.type.to.of), true), pointerTo(target), { verb: 'passing' });
  return assignTo(cx, v, pointerTo(target ?? VOID), { verb: 'passing', declared: undefined });
}

function resultType(row: MethodRow, map: MapDecl): CType {
  switch (row.result) {
    case 'value*':
      return map.inner !== undefined || !map.value ? pointerTo(VOID) : pointerTo(rvalueType(map.value));
    case 'ptr':
      return pointerTo(VOID);
    case 'int':
      return INT;
    case 'long':
      return LONG;
    default:
      return VOID;
  }
}

/** Remember the struct that is sent: Python's and Lua's `event()` decode by it. */
function noteEvent(map: MapDecl, arg: Expr | undefined): void {
  if (map.event || !arg) return;
  let e = arg;
  while (e.kind === 'cast') e = e.operand;
  const t = e.type;
  const to = t.kind === 'ptr' ? t.to : t.kind === 'array' ? t : undefined;
  if (to && to.kind !== 'void' && to.kind !== 'func') map.event = rvalueType(to);
}

function unknownMethod(cx: Context, callee: MethodExpr): void {
  const { map, name } = callee;
  const fits = Object.entries(METHODS).filter(([, r]) => !r.maps || r.maps.includes(map.type));
  const near = nearestNames(
    name.text,
    fits.map(([n]) => n),
    1,
  )[0];
  const ours = fits.map(([n]) => n).join(', ');
  cx.report.error(name, `no method '${name.text}' on map '${map.name}'${near ? `; did you mean '${near}'?` : ''}`, {
    ranges: [rangeOf(callee)],
    notes: [
      note(map.at, `'${map.name}' declared here by ${map.macro}`),
      ...(ours ? [note(undefined, `methods of a ${map.type} map: ${ours}`)] : []),
    ],
    ...(near ? { fixits: [{ span: spanOf(name), text: near }] } : {}),
  });
}
