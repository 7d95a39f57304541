/**
 * Block devices: disks, their queues and the requests on them, and what a request passes from made to done (block/blk-mq.c of Linux 6.1).
 * Only sources that know the block layer have such events: scripted workloads, and recordings of them.
 */
import { utf8Encode } from '../base/bytes.ts';
import { kernelAddress } from '../base/memory.ts';
import type { ModelKernel } from './kernel.ts';
import type { BlockRequest, BlockStep, TaskEvent } from './source.ts';
import type { Task } from './task.ts';

/** Functions and tracepoints (`system:event`) of each step of a request. */
export const BLOCK_PASSES = {
  start: ['blk_account_io_start', '__blk_account_io_start'],
  insert: ['blk_mq_sched_insert_request', 'block:block_rq_insert'],
  issue: ['blk_mq_start_request', 'block:block_rq_issue'],
  done: [
    'blk_mq_end_request',
    'blk_update_request',
    'block:block_rq_complete',
    'blk_account_io_done',
    '__blk_account_io_done',
  ],
} as const satisfies Record<BlockStep, readonly string[]>;

type BlockEvent = Extract<TaskEvent, { type: 'block' }>;

/** Sizes of the structs where BTF has none. */
const FALLBACK = 1024;
/** MINORBITS of include/linux/kdev_t.h. */
const MINOR_BITS = 20;
const SECTOR_SHIFT = 9;

const REQ_OP_MASK = 0xff;
/** RQF_IO_STAT: the request is counted in the disk's statistics (include/linux/blk-mq.h of 6.1). */
const RQF_IO_STAT = 1 << 13;
/** blk_fill_rwbs(): letters of the operations, and of the flags behind and before them. */
const OP_LETTERS: Readonly<Record<number, string>> = { 0: 'R', 1: 'W', 2: 'F', 3: 'D', 5: 'DE' };
const REQ = { SYNC: 1 << 11, META: 1 << 12, FUA: 1 << 17, PREFLUSH: 1 << 18, RAHEAD: 1 << 19 } as const;

interface Disk {
  readonly queue: number;
  readonly part: number;
}

export class BlockLayer {
  #disks = new Map<string, Disk>();
  #requests = new Map<number, number>();

  step(kernel: ModelKernel, task: Task, event: BlockEvent): void {
    const { request } = event;
    const address = () => kernelAddress(this.#request(kernel, request));
    const now = kernel.clock.ns;
    switch (event.step) {
      case 'start':
        kernel.enterFunction(task, 'blk_account_io_start', () => [address()]);
        kernel.enterFunction(task, '__blk_account_io_start', () => [address()]);
        kernel.leaveFunction(task, 0);
        kernel.leaveFunction(task, 0);
        break;
      case 'insert':
        kernel.enterFunction(task, 'blk_mq_sched_insert_request', () => [address(), 0, 1, 0]);
        kernel.tracepoint('block:block_rq_insert', () => ({ fields: queued(request, task), raw: [address()] }));
        kernel.leaveFunction(task, 0);
        break;
      case 'issue':
        kernel.enterFunction(task, 'blk_mq_start_request', () => [address()]);
        kernel.tracepoint('block:block_rq_issue', () => ({ fields: queued(request, task), raw: [address()] }));
        if (this.#requests.has(request.id))
          kernel.objects.set('request', this.#request(kernel, request), 'io_start_time_ns', now);
        kernel.leaveFunction(task, 0);
        break;
      case 'done': {
        const status = event.error === 0 ? 0 : BLK_STS_IOERR;
        kernel.enterFunction(task, 'blk_mq_end_request', () => [address(), status]);
        kernel.enterFunction(task, 'blk_update_request', () => [address(), status, request.bytes]);
        kernel.tracepoint('block:block_rq_complete', () => ({
          fields: { ...place(request), error: -event.error, rwbs: rwbs(request.flags), cmd: '' },
          raw: [address(), status, request.bytes],
        }));
        kernel.leaveFunction(task, 0);
        kernel.enterFunction(task, 'blk_account_io_done', () => [address(), now]);
        kernel.enterFunction(task, '__blk_account_io_done', () => [address(), now]);
        kernel.leaveFunction(task, 0);
        kernel.leaveFunction(task, 0);
        kernel.leaveFunction(task, 0);
        this.#free(kernel, request.id);
        break;
      }
    }
  }

  #request(kernel: ModelKernel, request: BlockRequest): number {
    const known = this.#requests.get(request.id);
    if (known !== undefined) return known;
    const o = kernel.objects;
    const at = o.allocate('request', FALLBACK);
    this.#requests.set(request.id, at);
    const disk = this.#disk(kernel, request);
    o.point('request', at, 'q', disk.queue);
    o.point('request', at, 'part', disk.part);
    o.set('request', at, 'cmd_flags', request.flags);
    o.set('request', at, 'rq_flags', RQF_IO_STAT);
    o.set('request', at, '__sector', request.sector);
    o.set('request', at, '__data_len', request.bytes);
    o.set('request', at, 'nr_phys_segments', 1);
    o.set('request', at, 'start_time_ns', kernel.clock.ns);
    return at;
  }

  #disk(kernel: ModelKernel, request: BlockRequest): Disk {
    const known = this.#disks.get(request.disk);
    if (known) return known;
    const o = kernel.objects;
    const queue = o.allocate('request_queue', FALLBACK);
    const disk = o.allocate('gendisk', FALLBACK);
    const part = o.allocate('block_device', FALLBACK);
    o.set('gendisk', disk, 'major', request.major);
    o.set('gendisk', disk, 'first_minor', request.minor);
    o.set('gendisk', disk, 'minors', 1);
    o.bytes('gendisk', disk, 'disk_name', utf8Encode(request.disk));
    o.point('gendisk', disk, 'queue', queue);
    o.point('gendisk', disk, 'part0', part);
    o.point('request_queue', queue, 'disk', disk);
    o.set('block_device', part, 'bd_dev', device(request));
    o.point('block_device', part, 'bd_disk', disk);
    o.point('block_device', part, 'bd_queue', queue);
    const made = { queue, part };
    this.#disks.set(request.disk, made);
    return made;
  }

  #free(kernel: ModelKernel, id: number): void {
    const at = this.#requests.get(id);
    if (at === undefined) return;
    this.#requests.delete(id);
    kernel.objects.free('request', at, FALLBACK);
  }
}

/** BLK_STS_IOERR of include/linux/blk_types.h. */
const BLK_STS_IOERR = 10;

function device(request: BlockRequest): number {
  return (request.major << MINOR_BITS) | request.minor;
}

function place(request: BlockRequest) {
  return { dev: device(request), sector: request.sector, nr_sector: request.bytes >>> SECTOR_SHIFT };
}

function queued(request: BlockRequest, task: Task) {
  return { ...place(request), bytes: request.bytes, rwbs: rwbs(request.flags), comm: task.comm, cmd: '' };
}

/** What blk_fill_rwbs() makes of a request's flags: 'R', 'WS', 'FWFS', ... */
export function rwbs(flags: number): string {
  const letter = (flag: number, text: string) => ((flags & flag) !== 0 ? text : '');
  return (
    letter(REQ.PREFLUSH, 'F') +
    (OP_LETTERS[flags & REQ_OP_MASK] ?? 'N') +
    letter(REQ.FUA, 'F') +
    letter(REQ.RAHEAD, 'A') +
    letter(REQ.SYNC, 'S') +
    letter(REQ.META, 'M')
  );
}
