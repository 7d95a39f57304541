/** One text through the compiler, the real kernel's verifier and ours. */
import { release } from 'node:os';
import { compileWithClang } from './clang.mjs';

/** Program types that only load with the kernel function they attach to. */
const BY_BTF = new Set(['tracing', 'lsm']);

/** What a load or attach call of a script says of a function, over what its name says. */
function loadedAs(core, prog, loads) {
  const load = loads.find((l) => l.function === prog.name) ?? loads.find((l) => l.function === '*');
  if (!load) return prog;
  const type = typeof load.type === 'number' ? core.progTypeById(load.type)?.name : load.type;
  return type === undefined || type === prog.type ? prog : { ...prog, type, attachType: undefined };
}

/** Functions that are no programs by name or context are loaded only when the script says so. */
function isLoaded(prog, loads) {
  return prog.type !== 'unspec' || loads.some((l) => l.function === prog.name || l.function === '*');
}

function source({ prefix, text }) {
  return { name: 'program.c', text: prefix + text };
}

export class Judge {
  /** `core`: the bundle that run.mjs makes. */
  constructor(core, kernel, tracepoints) {
    this.core = core;
    this.kernel = kernel;
    this.btf = core.readBtf(kernel.btf);
    this.tracepoints = tracepoints;
    this.unavailable = kernel.live ? core.bpfUnavailable() : `this machine runs ${release().split('-')[0]}`;
  }

  /** @returns {{ compiled: boolean, ms: number, errors: object[], file: string, progs: object[] }} */
  judge(text) {
    const { core } = this;
    const { loads } = text;
    const start = performance.now();
    let result;
    try {
      result = core.compile(source(text), this.#options(text));
    } catch (error) {
      result = {
        diagnostics: [
          { severity: 'error', message: `the compiler threw: ${error.stack?.split('\n').slice(0, 4).join(' | ')}` },
        ],
      };
    }
    const ms = performance.now() - start;
    const errors = result.diagnostics.filter((d) => d.severity === 'error');
    const progs = result.object ? this.#programs(result.object, loads) : [];
    return { compiled: result.object !== undefined, ms, errors, progs };
  }

  #options({ cflags }) {
    return {
      kernelBtf: this.btf,
      kernelRelease: this.kernel.release,
      cflags,
      cpuCount: 2,
      tracepointFormat: (category, name) => this.tracepoints.get(`${category}:${name}`),
    };
  }

  /**
   * Our instructions and clang's for the programs of a text, and the instructions that the kernel's verifier went through in those that it
   * took from both. `whyNot` where clang gives nothing, `refused` where the kernel refuses what it gives.
   */
  besideClang(text, verdict) {
    const { core } = this;
    let ir;
    const { object } = core.compile(source(text), {
      ...this.#options(text),
      dump: { wants: (pass) => pass === 'front' && ir === undefined, show: (_, shown) => (ir = shown) },
    });
    const row = { ours: verdict.progs.reduce((n, p) => n + p.insns, 0) };
    const made = compileWithClang(core, ir);
    if (!made.object) return { ...row, whyNot: made.why };
    const fds = new Map();
    const close = [];
    let clang = 0;
    const [processed, refused] = [{ ours: 0, clang: 0 }, []];
    try {
      for (const prog of verdict.progs) {
        const theirs = made.object.progs.find((p) => p.name === prog.name);
        if (!theirs) return { ...row, whyNot: `no program '${prog.name}'` };
        clang += theirs.insns.length / 8;
        if (prog.kernel.verdict !== 'accepted') continue;
        const ours = loadedAs(
          core,
          object.progs.find((p) => p.name === prog.name),
          text.loads,
        );
        const answer = this.#ask(object, { ...ours, insns: theirs.insns, relocs: theirs.relocs }, fds, close);
        if (answer.verdict !== 'accepted') refused.push(`${prog.name}: ${answer.why}`);
        else {
          processed.ours += prog.kernel.processed;
          processed.clang += answer.processed;
        }
      }
    } finally {
      for (const fd of close) core.sys().close(fd);
    }
    return { ...row, clang, oursProcessed: processed.ours, clangProcessed: processed.clang, refused };
  }

  #programs(object, loads) {
    const fds = new Map();
    const close = [];
    try {
      return object.progs
        .filter((prog) => isLoaded(prog, loads))
        .map((prog) => loadedAs(this.core, prog, loads))
        .map((prog) => ({
          name: prog.name,
          type: prog.type,
          insns: prog.insns.length / 8,
          kernel: this.unavailable === undefined ? this.#ask(object, prog, fds, close) : { verdict: 'not asked' },
          ours: this.#ours(object, prog),
        }));
    } finally {
      for (const fd of close) this.core.sys().close(fd);
    }
  }

  #ours(object, prog) {
    const { core, kernel } = this;
    try {
      const maps = prog.relocs.map((r) => r.map).filter((name) => name !== undefined);
      const result = core.verify(
        {
          prog,
          maps: object.maps.filter((m) => maps.includes(m.name)).map(withSize),
          kernelBtf: this.btf,
          objectBtf: object.btf,
        },
        { kernel: kernel.release.split('.').slice(0, 2).join('.'), cpus: 2 },
      );
      return result.ok
        ? { verdict: 'accepted', processed: result.insnsProcessed }
        : {
            verdict: 'refused',
            why: core.lastLine(result) || result.error.message,
            line: result.error.sourceLine,
            pc: result.error.pc,
          };
    } catch (error) {
      return { verdict: 'refused', why: `the verifier threw: ${error.stack?.split('\n').slice(0, 3).join(' | ')}` };
    }
  }

  #ask(object, prog, fds, close) {
    const { core } = this;
    try {
      const insns = Uint8Array.from(prog.insns);
      const view = new DataView(insns.buffer);
      for (const reloc of prog.relocs) this.#resolve(object, reloc, insns, view, fds, close);
      const attachType = prog.attachType === undefined ? undefined : core.attachTypeByName(prog.attachType)?.id;
      const target = BY_BTF.has(prog.type) ? this.#target(prog) : undefined;
      const { fd, log } = core.progLoad({
        type: core.progTypeByName(prog.type)?.id ?? 0,
        insns,
        license: prog.license,
        name: prog.name,
        logLevel: 4,
        ...(attachType === undefined ? {} : { expectedAttachType: attachType }),
        ...(target === undefined ? {} : { attachBtfId: target }),
      });
      core.sys().close(fd);
      return { verdict: 'accepted', processed: Number(/^processed (\d+) insns/m.exec(log)?.[1] ?? 0) };
    } catch (error) {
      if (error.code === 'EPERM' || /EPERM|ENOTSUPP/.test(error.message))
        return { verdict: 'not permitted', why: error.message };
      return { verdict: 'refused', why: error.message, log: error.log, pc: error.pc };
    }
  }

  /** The kernel's BTF id of what a BTF-attached program hangs on. */
  #target(prog) {
    const name = prog.attach?.target ?? '';
    const find = (n, kind) => this.btf.find(n, kind);
    const id =
      prog.attachType === 'trace_raw_tp'
        ? find(`btf_trace_${name}`, 'typedef')
        : prog.attachType === 'trace_iter'
          ? find(`bpf_iter_${name}`, 'func')
          : find(prog.type === 'lsm' ? `bpf_lsm_${name}` : name, 'func');
    if (id === undefined) throw new Error(`this kernel has no function '${name}'`);
    return id;
  }

  #resolve(object, reloc, insns, view, fds, close) {
    const at = reloc.insn * 8;
    const pseudo = (kind) => {
      insns[at + 1] = (insns[at + 1] & 15) | (kind << 4);
    };
    if (reloc.kind === 'map' || reloc.kind === 'map_value') {
      pseudo(reloc.kind === 'map' ? 1 : 2);
      view.setInt32(
        at + 4,
        this.#mapFd(
          object,
          object.maps.find((m) => m.name === reloc.map),
          fds,
          close,
        ),
        true,
      );
      if (reloc.kind === 'map_value') view.setInt32(at + 12, reloc.offset, true);
      return;
    }
    const id = this.btf.find(reloc.name, reloc.kind === 'kfunc' ? 'func' : 'var');
    if (id === undefined) throw new Error(`this kernel has no ${reloc.kind} '${reloc.name}'`);
    if (reloc.kind === 'kfunc') pseudo(2);
    else pseudo(3);
    view.setInt32(at + 4, id, true);
  }

  #mapFd(object, spec, fds, close) {
    const known = fds.get(spec.name);
    if (known !== undefined) return known;
    const { core } = this;
    const map = withSize(spec);
    const inner = map.inner && this.#mapFd(object, { ...map.inner, name: `${map.name}.inner` }, fds, close);
    const storage = /_storage$/.test(map.type) || /spin_lock|timer/.test(map.type);
    const btf =
      storage && object.btf ? core.bpf('BTF_LOAD', { btf: object.btf.bytes, btf_size: object.btf.bytes.length }) : -1;
    if (btf >= 0) close.push(btf);
    const fd = core.bpfOrThrow(
      'MAP_CREATE',
      {
        map_type: core.mapTypeByName(map.type)?.id ?? 0,
        key_size: map.keySize,
        value_size: map.valueSize,
        max_entries: map.maxEntries,
        map_flags: map.flags,
        map_name: map.name.replace(/\W/g, '_'),
        ...(inner === undefined ? {} : { inner_map_fd: inner }),
        ...(btf >= 0 ? { btf_fd: btf, btf_key_type_id: map.keyType, btf_value_type_id: map.valueType } : {}),
      },
      `creating the map '${map.name}' (${map.type}, key ${map.keySize}, value ${map.valueSize}, ${map.maxEntries} entries)`,
    );
    close.push(fd);
    fds.set(spec.name, fd);
    for (const { key, value } of map.initial ?? []) core.updateElem(fd, key, value);
    if (map.readOnly) core.bpf('MAP_FREEZE', { map_fd: fd });
    return fd;
  }
}

/** Perf event arrays without a size have one entry a CPU, as whoever loads them decides. */
function withSize(map) {
  return map.maxEntries === 0 && map.type === 'perf_event_array' ? { ...map, maxEntries: 2 } : map;
}
