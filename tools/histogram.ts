/** What the histogram tools share: a report after each interval and at Ctrl-C, as BCC prints it or one JSON object a histogram. */
import type { BPF } from '../core/bcc/bpf.ts';
import { histogramRecords } from '../core/bcc/hist.ts';
import type { Table } from '../core/bcc/table.ts';
import { timeOfDay } from './columns.ts';
import { countArgument, everyInterval, FOREVER } from './interval.ts';
import { plain } from './report.ts';
import type { ToolContext } from './tool.ts';

export interface HistogramReport {
  readonly label: string;
  /** What a section is called, and how its bucket is written: for tables whose key is a struct. */
  readonly section?: string;
  readonly sectionText?: (bucket: never) => string | number;
  /** -T. */
  readonly timestamp: boolean;
  /** After each report. */
  readonly more?: () => void;
}

/** `[interval] [count]` of the command line; without an interval there is one report, at the end. */
export function reportHistograms(
  { args, json, print, title }: Pick<ToolContext, 'args' | 'json' | 'print' | 'title'>,
  b: BPF,
  { label, section, sectionText, timestamp, more }: HistogramReport,
): void {
  const intervalS = countArgument(args[0], 'interval', FOREVER);
  const times = countArgument(args[1], 'count', FOREVER);
  const dist: Table = b.getTable('dist');
  const options = {
    valType: label,
    ...(section !== undefined && { sectionHeader: section }),
    ...(sectionText && { sectionPrintFn: sectionText }),
  };
  everyInterval(b, { intervalS, times }, () => {
    title('');
    if (timestamp) title(timeOfDay());
    if (json)
      for (const record of histogramRecords(dist, [options])) print(JSON.stringify(record, (_, value) => plain(value)));
    else dist.printLog2Hist(options);
    more?.();
    dist.clear();
  });
}
