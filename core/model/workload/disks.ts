/** Requests to two disks: reads that take a fraction of a millisecond, synchronous writes that take milliseconds, one that waits in the queue. */
import { Disk } from './machine.ts';
import { defineWorkload } from './workload.ts';

const MILLISECOND = 1_000_000n;

export const disks = defineWorkload('disks', 'reads and writes of two disks, quick and slow', (world) => {
  const cat = world.spawn({ comm: 'cat', uid: 1000, gid: 1000 });
  const dd = world.spawn({ comm: 'dd' });
  const sda = new Disk(world, 'sda', 8, 0);
  const nvme = new Disk(world, 'nvme0n1', 259, 0);
  for (let i = 0; i < 6; i++) nvme.request(cat, { op: 'read', sector: 2048 + 8 * i, bytes: 4096 }).run(80_000n);
  world.advance(300n * MILLISECOND);

  const file = dd.open('/data/big', 0o101);
  for (let i = 0; i < 3; i++) {
    dd.write(file, new Uint8Array(512));
    sda
      .request(dd, { op: 'write', sector: 4096 + 128 * i, bytes: 65536, flags: ['sync'] })
      .run(5n * MILLISECOND, 2n * MILLISECOND);
  }
  dd.fsync(file);
  sda.request(dd, { op: 'flush', bytes: 0, flags: ['sync'] }).run(20n * MILLISECOND);
  world.advance(1000n * MILLISECOND);

  sda.request(cat, { op: 'read', sector: 8, bytes: 16384, flags: ['readahead'] }).run(700_000n);
  const bad = sda.request(cat, { op: 'read', sector: 16, bytes: 4096 });
  bad.issue();
  world.advance(30n * MILLISECOND);
  bad.done(5);
});
