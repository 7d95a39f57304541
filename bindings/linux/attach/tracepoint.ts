/** Classic tracepoints: a perf event of the tracepoint's number, the program on it. The program runs for every process on every CPU. */
import { errnoName } from '../../../core/base/errno.ts';
import { BpfError, nearestNames, SysError } from '../../../core/base/errors.ts';
import { attachToEvent, PERF_TYPE, perfEventOpen, perfHint } from '../perf-event.ts';
import { needTracefs, tracepointId } from '../tracefs.ts';
import { type AttachKind, attaching, cookieOption } from './attach-kind.ts';

/** Groups of events that happen in the task they tell of. */
const OF_TASKS = /^(syscalls|raw_syscalls|task|exceptions|signal|sched:sched_process_(exec|fork|exit|free|wait))/;

export const tracepoint: AttachKind = {
  kind: 'tracepoint',
  progTypes: ['tracepoint'],
  inTask: (target) => OF_TASKS.test(target),
  attach(prog, probe, host) {
    const [category, name] = probe.target.split(':');
    if (!category || !name) throw new BpfError('EINVAL', `a tracepoint is named category:event, not '${probe.target}'`);
    needTracefs(attaching(prog, probe));
    const id = tracepointId(category, name);
    if (id === undefined) {
      const near = nearestNames(probe.target, host.tracepoints(), 5);
      throw new BpfError(
        'ENOENT',
        `the running kernel has no tracepoint '${probe.target}'${near.length > 0 ? `; nearest: ${near.join(', ')}` : ''}`,
      );
    }
    const event = perfEventOpen(
      { type: PERF_TYPE.TRACEPOINT, config: id, samplePeriod: 1, wakeupEvents: 1, disabled: true },
      -1,
      0,
    );
    if (event < 0) throw new SysError('perf_event_open', errnoName(event), attaching(prog, probe), perfHint(event));
    return {
      how: 'perf event',
      fds: attachToEvent(event, host.progFd(prog), attaching(prog, probe), cookieOption(probe)),
    };
  },
};
