/** TCP connects of two processes: on loopback, over IPv6, to a port that refuses, without blocking, and one without a route. */
import { AF } from '../sockaddr.ts';
import { ERRNO } from '../syscalls/errno.ts';
import { defineWorkload } from './workload.ts';

export const connects = defineWorkload('connects', 'two processes that connect over TCP, well and badly', (world) => {
  const client = world.spawn({ comm: 'client', uid: 1000, gid: 1000 });
  const first = client.socket();
  client.connect(first, '127.0.0.1', 8080);
  client.close(first);
  world.advance(100_000_000n);

  const child = client.fork();
  child.exec('/usr/bin/curl', ['curl', 'http://10.0.0.9/']);
  const second = child.socket();
  child.connect(second, '10.0.0.9', 80, { ret: -ERRNO.EINPROGRESS });
  child.close(second);
  const refused = child.socket();
  child.connect(refused, '127.0.0.1', 1, { ret: -ERRNO.ECONNREFUSED });
  child.close(refused);
  const lost = child.socket();
  child.connect(lost, '192.0.2.1', 80, { ret: -ERRNO.ENETUNREACH, unreachable: true });
  child.close(lost);
  child.exit(0);
  world.advance(100_000_000n);

  const six = client.socket(AF.INET6);
  client.connect(six, '::1', 8080);
  client.close(six);
  const mapped = client.socket(AF.INET6);
  client.connect(mapped, '127.0.0.1', 8080);
  client.close(mapped);
  client.exit(0);
});
