/**
 * Makes data/btf-6.1-x86_64.btf.deflate: the BTF of Debian's 6.1 cloud kernel, reduced to what programs can name
 * (shipped-names.mjs), as raw deflate. Layouts stay exact: a type is kept whole or as a forward declaration.
 *
 * Also makes what the kernel image knows beside BTF: data/tracepoints-6.1.json.deflate and core/progs/syscall-table.gen.ts
 * (trace-events.mjs), and data/NOTICE. Needs Debian with apt-get and dpkg; run `node scripts/btf/make-shipped-btf.mjs`.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';
import { debianKernel } from './kernel-image.mjs';
import { ENUMERATOR_PATTERN, FUNCTION_PATTERNS, STRUCT_PATTERNS, STRUCTS, WALKED } from './shipped-names.mjs';
import { printSyscallTable } from './syscall-table.mjs';
import { readTraceEvents } from './trace-events.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The project's own readers, which are TypeScript. */
async function importCore() {
  const out = join(tmpdir(), `make-shipped-btf-${process.pid}.mjs`);
  const contents = ['btf/read', 'btf/write', 'elf/read'].map((f) => `export * from './${f}.ts';`).join('\n');
  await build({
    stdin: { contents, resolveDir: join(ROOT, 'core') },
    bundle: true,
    format: 'esm',
    outfile: out,
    logLevel: 'error',
  });
  return import(pathToFileURL(out).href);
}

/**
 * Ids of the structs and unions to keep: `roots`, what they hold by value, and one pointer step from `walked`.
 */
function closure(btf, roots, walked) {
  const kept = new Set();
  const queue = [];
  const keep = (id) => {
    if (kept.has(id)) return;
    kept.add(id);
    queue.push(id);
  };
  const visit = (id, behindPointer, follow) => {
    const type = btf.type(id);
    switch (type.kind) {
      case 'struct':
      case 'union':
        if (!behindPointer || type.name === '' || follow) keep(id);
        break;
      case 'ptr':
        visit(type.type, true, follow);
        break;
      case 'array':
        visit(type.type, false, follow);
        break;
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'typedef':
      case 'type_tag':
        visit(type.type, behindPointer, follow);
        break;
      default:
    }
  };
  for (const id of roots) keep(id);
  for (const id of walked) keep(id);
  // Anonymous members belong to the struct around them, so they are walked with it.
  const walkedWithInner = new Set(walked);
  for (const id of walkedWithInner) {
    for (const member of btf.type(id).members) {
      if (member.name === '' || btf.type(member.type).name === '') {
        const kind = btf.type(member.type).kind;
        if (kind === 'struct' || kind === 'union') walkedWithInner.add(member.type);
      }
    }
  }
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    for (const member of btf.type(id).members) visit(member.type, false, walkedWithInner.has(id));
  }
  return kept;
}

const words = (text) => text.trim().split(/\s+/);

/** Does a chain of typedefs and qualifiers end in something that costs nothing more to keep? */
function endsInKept(btf, id, kept) {
  let type = btf.type(id);
  while (type.kind === 'typedef' || type.kind === 'const' || type.kind === 'volatile') type = btf.type(type.type);
  if (type.kind === 'struct' || type.kind === 'union')
    return kept.has(type.id) || (type.name === '' && type.members.length <= 4);
  return type.kind === 'int' || type.kind === 'void';
}

function reduce(core, full) {
  const idsOf = (names) =>
    names.flatMap((name) => ['struct', 'union'].map((kind) => full.find(name, kind)).filter((id) => id !== undefined));
  const structNames = [...full.names('struct')];
  const matching = structNames.filter((name) => STRUCT_PATTERNS.some((p) => p.test(name)));
  const functions = [...new Set(full.names('func'))].filter((name) => FUNCTION_PATTERNS.some((p) => p.test(name)));
  const kept = closure(full, idsOf([...words(STRUCTS), ...matching]), idsOf(words(WALKED)));

  const builder = new core.BtfBuilder();
  const cut = (type) => !kept.has(type.id);
  for (const id of [...kept].sort((a, b) => a - b)) builder.copy(full, id, cut);
  for (const name of new Set(full.names('typedef'))) {
    const id = full.find(name, 'typedef');
    if (name.startsWith('btf_trace_') || endsInKept(full, id, kept)) builder.copy(full, id, cut);
  }
  for (const name of functions) builder.copy(full, full.find(name, 'func'), cut);
  for (let id = 1; id < full.typeCount; id++) {
    const type = full.type(id);
    if ((type.kind === 'enum' || type.kind === 'enum64') && type.values.some((v) => ENUMERATOR_PATTERN.test(v.name)))
      builder.copy(full, id, cut);
  }
  const btf = builder.build();
  checkLayouts(full, btf, kept);
  return { btf, structs: kept.size, functions: functions.length };
}

/** Every kept struct of a name must be in the reduced file as it was. */
function checkLayouts(full, reduced, kept) {
  for (const id of kept) {
    const type = full.type(id);
    if (type.name === '' || full.find(type.name, type.kind) !== id) continue;
    const found = reduced.type(reduced.find(type.name, type.kind));
    const shape = ({ size, members }) => JSON.stringify([size, members.map((m) => [m.name, m.bitOffset, m.bitSize])]);
    if (shape(found) !== shape(type)) throw new Error(`layout of ${type.kind} ${type.name} changed`);
  }
}

/** Tell each event which BTF struct has its layout: the one of its own name, or the one its class has. */
function nameStructs(btf, events) {
  const byLayout = new Map();
  const layout = (fields) => fields.map(([name, offset]) => `${name}@${offset}`).join();
  const ofStruct = (name) => {
    const members = btf.type(btf.find(name, 'struct')).members.filter((m) => m.name !== 'ent' && m.name !== '__data');
    return layout(members.map((m) => [m.name.replace(/^__(rel|data)_loc_/, ''), m.bitOffset / 8]));
  };
  for (const name of new Set(btf.names('struct')))
    if (name.startsWith('trace_event_raw_')) byLayout.set(ofStruct(name), name);
  for (const [key, event] of Object.entries(events)) {
    const own = `trace_event_raw_${key.split(':')[1]}`;
    const fields = layout(event.fields.map(([, name, offset]) => [name, offset]));
    const name = btf.find(own, 'struct') !== undefined && ofStruct(own) === fields ? own : byLayout.get(fields);
    if (name && event.fields.length > 0) event.struct = name;
  }
}

/** Where the data comes from. It holds facts about a binary interface (names, layouts, prototypes), and no code. */
function notice({ packageName, version, source }) {
  return `The files in this folder describe the data layouts, function prototypes, tracepoints and system calls of a Linux kernel.
They were read, by scripts/btf/make-shipped-btf.mjs, out of the kernel image in Debian's binary package

    ${packageName}, version ${version}
    built from source package: ${source}
    https://packages.debian.org/source/bookworm/linux

The Linux kernel is Copyright (C) 1991-2026 Linus Torvalds and others, licensed under the GNU General Public License,
version 2, with the Linux-syscall-note for its user-space headers. No kernel code is contained here.
`;
}

const core = await importCore();
const kernel = debianKernel('linux-image-cloud-amd64', join(tmpdir(), 'skep-kernel-image'));
const section = core.readElf(kernel.vmlinux).section('.BTF');
if (!section) throw new Error(`${kernel.packageName}: vmlinux has no .BTF section`);
const full = core.readBtf(Uint8Array.from(section.data));
const reduced = reduce(core, full);
const packed = deflateRawSync(reduced.btf.bytes, { level: 9 });
const data = join(ROOT, 'data');
mkdirSync(data, { recursive: true });
writeFileSync(join(data, 'btf-6.1-x86_64.btf.deflate'), packed);
writeFileSync(join(data, 'NOTICE'), notice(kernel));

const { events, syscalls } = readTraceEvents(core.readElf(kernel.vmlinux), full);
nameStructs(full, events);
const packedEvents = deflateRawSync(JSON.stringify(events), { level: 9 });
writeFileSync(join(data, 'tracepoints-6.1.json.deflate'), packedEvents);
writeFileSync(
  join(ROOT, 'core/progs/syscall-table.gen.ts'),
  printSyscallTable(syscalls, `${kernel.packageName} ${kernel.version} and linux-libc-dev`),
);
console.log(
  `${Object.keys(events).length} tracepoints, ${packedEvents.length} bytes packed; ${syscalls.length} system call entries`,
);
console.log(`${kernel.packageName} ${kernel.version}: ${full.typeCount} types, ${section.size} bytes`);
console.log(
  `kept ${reduced.structs} structs, ${reduced.functions} functions: ${reduced.btf.typeCount} types, ${reduced.btf.bytes.length} bytes, ${packed.length} packed`,
);
console.log(`sha256 ${createHash('sha256').update(reduced.btf.bytes).digest('hex')}`);
