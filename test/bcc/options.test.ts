import { describe, expect, it } from 'vitest';
import { camelCase, named } from '../../core/bcc/options.ts';
import { SURFACE } from '../../core/bcc/surface.ts';
import { fixSyscallName, syscallPrefix } from '../../core/bcc/syscalls.ts';

describe('names', () => {
  it('are BCC names in camelCase by one rule', () => {
    expect(['attach_kprobe', 'trace_fields', 'fn_name', 'tp', 'get_syscall_fnname', '_private'].map(camelCase)).toEqual(
      ['attachKprobe', 'traceFields', 'fnName', 'tp', 'getSyscallFnname', '_private'],
    );
  });

  it('of options are taken in both spellings, and no others', () => {
    const known = ['fnName', 'event'] as const;
    expect(named<{ fnName?: string; event?: string }>('attachKprobe', { fn_name: 'f', event: 'e' }, known)).toEqual({
      fnName: 'f',
      event: 'e',
    });
    expect(() => named<{ fnName?: string; event?: string }>('attachKprobe', { fname: 'f' } as never, known)).toThrow(
      "attachKprobe: unknown option 'fname'; it takes fnName, event",
    );
  });

  it('of the surface are unique', () => {
    const names = SURFACE.map((row) => `${row.owner}.${row.name}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('system call functions', () => {
  const modern = (name: string) => name === '__x64_sys_bpf';
  it('get the prefix of the kernel', () => {
    expect(syscallPrefix(modern)).toBe('__x64_sys_');
    expect(syscallPrefix(() => false)).toBe('sys_');
    expect(fixSyscallName('sys_clone', modern)).toBe('__x64_sys_clone');
    expect(fixSyscallName('__arm64_sys_clone', modern)).toBe('__x64_sys_clone');
    expect(fixSyscallName('tcp_v4_connect', modern)).toBe('tcp_v4_connect');
  });
});
