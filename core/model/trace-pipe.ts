/**
 * The trace pipe: bpf_trace_printk's lines in the kernel's format, out of a ring of bounded size per CPU.
 *
 * Format (kernel/trace/trace_output.c, trace_print_context and trace_print_lat_fmt; trace_print_time):
 *     `%16s-%-7d [%03d] %5-flags %5lu.%06lu: bpf_trace_printk: MESSAGE\n`
 * comm right-aligned to 16 (never cut), pid left-aligned to 7, CPU, flags, seconds and microseconds (nanoseconds rounded to the nearest).
 * A message that ends with a newline gives an empty line after it, as on Linux since 5.9: the event adds its own.
 *
 * The five flags: irqs off (d), reschedule needed, hard or soft interrupt, preempt-disable depth, migrate-disable depth;
 * zero depths print as dots. With CONFIG_PREEMPT_DYNAMIC, as Debian's 6.1 has it, the depths follow from the way a program is entered:
 * one preempt-disable for the probe's own handler (ftrace's for kprobes, rethook's for kretprobes, the tracepoint's), one for the buffer that
 * bpf_bprintf_prepare takes, one migrate-disable where trace_call_bpf or a trampoline runs the program.
 *
 * The ring: 1408 KiB a CPU (trace_buf_size) in pages of 4080 usable bytes. A writer that meets the reader throws the oldest page away,
 * and the reader is told `CPU:0 [LOST 5 EVENTS]` before that CPU's next line.
 */

import type { TracePipe } from '../backend/backend.ts';
import { utf8Encode } from '../base/bytes.ts';

/** Flags by the way into the program. */
export const FLAGS = {
  kprobe: '...21',
  kretprobe: '...21',
  tracepoint: '...21',
  raw_tracepoint: '...2.',
  kfunc: '...11',
  kretfunc: '...11',
} as const satisfies Record<string, string>;

const RING_BYTES = 1408 * 1024;
const PAGE_BYTES = 4080;
/** Ring entry header, trace_entry, and the __data_loc of the string. */
const ENTRY_BYTES = 4 + 8 + 4;
/** bpf_trace_printk's buffer (BPF_TRACE_PRINTK_SIZE), with the NUL. */
const MESSAGE_MOST = 1024;

export interface TraceEntry {
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  readonly flags: string;
  readonly seconds: number;
  readonly nanos: number;
  readonly message: string;
}

/** One line (or more, when the message has newlines), without the last newline. */
export function formatTraceLine(e: TraceEntry): string {
  let micros = Math.floor((e.nanos + 500) / 1000);
  let seconds = e.seconds;
  if (micros >= 1_000_000) {
    micros -= 1_000_000;
    seconds++;
  }
  const task = `${e.comm.padStart(16)}-${String(e.pid).padEnd(7)}`;
  const time = `${String(seconds).padStart(5)}.${String(micros).padStart(6, '0')}`;
  return `${task} [${String(e.cpu).padStart(3, '0')}] ${e.flags} ${time}: bpf_trace_printk: ${e.message}`;
}

interface Page {
  used: number;
  /** Entries with the global order they came in; `from` is the first that is not read yet. */
  readonly entries: { readonly order: number; readonly text: string }[];
  from: number;
}

class CpuRing {
  readonly pages: Page[] = [{ used: 0, entries: [], from: 0 }];
  readonly #mostPages: number;
  /** Events thrown away and not told yet. */
  lost = 0;

  constructor(bytes: number) {
    this.#mostPages = Math.max(2, Math.ceil(bytes / PAGE_BYTES));
  }

  write(order: number, text: string, bytes: number): void {
    let page = this.pages.at(-1)!;
    if (page.used + bytes > PAGE_BYTES && page.used > 0) {
      if (this.pages.length >= this.#mostPages) {
        const head = this.pages.shift()!;
        this.lost += head.entries.length - head.from;
      }
      page = { used: 0, entries: [], from: 0 };
      this.pages.push(page);
    }
    page.used += bytes;
    page.entries.push({ order, text });
  }

  first(): { readonly order: number; readonly text: string } | undefined {
    while (this.pages.length > 1 && this.pages[0]!.from >= this.pages[0]!.entries.length) this.pages.shift();
    const page = this.pages[0]!;
    return page.entries[page.from];
  }

  take(): void {
    const page = this.pages[0]!;
    page.from++;
    if (page.from >= page.entries.length && this.pages.length === 1) {
      page.entries.length = 0;
      page.from = 0;
    }
  }
}

/** All CPUs' rings, and the readers' side: whoever reads a line has taken it from everybody. */
export class TraceBuffer {
  #rings = new Map<number, CpuRing>();
  #order = 0;
  #lines: string[] = [];
  #ringBytes: number;

  /** `ringBytes` per CPU; Linux's default is 1408 KiB. */
  constructor(ringBytes = RING_BYTES) {
    this.#ringBytes = ringBytes;
  }

  write(entry: TraceEntry): void {
    let ring = this.#rings.get(entry.cpu);
    if (!ring) this.#rings.set(entry.cpu, (ring = new CpuRing(this.#ringBytes)));
    const size = Math.min(utf8Encode(entry.message).length + 1, MESSAGE_MOST);
    ring.write(this.#order++, formatTraceLine(entry), Math.ceil((ENTRY_BYTES + size) / 4) * 4);
  }

  /** Is there a line to read? */
  get waiting(): boolean {
    if (this.#lines.length > 0) return true;
    for (const ring of this.#rings.values()) if (ring.first()) return true;
    return false;
  }

  /** The next line, oldest event first over all CPUs. */
  read(): string | undefined {
    if (this.#lines.length === 0) {
      let cpu = -1;
      let best: { readonly order: number; readonly text: string } | undefined;
      for (const [id, ring] of this.#rings) {
        const first = ring.first();
        if (first && (!best || first.order < best.order)) {
          best = first;
          cpu = id;
        }
      }
      if (!best) return undefined;
      const ring = this.#rings.get(cpu)!;
      if (ring.lost > 0) {
        this.#lines.push(`CPU:${cpu} [LOST ${ring.lost} EVENTS]`);
        ring.lost = 0;
      }
      ring.take();
      this.#lines.push(...best.text.split('\n'));
    }
    return this.#lines.shift();
  }

  open(): TracePipe {
    let open = true;
    return {
      read: () => (open ? this.read() : undefined),
      close: () => {
        open = false;
      },
    };
  }
}
