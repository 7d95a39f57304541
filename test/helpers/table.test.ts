import { describe, expect, it } from 'vitest';
import { HELPERS, helperById, helperByName, nearestHelpers, signatureOf } from '../../core/helpers/index.ts';
import { UNMODELLED, whyUnmodelled } from '../../core/helpers/unmodelled.ts';
import { call, testEnv } from './env.ts';

describe('the helper table', () => {
  it('has all 211 ids once, and names once', () => {
    expect(HELPERS.map((row) => row.id)).toEqual(Array.from({ length: 211 }, (_, i) => i + 1));
    expect(new Set(HELPERS.map((row) => row.name)).size).toBe(211);
    expect(helperById(0)).toBeUndefined();
    expect(helperById(212)).toBeUndefined();
    expect(helperById(211)?.name).toBe('cgrp_storage_delete');
    expect(helperByName('bpf_map_lookup_elem')?.id).toBe(1);
  });

  it('follows every size by its memory, and every memory by a size', () => {
    const sized = new Set(['mem', 'mem_or_null', 'uninit_mem', 'mem_write', 'mem_write_or_null']);
    for (const row of HELPERS) {
      for (const { args } of [row, ...(row.variants ?? [])]) {
        args.forEach((kind, i) => {
          if (kind === 'const_size' || kind === 'const_size_or_zero') {
            expect(sized.has(args[i - 1]!), `${row.name} argument ${i + 1}`).toBe(true);
          }
          if (sized.has(kind)) expect(args[i + 1], `${row.name} argument ${i + 1}`).toMatch(/^const_size/);
          if (kind === 'fixed_mem') expect(row.argSizes?.[i + 1], row.name).toBeGreaterThan(0);
        });
        expect(args.length).toBeLessThanOrEqual(5);
      }
    }
  });

  it('has versions that look like versions', () => {
    for (const row of HELPERS) expect(row.since, row.name).toMatch(/^[3456]\.\d+$/);
  });

  it('has a behaviour or a reason for every helper, never both', () => {
    const without = HELPERS.filter((row) => !row.run).map((row) => row.name);
    expect(without.filter((name) => whyUnmodelled(name) === undefined)).toEqual([]);
    expect(Object.values(UNMODELLED).flat().sort()).toEqual(without.sort());
  });

  it('knows the second signatures', () => {
    const cookie = helperByName('get_socket_cookie')!;
    expect(signatureOf(cookie, 'socket_filter').args).toEqual(['ctx']);
    expect(signatureOf(cookie, 'tracing').args).toEqual(['btf_id_sock_common_or_null']);
    expect(signatureOf(helperByName('sk_storage_get')!, 'cgroup_sock').args[1]).toBe('ctx');
  });

  it('offers the nearest names, and says Unsupported by name', () => {
    expect(nearestHelpers('bpf_map_lookup_elm')[0]).toBe('map_lookup_elem');
    expect(() => call(testEnv(), 'lwt_seg6_action', 0, 0n, 0, 0n)).toThrow(
      /helper `lwt_seg6_action` is not supported.*4\.18/,
    );
  });
});
