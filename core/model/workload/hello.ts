/** A shell that starts three commands: what the `hello` tool needs, which prints a line for every clone. */
import { defineWorkload } from './workload.ts';

export const hello = defineWorkload('hello', 'a shell that forks and execs three commands', (world) => {
  const shell = world.spawn({ comm: 'bash', uid: 1000, gid: 1000 });
  for (const command of ['/bin/date', '/bin/ls', '/usr/bin/id']) {
    const child = shell.fork();
    child.exec(command);
    const fd = child.open('/etc/hostname');
    child.read(fd, 64);
    child.close(fd);
    child.exit(0);
    world.advance(500_000_000n);
  }
});
