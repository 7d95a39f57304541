/** A shell at work: commands that it execs (one of which is not there), files that they open, read and fail to find. */
import { utf8Encode } from '../../base/bytes.ts';
import { ERRNO } from '../syscalls/errno.ts';
import { defineWorkload } from './workload.ts';

const O_RDONLY = 0;
const O_WRONLY_CREAT = 0o101;

export const shell = defineWorkload(
  'shell',
  'a shell that runs commands, which open, read and write files',
  (world) => {
    const bash = world.spawn({ comm: 'bash', uid: 1000, gid: 1000 });
    const cat = bash.fork();
    cat.exec('/bin/cat', ['cat', '/etc/hostname', 'two words']);
    const hostname = cat.open('/etc/hostname', O_RDONLY);
    cat.read(hostname, 4096, utf8Encode('model\n'));
    cat.close(hostname);
    cat.open('two words', O_RDONLY, -ERRNO.ENOENT);
    cat.exit(1 << 8);
    world.advance(500_000_000n);

    const tee = bash.fork();
    tee.exec('/usr/bin/tee', ['tee', '/tmp/out']);
    const out = tee.open('/tmp/out', O_WRONLY_CREAT);
    for (let i = 0; i < 3; i++) tee.write(out, utf8Encode('line\n'));
    tee.close(out);
    tee.exit(0);
    world.advance(1_000_000_000n);

    const daemon = world.spawn({ comm: 'daemon' });
    daemon.open('/etc/shadow', O_RDONLY);
    daemon.open('/root/missing', O_RDONLY, -ERRNO.EACCES);
  },
);
