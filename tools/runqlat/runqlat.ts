/** runqlat: how long tasks wait for a CPU, as a histogram, with BCC's flags. */
import { BPF } from '../../core/bcc/bpf.ts';
import { attachFirst } from '../attach.ts';
import { defines } from '../columns.ts';
import { reportHistograms } from '../histogram.ts';
import { defineTool } from '../tool.ts';
import text from './runqlat.c';

interface Options {
  timestamp?: boolean;
  milliseconds?: boolean;
  pids?: boolean;
  pidnss?: boolean;
  tids?: boolean;
  pid?: number;
}

export default defineTool<Options>({
  name: 'runqlat',
  summary: 'summarise the wait for a CPU as a histogram',
  options: [
    { flags: '-T, --timestamp', description: 'include the time of day' },
    { flags: '-m, --milliseconds', description: 'a histogram of milliseconds' },
    { flags: '-P, --pids', description: 'a histogram for each process' },
    { flags: '--pidnss', description: 'a histogram for each pid namespace' },
    { flags: '-L, --tids', description: 'a histogram for each thread' },
    { flags: '-p, --pid <pid>', description: 'trace this process only', type: 'pid' },
  ],
  args: ['[interval]', '[count]'],
  examples: `  skep runqlat --workload runqueue
  skep runqlat -mT 1 10
  skep runqlat -P`,
  main(context) {
    const { options, bpf, title, warn } = context;
    // As in BCC, threads go before processes, and both before namespaces.
    const [section, id] = options.tids
      ? ['tid', 'pid']
      : options.pids
        ? ['pid', 'tgid']
        : options.pidnss
          ? ['pidns', 'pid_namespace(prev)']
          : [undefined, undefined];
    const b = bpf({
      text,
      cflags: [
        ...defines({ FILTER_PID: options.pid, UNIT: options.milliseconds ? 1_000_000 : 1000 }),
        ...(id === undefined ? [] : [`-DSECTION=${id}`]),
        `-DSTATE=${BPF.kernelStructHasField('task_struct', '__state') ? '__state' : 'state'}`,
      ],
    });
    const finish = b.getKprobeFunctions('finish_task_switch(\\.isra\\.\\d+)?$')[0] ?? 'finish_task_switch';
    attachFirst(
      b,
      [
        [
          { kind: 'raw_tracepoint', target: 'sched_wakeup', fn: 'on_wakeup_event' },
          { kind: 'raw_tracepoint', target: 'sched_wakeup_new', fn: 'on_wakeup_event' },
          { kind: 'raw_tracepoint', target: 'sched_switch', fn: 'on_switch_event' },
        ],
        [
          { kind: 'kprobe', target: 'ttwu_do_wakeup', fn: 'on_ttwu_do_wakeup' },
          { kind: 'kprobe', target: 'wake_up_new_task', fn: 'on_wake_up_new_task' },
          { kind: 'kprobe', target: finish, fn: 'on_finish_task_switch' },
        ],
      ],
      warn,
    );
    title('Tracing run queue latency... Hit Ctrl-C to end.');
    reportHistograms(context, b, {
      label: options.milliseconds ? 'msecs' : 'usecs',
      ...(section !== undefined && { section, sectionText: (id: number) => id }),
      timestamp: options.timestamp ?? false,
    });
  },
});
