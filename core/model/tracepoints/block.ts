/** Tracepoints of block devices: include/trace/events/block.h of Linux 6.1. */
import type { TracepointRow } from './format.ts';

const DEVICE = '((unsigned int) ((REC->dev) >> 20)), ((unsigned int) ((REC->dev) & ((1U << 20) - 1)))';

const request = {
  fields: [
    { decl: 'dev_t dev' },
    { decl: 'sector_t sector' },
    { decl: 'unsigned int nr_sector' },
    { decl: 'unsigned int bytes' },
    { decl: 'char rwbs[8]' },
    { decl: 'char comm[16]' },
    { decl: '__data_loc char[] cmd' },
  ],
  print:
    `"%d,%d %s %u (%s) %llu + %u [%s]", ${DEVICE}, REC->rwbs, REC->bytes, __get_str(cmd), ` +
    '(unsigned long long)REC->sector, REC->nr_sector, REC->comm',
  raw: ['struct request *rq'],
} as const;

export const BLOCK = [
  { system: 'block', name: 'block_rq_insert', ...request },
  { system: 'block', name: 'block_rq_issue', ...request },
  {
    system: 'block',
    name: 'block_rq_complete',
    fields: [
      { decl: 'dev_t dev' },
      { decl: 'sector_t sector' },
      { decl: 'unsigned int nr_sector' },
      { decl: 'int error' },
      { decl: 'char rwbs[8]' },
      { decl: '__data_loc char[] cmd' },
    ],
    print:
      `"%d,%d %s (%s) %llu + %u [%d]", ${DEVICE}, REC->rwbs, __get_str(cmd), ` +
      '(unsigned long long)REC->sector, REC->nr_sector, REC->error',
    raw: ['struct request *rq', 'blk_status_t error', 'unsigned int nr_bytes'],
  },
] as const satisfies readonly TracepointRow[];
