import { describe, expect, it } from 'vitest';
import { ipv6Text } from '../../core/base/inet.ts';
import { readAnswer } from '../../tools/tcpconnect/dns.ts';
import tcpconnect from '../../tools/tcpconnect/tcpconnect.ts';
import { bench } from '../bcc/model.ts';
import { runTool, withoutKprobes } from './tool-bench.ts';

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

  it('names what was looked up, with its age', async () => {
    const { lines } = await runTool(tcpconnect, 'names', { dns: true });
    expect(lines[1]).toMatch(/DPORT {2}QUERY$/);
    const queries = lines.slice(2).map((line) => line.replace(/^.* (?:443|22) +/, ''));
    expect(queries[0]).toBe('www.example.org');
    expect(queries[1]).toMatch(/^www\.example\.org \(4\d\d\.\d{3}ms\)$/);
    expect(queries[2]).toBe('No DNS Query');
  });

  it('says the same by the tracepoint of TCP states, where a kernel has no kprobes', async () => {
    const seen = async (options: Record<string, unknown>) => {
      const b = bench('connects');
      withoutKprobes(b.backend);
      return squeeze((await runTool(tcpconnect, b, options)).lines);
    };
    const byFunctions = squeeze((await runTool(tcpconnect, 'connects')).lines);
    // It tells of a connection when it is made or refused, not when it was begun: the order may differ.
    expect((await seen({})).sort()).toEqual(byFunctions.sort());
    expect(await seen({ pid: 1001, port: '1' })).toHaveLength(3);
  });

  it('prints JSON', async () => {
    const { lines } = await runTool(tcpconnect, 'connects', { json: true, lport: true });
    expect(lines).toHaveLength(5);
    expect(JSON.parse(lines[2]!)).toEqual({
      PID: 1001,
      COMM: 'curl',
      IP: 4,
      SADDR: '127.0.0.1',
      LPORT: expect.any(Number),
      DADDR: '127.0.0.1',
      DPORT: 1,
    });
    const counts = (await runTool(tcpconnect, 'connects', { json: true, count: true })).lines;
    expect(JSON.parse(counts[0]!)).toEqual({ LADDR: '127.0.0.1', RADDR: '127.0.0.1', RPORT: 8080, CONNECTS: 2 });
  });

  it('refuses ports that are none', async () => {
    await expect(runTool(tcpconnect, 'connects', { port: '80,x' })).rejects.toThrow("'x' is no port");
    await expect(runTool(tcpconnect, 'connects', { ipv4: true, ipv6: true })).rejects.toThrow('exclude');
  });
});

describe('answers of name servers', () => {
  const header = [0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
  const question = [1, 97, 1, 98, 0, 0, 1, 0, 1];
  const alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 14];
  const address = [0xc0, 14, 0, 28, 0, 1, 0, 0, 0, 9, 0, 16, ...Array(15).fill(0), 1];

  it('give addresses, of aliases too', () => {
    const packet = Uint8Array.from([...header, ...question, ...alias, ...address]);
    expect(readAnswer(packet)).toEqual({ name: 'a.b', addresses: ['::1'] });
  });

  it('that are cut off, are questions, or point at themselves are none', () => {
    expect(readAnswer(Uint8Array.from([...header, ...question, ...alias]))).toBeUndefined();
    expect(readAnswer(Uint8Array.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...question]))).toBeUndefined();
    expect(readAnswer(Uint8Array.from([...header, 0xc0, 12]))).toBeUndefined();
    expect(readAnswer(new Uint8Array(3))).toBeUndefined();
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
    expect(ipv6Text(new Uint8Array(Buffer.from(hex, 'hex')))).toBe(text);
  });
});
