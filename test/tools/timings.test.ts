/** SKEP_TIMINGS=1: where a start's time goes, in parts that add up. */
import { expect, it } from 'vitest';
import { endTimings, startTimings, timed } from '../../core/base/timings.ts';
import { RECORDING, skep } from './skep.ts';

it('parts inside parts count once, and add up to the time that went by', () => {
  let now = 100;
  const pass = (ms: number) => () => {
    now += ms;
    return ms;
  };
  now = 110;
  startTimings(() => now, 'node', 100, 'code');
  expect(
    timed('compile', () => {
      pass(5)();
      timed('btf', pass(7));
      return timed('btf', pass(3));
    }),
  ).toBe(3);
  expect(() =>
    timed('load', () => {
      pass(2)();
      throw new Error('refused');
    }),
  ).toThrow('refused');
  pass(1)();
  expect(Object.fromEntries(endTimings())).toEqual({ node: 100, code: 11, compile: 5, btf: 10, load: 2 });
  expect(timed('compile', pass(4))).toBe(4);
  expect([...endTimings()]).toEqual([]);
});

it('one line on standard error, only where it is asked for', () => {
  const args = ['tcpv4connect', '--replay', RECORDING];
  const plain = skep(args);
  const told = skep(args, { env: { ...process.env, SKEP_TIMINGS: '1' } });
  expect([plain.status, told.status, told.stdout]).toEqual([0, 0, plain.stdout]);
  expect(plain.stderr).toBe('');
  const [, total, parts] = /^skep: (\d+) ms to the first wait: (.*)\n$/.exec(told.stderr)!;
  const each = parts!.split(', ').map((part) => part.split(' '));
  expect(each.map(([name]) => name)).toEqual(expect.arrayContaining(['node', 'code', 'script', 'compile']));
  expect(Math.abs(each.reduce((sum, [, ms]) => sum + Number(ms), 0) - Number(total))).toBeLessThan(1);
});
