/** The fences of docs/architecture.md as a pure function over sources, so that planted faults can be tried in memory. */

/** Folders by floor, lowest first. Folders on one floor never import each other. `test` may import anything. */
export const FLOORS: readonly (readonly string[])[] = [
  ['core/base'],
  ['core/isa'],
  ['core/btf'],
  ['core/maps'],
  ['core/helpers'],
  ['core/progs'],
  ['core/spec'],
  ['core/elf', 'core/ir'],
  ['core/codegen'],
  ['core/cc', 'core/verifier', 'core/vm'],
  ['core/backend'],
  ['core/model', 'core/offload', 'core/bcc'],
  ['core/index.ts'],
  ['native/gen', 'bindings'],
  ['frontends'],
  ['tools'],
];

/** Packages that may be imported, by top folder. `core` alone takes none; esbuild serves `skep run x.ts`. */
const PACKAGES: Record<string, readonly string[]> = {
  core: [],
  bindings: ['node:'],
  frontends: ['node:', 'fengari', 'luaparse'],
  tools: ['node:', 'commander', 'esbuild', 'skep'],
};

export interface Source {
  /** Path from the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const IMPORT =
  /(?:^|[\n;}])\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"\n]+)['"]|\bimport\s*\(\s*['"]([^'"\n]+)['"]\s*\)|\brequire\s*\(\s*['"]([^'"\n]+)['"]\s*\)/g;

export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, ' ')).replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(IMPORT)].map((m) => (m[1] ?? m[2] ?? m[3])!);
}

function floorOf(path: string): { floor: number; room: string } | undefined {
  for (let floor = 0; floor < FLOORS.length; floor++) {
    for (const room of FLOORS[floor]!) if (path === room || path.startsWith(room + '/')) return { floor, room };
  }
  return undefined;
}

function resolve(from: string, to: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const step of to.split('/')) {
    if (step === '..') parts.pop();
    else if (step !== '.') parts.push(step);
  }
  return parts.join('/');
}

/** Every breach, one line each: `path: what`. */
export function breaches(sources: readonly Source[]): string[] {
  const out: string[] = [];
  for (const { path, text } of sources) {
    if (path.startsWith('test/')) continue;
    const top = path.split('/')[0]!;
    if (top === 'core' && /^\s*\/\/\/\s*<\s*reference/m.test(text))
      out.push(`${path}: /// <reference reopens Node or the DOM`);
    const own = floorOf(path);
    if (!own) {
      if (top in PACKAGES) out.push(`${path}: stands on no floor of docs/architecture.md`);
      continue;
    }
    for (const target of importsOf(text)) {
      if (!target.startsWith('.')) {
        if (!PACKAGES[top]!.some((p) => target === p || target.startsWith(p.endsWith(':') ? p : p + '/'))) {
          out.push(`${path}: imports the package '${target}'`);
        }
        continue;
      }
      const at = resolve(path, target);
      const other = floorOf(at);
      if (!other) out.push(`${path}: imports ${at}, which stands on no floor`);
      else if (other.floor > own.floor) out.push(`${path}: imports upwards, ${at}`);
      else if (other.floor === own.floor && other.room !== own.room) out.push(`${path}: imports its neighbour ${at}`);
    }
  }
  return out;
}
