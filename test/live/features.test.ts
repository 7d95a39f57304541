/** `skep features`: what it says is what happens. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { liveFeatures, lockdownMode, whyNot } from '../../bindings/linux/features.ts';
import { pmuType } from '../../bindings/linux/perf-event.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { SKEP, skep } from '../tools/skep.ts';
import { heldHere, liveBackend, noCommand, noKernel, title } from './machine.ts';

describe.skipIf(noKernel)(title('what the machine permits', noKernel), () => {
  it('is found by trying, and nothing is left of it', () => {
    const before = heldHere();
    const features = liveFeatures();
    const of = (group: string, name: string) => features.find((f) => f.group === group && f.name === name)!;
    expect(of('attach', 'raw_tracepoint').available).toBe(true);
    expect(of('map type', 'hash').available).toBe(true);
    expect(of('program type', 'socket_filter').available).toBe(true);
    expect(of('attach', 'kprobe').available).toBe(pmuType('kprobe') !== undefined);
    expect(features.every((f) => f.available || f.detail !== '' || f.group === 'rights')).toBe(true);
    expect(heldHere()).toBe(before);
  });

  it('a backend says the same of its kinds [P.help.support_kfunc P.help.support_raw_tracepoint]', () => {
    const { backend } = liveBackend();
    expect(backend.supports('raw_tracepoint')).toBe(true);
    const lockdown = lockdownMode();
    if (lockdown !== undefined && lockdown !== 'none') {
      expect(backend.supports('kfunc')).toBe(false);
      const b = new BPF({ text: 'int f(void *ctx) { return 0; }' });
      expect(b.supportKfunc()).toBe(false);
      expect(whyNot(-1, {})).toBe(`EPERM: lockdown is '${lockdown}'`);
    }
  });

  it('the command prints it, as JSON too', () => {
    const { features } = JSON.parse(skep(['features', '-j']).stdout) as {
      features: { group?: string; name: string; available: boolean }[];
    };
    expect(features.find((f) => f.group === 'attach' && f.name === 'tracepoint')).toBeDefined();
    expect(skep(['features']).stdout).toMatch(/\nWhat programs can be attached to\n/);
  });

  it.skipIf(noCommand('bpftool'))('bpftool says the same of program and map types', () => {
    const probed = spawnSync('bpftool', ['-j', 'feature', 'probe', 'kernel'], { encoding: 'utf8' });
    const theirs = JSON.parse(probed.stdout) as Readonly<Record<string, Readonly<Record<string, boolean>>>>;
    const { features } = JSON.parse(skep(['features', '-j']).stdout) as {
      features: readonly { group?: string; name: string; available: boolean }[];
    };
    const compared = (group: string, section: string, suffix: string) => {
      const ours = new Map(features.filter((f) => f.group === group).map((f) => [f.name, f.available]));
      const both = Object.entries(theirs[section]!)
        .map(([key, available]) => [key.replace(/^have_/, '').replace(suffix, ''), available] as const)
        // bpftool tries an fentry program without a function, which no kernel takes; ours names a tracepoint.
        .filter(([name]) => ours.has(name) && name !== 'tracing');
      return {
        ours: both.map(([name]) => [name, ours.get(name)]),
        theirs: both.map(([name, available]) => [name, available]),
      };
    };
    for (const [group, section, suffix, least] of [
      ['program type', 'program_types', '_prog_type', 25],
      ['map type', 'map_types', '_map_type', 25],
    ] as const) {
      const { ours, theirs: said } = compared(group, section, suffix);
      expect(ours.length).toBeGreaterThan(least);
      expect(ours).toEqual(said);
    }
  });

  it.skipIf(noCommand('setpriv'))('a missing capability is called by its name', () => {
    const result = spawnSync(
      'setpriv',
      ['--bounding-set=-sys_admin,-perfmon', '--inh-caps=-sys_admin,-perfmon', process.execPath, SKEP, 'features'],
      { encoding: 'utf8' },
    );
    expect(result.stdout).toMatch(/CAP_PERFMON +no/);
    expect(result.stdout).toMatch(/perf_event software +no +EACCES: needs CAP_PERFMON/);
  });
});
