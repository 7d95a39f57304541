/** A CPU that three tasks share: short waits for it, one long one, a task that is pushed off and comes back, a new process. */
import { Cpu } from './machine.ts';
import { defineWorkload } from './workload.ts';

const MICROSECOND = 1000n;

export const runqueue = defineWorkload('runqueue', 'three tasks that wait for one CPU, briefly and long', (world) => {
  const make = world.spawn({ comm: 'make', uid: 1000, gid: 1000 });
  const gcc = world.spawn({ comm: 'gcc', uid: 1000, gid: 1000 });
  const sshd = world.spawn({ comm: 'sshd' });
  const cpu = new Cpu(world);
  for (let i = 0; i < 8; i++) {
    cpu.wake(sshd);
    world.advance(3n * MICROSECOND);
    cpu.run(sshd);
    world.advance(50n * MICROSECOND);
    cpu.run(undefined);
  }
  cpu.wake(make);
  cpu.run(make);
  cpu.wake(gcc);
  world.advance(4000n * MICROSECOND);
  // The slice is up: make stays runnable and waits for its next turn.
  cpu.run(gcc, 'running');
  world.advance(9000n * MICROSECOND);
  cpu.run(make, 'uninterruptible');
  world.advance(1_000_000n * MICROSECOND);

  const child = make.fork();
  world.advance(200n * MICROSECOND);
  cpu.run(child, 'interruptible');
  child.exec('/usr/bin/as');
  world.advance(100n * MICROSECOND);
  child.exit(0);
  cpu.run(undefined, 'uninterruptible');
});
