import { describe, expect, it } from 'vitest';
import { TraceSource, traceUnavailable } from '../../bindings/trace/index.ts';
import type { FdFacts } from '../../core/model/source.ts';

const problem = traceUnavailable();

const AF_INET = 2;
/** States by include/net/tcp_states.h. */
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;

const SCRIPT = `
import socket
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen()
c = socket.create_connection(s.getsockname())
c.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.close()
s.close()`;

describe.skipIf(problem !== undefined)(
  `a TCP socket of a traced task${problem ? ` (skipped: ${problem})` : ''}`,
  () => {
    it('tells its state, and the machine its CPUs', () => {
      const CONNECT = 42;
      const CLOSE = 3;
      const source = new TraceSource({ command: ['python3', '-c', SCRIPT] });
      expect(source.cpus).toBeGreaterThan(0);
      source.start([
        { nr: CONNECT, exit: false },
        { nr: CLOSE, exit: false },
      ]);
      const states: (readonly [number, number | undefined])[] = [];
      const deliver = (event: { type: string; tid: number; nr?: number; args?: readonly bigint[] }) => {
        if (event.type !== 'enter') return;
        const facts: FdFacts | undefined = source.view.fd(event.tid, Number(event.args![0]));
        if (facts?.socket?.domain === AF_INET) states.push([event.nr!, facts.socket.state]);
      };
      while (source.pump(-1, deliver as never) !== 'ended');
      expect(source.exitStatus).toBe(0);
      expect(states[0]).toEqual([CONNECT, TCP_CLOSE]);
      // The client's end is established or already half closed; the datagram socket has none; the server's listens.
      expect(states[1]![1]).toBeGreaterThan(0);
      expect(states.slice(2)).toEqual([
        [CLOSE, undefined],
        [CLOSE, TCP_LISTEN],
      ]);
    });
  },
);
