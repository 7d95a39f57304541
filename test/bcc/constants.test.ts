import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BPF } from '../../core/bcc/bpf.ts';
import { PerfHWConfig, PerfSWConfig, PerfType } from '../../core/bcc/perf-constants.ts';
import { tcpFlagNames, tcpStateName } from '../../core/bcc/tcp.ts';

describe('names of TCP', () => {
  it('are those of the kernel', () => {
    expect([1, 7, 10, 12, 13, 0].map(tcpStateName)).toEqual([
      'ESTABLISHED',
      'CLOSE',
      'LISTEN',
      'NEW_SYN_RECV',
      '13',
      '0',
    ]);
    expect([0x12, 0x01, 0xff, 0].map(tcpFlagNames)).toEqual(['SYN|ACK', 'FIN', 'FIN|SYN|RST|PSH|ACK|URG|ECE|CWR', '']);
  });
});

const headers = existsSync('/usr/include/linux/perf_event.h') && spawnSync('gcc', ['--version']).status === 0;

describe.skipIf(!headers)(`numbers of Linux${headers ? '' : ' (no gcc or no linux/perf_event.h here)'}`, () => {
  it('are those of its headers', () => {
    const checks = [
      ...Object.entries(PerfType).map(([name, n]) => `PERF_TYPE_${name} == ${n}`),
      ...Object.entries(PerfHWConfig).map(([name, n]) => `PERF_COUNT_HW_${name} == ${n}`),
      ...Object.entries(PerfSWConfig).map(([name, n]) => `PERF_COUNT_SW_${name} == ${n}`),
      ...(['UPDATE_IF_NOEXIST', 'SKB_MODE', 'DRV_MODE', 'HW_MODE', 'REPLACE'] as const).map(
        (name) => `XDP_FLAGS_${name} == ${BPF[`XDP_FLAGS_${name}`]}`,
      ),
    ];
    const text = `#include <linux/perf_event.h>\n#include <linux/if_link.h>\n${checks.map((c) => `_Static_assert(${c}, "${c}");\n`).join('')}`;
    const run = spawnSync('gcc', ['-fsyntax-only', '-x', 'c', '-'], { input: text, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
  });
});
