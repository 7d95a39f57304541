import { describe, expect, it } from 'vitest';
import { ipv6 } from '../../tools/columns.ts';
import tcpconnect from '../../tools/tcpconnect/tcpconnect.ts';
import { runTool } from './tool-bench.ts';

const squeeze = (lines: readonly string[]) => lines.map((line) => line.trimEnd().replace(/ +/g, ' '));

describe('tcpconnect on the model', () => {
  it("prints BCC's columns", async () => {
    const { lines } = await runTool(tcpconnect, 'connects');
    expect(lines[0]).toBe('Tracing connect ... Hit Ctrl-C to end');
    expect(lines[1]).toBe('PID     COMM         IP SADDR            DADDR            DPORT ');
    expect(lines[2]).toBe('1000    client       4  127.0.0.1        127.0.0.1        8080   ');
    expect(squeeze(lines.slice(3))).toEqual([
      '1001 curl 4 10.0.0.2 10.0.0.9 80',
      '1001 curl 4 127.0.0.1 127.0.0.1 1',
      '1000 client 6 ::1 ::1 8080',
      '1000 client 4 127.0.0.1 127.0.0.1 8080',
    ]);
  });

  it.each([
    [{ ipv6: true }, 2],
    [{ ipv4: true }, 3],
    [{ port: '80,1' }, 2],
    [{ pid: 1000 }, 3],
    [{ uid: 5 }, 0],
  ])('filters by %o', async (options, count) => {
    const { lines } = await runTool(tcpconnect, 'connects', options);
    expect(lines.slice(2)).toHaveLength(count);
  });

  it('adds time, user and local port', async () => {
    const { lines } = await runTool(tcpconnect, 'connects', { timestamp: true, printUid: true, lport: true });
    expect(squeeze(lines)[1]).toBe('TIME(s) UID PID COMM IP SADDR LPORT DADDR DPORT');
    expect(squeeze(lines)[2]).toMatch(/^0\.000 1000 1000 client 4 127\.0\.0\.1 \d+ 127\.0\.0\.1 8080$/);
  });

  it('counts', async () => {
    const { lines } = await runTool(tcpconnect, 'connects', { count: true });
    expect(lines[2]).toBe('LADDR                     RADDR                     RPORT                CONNECTS  ');
    expect(squeeze(lines.slice(3, 4))).toEqual(['127.0.0.1 127.0.0.1 8080 2']);
    expect(squeeze(lines.slice(4)).sort()).toEqual([
      '10.0.0.2 10.0.0.9 80 1',
      '127.0.0.1 127.0.0.1 1 1',
      '::1 ::1 8080 1',
    ]);
  });

  it('refuses ports that are none', async () => {
    await expect(runTool(tcpconnect, 'connects', { port: '80,x' })).rejects.toThrow("'x' is no port");
    await expect(runTool(tcpconnect, 'connects', { ipv4: true, ipv6: true })).rejects.toThrow('exclude');
  });
});

describe('addresses', () => {
  it.each([
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010000000000000001', '2001:db8:0:1::1'],
    ['20010db8000100010001000100010000', '2001:db8:1:1:1:1:1:0'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000ffff7f000001', '::ffff:127.0.0.1'],
    ['fe800000000000000000000000000000', 'fe80::'],
  ])('%s is %s', (hex, text) => {
    expect(ipv6(new Uint8Array(Buffer.from(hex, 'hex')))).toBe(text);
  });
});
