/** What this backend has attached, alone or many places by one link, and how it all goes again. */
import type { Link, Probe, ProgHandle } from '../../core/backend/backend.ts';
import { errnoName } from '../../core/base/errno.ts';
import { BpfError } from '../../core/base/errors.ts';
import { timed } from '../../core/base/timings.ts';
import type { Attached, AttachHost, AttachKind } from './attach/attach-kind.ts';
import { type LinkGroup, linkMany } from './attach/group.ts';
import { attachKind } from './attach/index.ts';
import { LiveLink } from './link.ts';
import { LinuxProg, type Prologue } from './load.ts';

interface LinksOptions {
  /** What stands in front of programs that are to see the processes of a command only; undefined where everybody is to be seen. */
  filter(): Prologue | undefined;
  readonly warn?: ((line: string) => void) | undefined;
}

export class LiveLinks {
  readonly #host: AttachHost;
  readonly #options: LinksOptions;
  readonly #links = new Set<Link>();
  readonly #groups = new Map<Link, { readonly group: LinkGroup; readonly place: number }>();

  constructor(host: AttachHost, options: LinksOptions) {
    this.#host = host;
    this.#options = options;
  }

  attach(prog: ProgHandle, probe: Probe): Link {
    const { row, host } = this.#way(prog, probe);
    const attached = timed('attach', () => row.attach(prog as LinuxProg, probe, host));
    if (attached.instead !== undefined)
      this.#options.warn?.(
        `${probe.kind} '${probe.target}': attached to '${attached.instead.target}' instead, ${attached.instead.why}`,
      );
    return this.keep(probe, attached);
  }

  attachMany(prog: ProgHandle, probes: readonly Probe[]): (Link | Error)[] {
    const done = new Map<number, Link>();
    // What fires in tasks stands behind the filter, the rest does not: two programs, two links.
    const alike = new Map<boolean, number[]>();
    probes.forEach((probe, i) => {
      const inTask = attachKind(own(prog), probe).inTask(probe.target);
      alike.set(inTask, [...(alike.get(inTask) ?? []), i]);
    });
    for (const numbers of alike.values()) if (numbers.length > 1) this.#attachTogether(prog, probes, numbers, done);
    return probes.map((probe, i) => {
      const link = done.get(i);
      if (link) return link;
      try {
        return this.attach(prog, probe);
      } catch (error) {
        if (!(error instanceof BpfError)) throw error;
        return error;
      }
    });
  }

  /** Of the probes with these numbers, those that the kernel takes together. */
  #attachTogether(prog: ProgHandle, all: readonly Probe[], numbers: readonly number[], done: Map<number, Link>): void {
    const probes = numbers.map((i) => all[i]!);
    const { row, host } = this.#way(prog, probes[0]!);
    const many = row.many?.(own(prog), probes, host);
    if (!many) return;
    const together = probes.map((_, i) => i).filter((i) => !many.apart.has(i));
    const { groups } = timed('attach', () =>
      linkMany(together.length, (places) => many.open(places.map((place) => together[place]!))),
    );
    for (const group of groups)
      for (const place of group.places) {
        const probe = probes[together[place]!]!;
        const link = this.keep(probe, { how: many.how, fds: [], undo: () => this.#leave(group, [place], probe) });
        this.#groups.set(link, { group, place });
        done.set(numbers[together[place]!]!, link);
      }
  }

  #leave(group: LinkGroup, places: readonly number[], { kind, target }: Probe): void {
    const errno = group.detach(places);
    if (errno < 0)
      this.#options.warn?.(
        `${kind} '${target}' is detached, and what was attached with it could not be attached anew (${errnoName(errno)})`,
      );
  }

  closeMany(links: readonly Link[]): void {
    const together = new Map<LinkGroup, { places: number[]; probe: Probe }>();
    for (const link of links) {
      const member = this.#groups.get(link);
      if (!member) continue;
      const found = together.get(member.group);
      if (found) found.places.push(member.place);
      else together.set(member.group, { places: [member.place], probe: link.probe });
    }
    for (const [group, { places, probe }] of together) this.#leave(group, places, probe);
    for (const link of links) link.close();
  }

  close(): void {
    this.closeMany([...this.#links]);
  }

  /** A link for what is attached, among the others until it is closed. */
  keep(probe: Probe, attached: Attached): LiveLink {
    const link = new LiveLink(probe, attached, () => {
      this.#links.delete(link);
      this.#groups.delete(link);
    });
    this.#links.add(link);
    return link;
  }

  #way(prog: ProgHandle, probe: Probe): { row: AttachKind; host: AttachHost } {
    const row = attachKind(own(prog), probe);
    const prologue = row.inTask(probe.target) ? this.#options.filter() : undefined;
    const progFd: AttachHost['progFd'] = (of, attachType) => of.variantFd({ prologue, attachType });
    return { row, host: { ...this.#host, kernelBtf: this.#host.kernelBtf, progFd } };
  }
}

function own(prog: ProgHandle): LinuxProg {
  if (!(prog instanceof LinuxProg)) throw new BpfError('EINVAL', 'the program was not loaded by this backend');
  return prog;
}
