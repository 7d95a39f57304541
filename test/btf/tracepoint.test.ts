import { readFileSync, statSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { findField, sizeOf } from '../../core/btf/layout.ts';
import { readBtf } from '../../core/btf/read.ts';
import { parseFormat, printFormat, readTracepoints } from '../../core/btf/tracepoint.ts';
import { SYSCALLS } from '../../core/progs/syscall-table.gen.ts';

const data = (name: string) => new URL(`../../data/${name}`, import.meta.url);
const formats = readTracepoints(inflateRawSync(readFileSync(data('tracepoints-6.1.json.deflate'))).toString());

const OPENAT = `name: sys_enter_openat
ID: ID
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:int __syscall_nr;	offset:8;	size:4;	signed:1;
	field:int dfd;	offset:16;	size:8;	signed:0;
	field:const char * filename;	offset:24;	size:8;	signed:0;
	field:int flags;	offset:32;	size:8;	signed:0;
	field:umode_t mode;	offset:40;	size:8;	signed:0;

print fmt: "dfd: 0x%08lx, filename: 0x%08lx, flags: 0x%08lx, mode: 0x%08lx", ((unsigned long)(REC->dfd)), ((unsigned long)(REC->filename)), ((unsigned long)(REC->flags)), ((unsigned long)(REC->mode))
`;

describe('tracepoint formats of Linux 6.1', () => {
  it('ship small, and are many', () => {
    expect(statSync(data('tracepoints-6.1.json.deflate')).size).toBeLessThan(80_000);
    expect(formats.size).toBeGreaterThan(1400);
  });

  it('print as tracefs prints them', () => {
    const format = formats.get('syscalls:sys_enter_openat')!;
    expect(printFormat(format)).toBe(OPENAT.replace('ID: ID', `ID: ${format.id}`));
  });

  it('know arrays and __data_loc', () => {
    expect(formats.get('sched:sched_switch')!.fields[4]).toEqual({
      type: 'char[16]',
      name: 'prev_comm',
      offset: 8,
      size: 16,
      signed: true,
    });
    expect(formats.get('irq:irq_handler_entry')!.fields[5]).toEqual({
      type: '__data_loc char[]',
      name: 'name',
      offset: 12,
      size: 4,
      signed: true,
    });
  });

  it('read back what they print', () => {
    for (const format of formats.values()) {
      const { struct: _, ...plain } = format;
      expect(parseFormat(format.category, printFormat(format))).toEqual(plain);
    }
  });

  it('agree with the BTF structs they name', () => {
    const btf = readBtf(new Uint8Array(inflateRawSync(readFileSync(data('btf-6.1-x86_64.btf.deflate')))));
    let checked = 0;
    for (const format of formats.values()) {
      if (format.struct === undefined) continue;
      const struct = btf.find(format.struct, 'struct')!;
      for (const field of format.fields.slice(4)) {
        const inBtf = findField(
          btf,
          struct,
          field.type.startsWith('__data_loc') ? `__data_loc_${field.name}` : field.name,
        );
        if (!inBtf) throw new Error(`${format.category}:${format.name}: no ${field.name} in ${format.struct}`);
        expect([inBtf.bitOffset / 8, sizeOf(btf, inBtf.type)]).toEqual([field.offset, field.size]);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(2000);
  });

  it('refuse other texts', () => {
    expect(() => parseFormat('sched', 'nothing')).toThrow("no 'name:' line");
    expect(() => parseFormat('sched', 'name: x\n\tfield:int;\toffset:0;\tsize:4;\tsigned:0;\n')).toThrow(
      "format of sched:x: cannot read 'field:int;",
    );
  });
});

describe('the system call table', () => {
  it('has unique numbers and names', () => {
    expect(new Set(SYSCALLS.map((s) => s.nr)).size).toBe(SYSCALLS.length);
    expect(new Set(SYSCALLS.map((s) => s.name)).size).toBe(SYSCALLS.length);
  });

  it.each([
    [0, 'read', 'read', ['fd', 'buf', 'count']],
    [4, 'stat', 'newstat', ['filename', 'statbuf']],
    [42, 'connect', 'connect', ['fd', 'uservaddr', 'addrlen']],
    [56, 'clone', 'clone', ['clone_flags', 'newsp', 'parent_tidptr', 'child_tidptr', 'tls']],
    [59, 'execve', 'execve', ['filename', 'argv', 'envp']],
    [166, 'umount2', 'umount', ['name', 'flags']],
    [435, 'clone3', 'clone3', ['uargs', 'size']],
  ])('%i is %s', (nr, name, entry, args) => {
    const row = SYSCALLS.find((s) => s.nr === nr)!;
    expect([row.name, row.entry, row.args.map((a) => a[0])]).toEqual([name, entry, args]);
  });

  it('agrees with the tracepoints', () => {
    for (const row of SYSCALLS) {
      if (row.since !== undefined || row.entry === 'ni_syscall') continue;
      const fields = formats.get(`syscalls:sys_enter_${row.entry}`)!.fields.slice(5);
      expect(fields.map((f) => [f.name, f.type])).toEqual(row.args.map((a) => [...a]));
    }
  });
});
