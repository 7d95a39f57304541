/** Samples: the program runs each time that a counter or clock has come so far, on each CPU or for one process. */
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { BpfError, SysError } from '../../../core/base/errors.ts';
import { onlineCpus, textOf } from '../machine.ts';
import { attachToEvent, closeAll, type PerfAttr, perfEventOpen, perfHint } from '../perf-event.ts';
import { type AttachKind, attaching, numberOption } from './attach-kind.ts';

const MOST_SAMPLES = '/proc/sys/kernel/perf_event_max_sample_rate';

export const perfEvent: AttachKind = {
  kind: 'perf_event',
  progTypes: ['perf_event'],
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const [type, config] = probe.target.split(':').map(Number) as [number, number | undefined];
    const whole = probe.options?.['attr'];
    if (!(whole instanceof Uint8Array) && (!Number.isFinite(type) || !Number.isFinite(config)))
      throw new BpfError('EINVAL', `a perf event is named type:config, not '${probe.target}'`);
    const samplePeriod = numberOption(probe, 'samplePeriod') ?? 0;
    const sampleFreq = numberOption(probe, 'sampleFreq') ?? 0;
    if (!(whole instanceof Uint8Array) && samplePeriod > 0 === sampleFreq > 0)
      throw new BpfError('EINVAL', `${doing}: give one of sample_period and sample_freq`);
    const pid = numberOption(probe, 'pid') ?? -1;
    const cpu = numberOption(probe, 'cpu') ?? -1;
    const attr: PerfAttr | Uint8Array =
      whole instanceof Uint8Array
        ? whole
        : {
            type,
            config: config!,
            disabled: true,
            inherit: pid > 0,
            ...(sampleFreq > 0 ? { sampleFreq } : { samplePeriod }),
          };
    const fds: number[] = [];
    try {
      for (const one of cpu >= 0 ? [cpu] : onlineCpus()) {
        const event = perfEventOpen(attr, pid, one, numberOption(probe, 'groupFd') ?? -1);
        if (event === -ERRNO.ESRCH)
          throw new SysError('perf_event_open', 'ESRCH', doing, { hint: `there is no process ${pid}` });
        if (event === -ERRNO.EINVAL)
          throw new SysError('perf_event_open', 'EINVAL', doing, invalidBecause({ cpu: one, sampleFreq }));
        if (event < 0) throw new SysError('perf_event_open', errnoName(event), doing, perfHint(event));
        fds.push(...attachToEvent(event, host.progFd(prog), doing));
      }
    } catch (error) {
      closeAll(fds);
      throw error;
    }
    return { how: 'perf event', fds };
  },
};

/** What of an event was not valid, as far as the machine tells. */
function invalidBecause({ cpu, sampleFreq }: { cpu: number; sampleFreq: number }): { hint?: string } {
  const cpus = onlineCpus();
  if (!cpus.includes(cpu)) return { hint: `CPU ${cpu} is not online: there is ${cpus.join(', ')}` };
  const most = Number(textOf(MOST_SAMPLES));
  if (sampleFreq > most)
    return { hint: `${sampleFreq} samples a second are more than kernel.perf_event_max_sample_rate, ${most}` };
  return {};
}
