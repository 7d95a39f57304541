import { describe, expect, it } from 'vitest';
import { HELPERS, helperByName } from '../../core/helpers/index.ts';
import { expandProgTypes } from '../../core/helpers/prog-sets.ts';
import { ATTACH_TYPES, attachTypeByName } from '../../core/progs/attach-types.ts';
import {
  helpersFor,
  PROG_TYPES,
  progTypeById,
  progTypeByName,
  progTypeOfSection,
  returnRange,
  whyNotCallable,
} from '../../core/progs/index.ts';
import { FUNCTION_ARGS, PT_REGS, PT_REGS_SIZE, SYSCALL_ARGS } from '../../core/progs/pt-regs.ts';

describe('the program-type table', () => {
  it('has every type of Linux 6.18 once, in the order of the numbers', () => {
    expect(PROG_TYPES.map((row) => row.id)).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
    expect(new Set(PROG_TYPES.map((row) => row.name)).size).toBe(32);
    expect(progTypeById(2)?.name).toBe('kprobe');
    expect(progTypeByName('BPF_PROG_TYPE_XDP')?.id).toBe(6);
    expect(progTypeByName('netfilter')?.id).toBe(32);
  });

  it('finds each of its sections, bare and with a target', () => {
    for (const row of PROG_TYPES) {
      for (const section of row.sections) {
        const match = progTypeOfSection(`${section.prefix}/some/target`);
        expect(match?.section, section.prefix).toEqual(section);
        expect(match?.row.name).toBe(row.name);
        expect(match?.target).toBe('some/target');
        expect(progTypeOfSection(section.prefix)?.section).toEqual(section);
        if (section.attachType !== undefined)
          expect(attachTypeByName(section.attachType), section.prefix).toBeDefined();
      }
    }
  });

  it('takes the longest prefix, and no half words', () => {
    expect(progTypeOfSection('kprobe/tcp_v4_connect')).toMatchObject({
      row: { name: 'kprobe' },
      target: 'tcp_v4_connect',
    });
    expect(progTypeOfSection('xdp.frags/devmap')?.section.attachType).toBe('xdp_devmap');
    expect(progTypeOfSection('?tp/sched/sched_switch')).toMatchObject({
      row: { name: 'tracepoint' },
      target: 'sched/sched_switch',
    });
    expect(progTypeOfSection('cgroup/connect4')?.section.attachType).toBe('cgroup_inet4_connect');
    expect(progTypeOfSection('fentry.s/do_unlinkat')?.section.sleepable).toBe(true);
    expect(progTypeOfSection('kprobes')).toBeUndefined();
    expect(progTypeOfSection('.text')).toBeUndefined();
  });

  it('has ctx fields that are ordered, aligned, inside the struct, and do not overlap', () => {
    for (const row of PROG_TYPES) {
      if (row.ctx.kind !== 'fields') continue;
      let end = 0;
      for (const field of row.ctx.fields) {
        const at = `${row.name}.${field.name}`;
        expect(field.offset, at).toBeGreaterThanOrEqual(end);
        expect(field.offset % Math.min(field.size === 20 ? 4 : field.size, 8), at).toBe(0);
        end = field.offset + field.size;
        expect(end, at).toBeLessThanOrEqual(row.ctx.size);
        for (const name of [...(field.attachTypes ?? []), ...(field.writeAttachTypes ?? [])]) {
          expect(attachTypeByName(name), `${at}: ${name}`).toBeDefined();
        }
      }
    }
  });

  it('names attach types that exist, and only those in ranges', () => {
    for (const row of PROG_TYPES) {
      for (const name of [...(row.attachTypes ?? []), ...Object.keys(row.returnsFor ?? {})]) {
        expect(attachTypeByName(name), `${row.name}: ${name}`).toBeDefined();
      }
    }
    const sockAddr = progTypeByName('cgroup_sock_addr')!;
    expect(returnRange(sockAddr)).toEqual([0, 1]);
    expect(returnRange(sockAddr, 'cgroup_udp4_recvmsg')).toEqual([1, 1]);
    expect(returnRange(progTypeByName('xdp')!)).toBe('any');
  });

  it('numbers attach types as Linux does', () => {
    const numbers = {
      cgroup_inet_ingress: 0,
      trace_raw_tp: 23,
      trace_iter: 28,
      xdp: 37,
      netfilter: 45,
      trace_uprobe_session: 57,
    };
    for (const [name, id] of Object.entries(numbers)) expect(attachTypeByName(name)?.id, name).toBe(id);
    expect(new Set(ATTACH_TYPES.map((row) => row.name)).size).toBe(58);
  });
});

describe('helpers of a program type', () => {
  it('follow the kernel', () => {
    const names = (type: string) => new Set(helpersFor(type).map((row) => row.name));
    expect(names('xdp').has('xdp_adjust_head')).toBe(true);
    expect(names('xdp').has('get_stackid')).toBe(false);
    expect(names('kprobe').has('override_return')).toBe(true);
    expect(names('tracepoint').has('override_return')).toBe(false);
    expect(names('socket_filter').has('skb_load_bytes')).toBe(true);
    expect(names('lirc_mode2').size).toBe(14);
    // Counted on a 6.18 kernel by loading a call of each (override_return and probe_write_user added, which its
    // lockdown hides).
    const counts = {
      socket_filter: 88,
      kprobe: 83,
      xdp: 104,
      sched_cls: 139,
      tracepoint: 82,
      perf_event: 84,
      sk_lookup: 85,
    };
    for (const [type, count] of Object.entries(counts)) expect(names(type).size, type).toBe(count);
  });

  it('say which types may call, when one may not', () => {
    expect(whyNotCallable(helperByName('get_stackid')!, 'xdp')).toBe(
      'helper `get_stackid` is not available to xdp programs; available to: kprobe, tracepoint, perf_event, raw_tracepoint, raw_tracepoint_writable, tracing, lsm, syscall',
    );
    expect(whyNotCallable(helperByName('map_lookup_elem')!, 'xdp')).toBeUndefined();
    expect(whyNotCallable(helperByName('seq_printf')!, 'tracing', 'trace_fentry')).toContain('tracing:trace_iter');
    expect(whyNotCallable(helperByName('seq_printf')!, 'tracing', 'trace_iter')).toBeUndefined();
  });

  it('are named by types that exist', () => {
    const types = new Set(PROG_TYPES.map((row) => row.name));
    for (const row of HELPERS) {
      const lists = [row.progTypes, row.before?.progTypes ?? [], ...(row.variants ?? []).map((v) => v.progTypes)];
      for (const name of lists.flatMap((list) => expandProgTypes(list))) {
        const [type, attach] = name.split(':');
        expect(types.has(type!), `${row.name}: ${name}`).toBe(true);
        if (attach !== undefined) expect(attachTypeByName(attach), `${row.name}: ${name}`).toBeDefined();
      }
    }
  });
});

describe('pt_regs', () => {
  it('is 21 words', () => {
    const offsets = Object.values(PT_REGS);
    expect(offsets).toEqual(Array.from({ length: 21 }, (_, i) => 8 * i));
    expect(PT_REGS_SIZE).toBe(168);
    expect(FUNCTION_ARGS.map((r) => PT_REGS[r])).toEqual([112, 104, 96, 88, 72, 64]);
    expect(PT_REGS[SYSCALL_ARGS[3]]).toBe(56);
  });
});
