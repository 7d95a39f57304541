/** tcpv4connect: a line for every IPv4 TCP connect, in the columns of BCC's example of that name. */
import { defineTool } from '../tool.ts';
import text from './tcpv4connect.c';

const TAG = 'tcpv4connect';

export default defineTool({
  name: 'tcpv4connect',
  summary: 'trace IPv4 TCP connection attempts',
  options: [],
  examples: `  skep tcpv4connect -- curl -s http://127.0.0.1:8080/
  skep tcpv4connect --replay FILE`,
  main({ bpf, print }) {
    const b = bpf({ text });
    print(`${'PID'.padEnd(6)} ${'COMM'.padEnd(12)} ${'SADDR'.padEnd(16)} ${'DADDR'.padEnd(16)} ${'DPORT'.padEnd(4)}`);
    for (const { pid, task, msg } of b.traceFields()) {
      const [tag, saddr, daddr, dport] = msg.split(' ');
      if (tag !== TAG || dport === undefined) continue;
      print(
        `${String(pid).padEnd(6)} ${task.slice(0, 12).padEnd(12)} ${address(saddr!).padEnd(16)} ${address(daddr!).padEnd(16)} ${dport.padEnd(4)}`,
      );
    }
  },
});

/** Dotted form of an address printed as hex of its in-memory (network-order) bytes read as a little-endian word. */
function address(hex: string): string {
  const word = Number.parseInt(hex, 16);
  return [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff).join('.');
}
