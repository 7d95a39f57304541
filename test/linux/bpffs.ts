/** A place where tests pin: a bpf file system of their own, since a new machine has none mounted. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface BpfFileSystem {
  readonly path: string;
  /** Unmounts it: what is pinned there goes with it. */
  remove(): void;
}

/** Mounts one in a new folder. Throws with what mount(8) said where that is not permitted. */
export function mountBpffs(): BpfFileSystem {
  const path = mkdtempSync(join(tmpdir(), 'skep-bpffs-'));
  const { status, stderr } = spawnSync('mount', ['-t', 'bpf', 'bpf', path], { encoding: 'utf8' });
  if (status !== 0) {
    rmdirSync(path);
    throw new Error(`mount -t bpf bpf ${path}: ${stderr}`);
  }
  return {
    path,
    remove() {
      spawnSync('umount', [path]);
      rmdirSync(path);
    },
  };
}
