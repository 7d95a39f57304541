/**
 * Tracepoints and system calls as a kernel image holds them: the tables from which tracefs makes its `format` files
 * (include/linux/trace_events.h, include/trace/syscall.h, kernel/trace/trace_events.c, kernel/trace/trace_syscalls.c).
 *
 * BTF gives the layouts of those tables but neither the category of a tracepoint, nor which fields are `__data_loc`, nor the C text of
 * types; the image's own data does. The image has no symbols, so the two arrays of pointers (to events, to system calls)
 * are found by their shape: long runs of pointers to things whose members are what they must be.
 */

const TRACE_ENTRY_SIZE = 8;
/** Shortest run of pointers that counts as one of the two arrays. */
const SHORTEST_RUN = 50;

/** Memory of the kernel at its link addresses. */
class Image {
  constructor(elf) {
    this.sections = elf.sections.filter((s) => s.address > 0xffffffff00000000n && s.data.length > 0);
    this.views = new Map(
      this.sections.map((s) => [s, new DataView(s.data.buffer, s.data.byteOffset, s.data.byteLength)]),
    );
  }

  at(address, size) {
    const section = this.sections.find(
      (s) => address >= s.address && address + BigInt(size) <= s.address + BigInt(s.data.length),
    );
    return section && { section, view: this.views.get(section), offset: Number(address - section.address) };
  }

  pointer(address) {
    const place = this.at(address, 8);
    return place ? place.view.getBigUint64(place.offset, true) : 0n;
  }

  int(address) {
    const place = this.at(address, 4);
    return place ? place.view.getInt32(place.offset, true) : 0;
  }

  /** The C string at an address, or undefined when there is none of printable text. */
  text(address) {
    const place = this.at(address, 1);
    if (!place) return undefined;
    const { data } = place.section;
    const end = data.indexOf(0, place.offset);
    const text = Buffer.from(data.buffer, data.byteOffset + place.offset, end - place.offset).toString('latin1');
    return end > place.offset && /^[\t\n\x20-\x7e]*$/.test(text) ? text : undefined;
  }
}

/** All runs of pointers in .init.data whose targets `accept` takes. */
function pointerRuns(image, accept) {
  const section = image.sections.find((s) => s.name === '.init.data');
  const view = image.views.get(section);
  const found = [];
  let run = [];
  for (let offset = 0; offset + 8 <= section.data.length; offset += 8) {
    const target = view.getBigUint64(offset, true);
    if (target > 0xffffffff00000000n && accept(target)) run.push(target);
    else {
      if (run.length >= SHORTEST_RUN) found.push(...run);
      run = [];
    }
  }
  return found;
}

const isName = (text) => text !== undefined && /^\w+$/.test(text);

/**
 * @returns {{ events: Record<string, object>, syscalls: { name: string, args: [string, string][] }[] }} `events` by 'category:name', fields as
 *   [type, name, offset, size, signed], without the four common ones that start every event; `syscalls` by the kernel's own name (`newstat`, `openat`), parameters as [name, type].
 */
export function readTraceEvents(elf, btf) {
  const image = new Image(elf);
  const member = (struct, name) => {
    const found = btf.type(btf.find(struct, 'struct')).members.find((m) => m.name === name);
    if (!found) throw new Error(`struct ${struct} has no member ${name}`);
    return BigInt(found.bitOffset / 8);
  };
  const call = {
    class: member('trace_event_call', 'class'),
    name: member('trace_event_call', 'class') + 8n,
    print: member('trace_event_call', 'print_fmt'),
    flags: member('trace_event_call', 'flags'),
  };
  const cls = { system: member('trace_event_class', 'system'), fields: member('trace_event_class', 'fields_array') };
  const meta = {
    name: 0n,
    count: member('syscall_metadata', 'nb_args'),
    types: member('syscall_metadata', 'types'),
    args: member('syscall_metadata', 'args'),
  };

  const systemOf = (event) => image.text(image.pointer(image.pointer(event + call.class) + cls.system));
  const isTracepoint = Number(btf.findEnumerator('TRACE_EVENT_FL_TRACEPOINT').value);
  // An event names itself, or points to its tracepoint, whose first member is its name.
  const nameOf = (event) => {
    const pointer = image.pointer(event + call.name);
    return image.text(image.int(event + call.flags) & isTracepoint ? image.pointer(pointer) : pointer);
  };
  const constants = readConstants(image);
  const found = new Map();
  for (const event of pointerRuns(image, (e) => isName(systemOf(e)) && isName(nameOf(e)))) {
    const key = `${systemOf(event)}:${nameOf(event)}`;
    const fields = fieldsOf(image, image.pointer(image.pointer(event + call.class) + cls.fields));
    if (!fields) continue;
    const known = constants.get(systemOf(event)) ?? new Map();
    const print = replaceConstants(image.text(image.pointer(event + call.print)) ?? '', known);
    found.set(key, { fields: fields.map(([type, ...rest]) => [replaceConstants(type, known), ...rest]), print });
  }

  const syscallName = (m) => image.text(image.pointer(m + meta.name));
  const syscalls = new Map();
  for (const m of pointerRuns(
    image,
    (e) => /^sys_\w+$/.test(syscallName(e) ?? '') && image.int(e + meta.count) >= 0 && image.int(e + meta.count) <= 6,
  )) {
    const args = [];
    for (let i = 0n; i < BigInt(image.int(m + meta.count)); i++) {
      args.push([
        image.text(image.pointer(image.pointer(m + meta.args) + i * 8n)),
        image.text(image.pointer(image.pointer(m + meta.types) + i * 8n)),
      ]);
    }
    const name = syscallName(m).slice('sys_'.length);
    syscalls.set(name, { name, args });
    found.set(`syscalls:sys_enter_${name}`, enterEvent(args));
    found.set(`syscalls:sys_exit_${name}`, exitEvent());
  }
  const events = Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { events, syscalls: [...syscalls.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** What TRACE_DEFINE_ENUM and TRACE_DEFINE_SIZEOF say: by system, the value of each text. The kernel puts the values into the format files at boot. */
function readConstants(image) {
  const bySystem = new Map();
  const accept = (map) =>
    isName(image.text(image.pointer(map))) && /^(sizeof\(.+\)|\w+)$/.test(image.text(image.pointer(map + 8n)) ?? '');
  for (const map of pointerRuns(image, accept)) {
    const system = image.text(image.pointer(map));
    if (!bySystem.has(system)) bySystem.set(system, new Map());
    bySystem.get(system).set(image.text(image.pointer(map + 8n)), image.int(map + 16n));
  }
  return bySystem;
}

/** Replace the known names that stand outside of strings and are no members. */
function replaceConstants(text, known) {
  return text.replace(/"(?:\\.|[^"\\])*"|sizeof\([^()]*\)|(?:->|\.)\s*\w+|\w+/g, (token) =>
    known.has(token) ? String(known.get(token)) : token,
  );
}

/** A class's fields, laid out one after another as trace_event_define_fields does. undefined for what has no such list. */
function fieldsOf(image, list) {
  if (list === 0n || !image.at(list, 40)) return undefined;
  const fields = [];
  let offset = TRACE_ENTRY_SIZE;
  for (let at = list; image.pointer(at) !== 0n; at += 40n) {
    const type = image.text(image.pointer(at));
    const name = image.text(image.pointer(at + 8n));
    const size = image.int(at + 16n);
    const align = image.int(at + 20n);
    // Classes with fields that a function defines (ftrace's own entries) have no text here.
    if (type === undefined || name === undefined || align <= 0) return undefined;
    offset = Math.ceil(offset / align) * align;
    // The text of a constant length is not what the format file shows: it has the number.
    const length = image.int(at + 32n);
    const shown = length > 0 && !type.startsWith('__data_loc') ? type.replace(/\[.*\]$/, `[${length}]`) : type;
    fields.push([shown, name, offset, size, image.int(at + 24n) & 1]);
    offset += size;
  }
  return fields;
}

/** Arguments are stored as unsigned long from byte 16 on, whatever their type (kernel/trace/trace_syscalls.c). */
function enterEvent(args) {
  const fields = args.map(([name, type], i) => [type, name, 16 + i * 8, 8, 0]);
  const formats = args.map(([name]) => `${name}: 0x%08lx`).join(', ');
  const values = args.map(([name]) => `, ((unsigned long)(REC->${name}))`).join('');
  return { fields: [['int', '__syscall_nr', 8, 4, 1], ...fields], print: `"${formats}"${values}` };
}

function exitEvent() {
  return {
    fields: [
      ['int', '__syscall_nr', 8, 4, 1],
      ['long', 'ret', 16, 8, 1],
    ],
    print: '"0x%lx", REC->ret',
  };
}
