/** With which release each helper came, beside the system's own headers: their bpf.h names the helpers of one release. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HELPERS } from '../../core/helpers/index.ts';
import { PRIVILEGED_HELPERS } from '../../core/helpers/privileges.ts';
import { releaseNumber } from '../../core/verifier/versions.ts';

const HEADER = '/usr/include/linux/bpf.h';
const VERSION = '/usr/include/linux/version.h';
const why = [HEADER, VERSION].find((path) => !existsSync(path));

const upTo = (release: number) => HELPERS.filter((h) => releaseNumber(h.since) <= release).map((h) => h.name);

describe('helpers by release', () => {
  // __BPF_FUNC_MAPPER of include/uapi/linux/bpf.h, in Debian's linux-libc-dev of 5.10, 6.1 and 6.12.
  it.each([
    ['5.10', 155],
    ['6.1', 209],
    ['6.12', 211],
  ])('Linux %s has %i', (release, count) => {
    expect(upTo(releaseNumber(release))).toHaveLength(count);
  });

  it.skipIf(why !== undefined)(`are those of the headers here${why ? `: no ${why}` : ''}`, () => {
    const code = Number(/LINUX_VERSION_CODE (\d+)/.exec(readFileSync(VERSION, 'utf8'))![1]);
    const release = (code >> 16) * 100 + ((code >> 8) & 255);
    const names = [...readFileSync(HEADER, 'utf8').matchAll(/^\s+FN\((\w+)/gm)].map((m) => m[1]!);
    const known = new Set(HELPERS.map((h) => h.name));
    expect(upTo(release).sort()).toEqual(names.filter((n) => n !== 'unspec' && known.has(n)).sort());
  });

  it('those for privileged users exist', () => {
    expect(PRIVILEGED_HELPERS.filter((name) => !HELPERS.some((h) => h.name === name))).toEqual([]);
  });
});
