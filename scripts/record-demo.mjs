// Makes data/connects.rec.jsonl anew: one run of the demonstration command under trace, as `npm start` replays it where it cannot trace.
// The calls that only move file contents (read and its like) are left out: they are nine tenths of the bytes and say nothing of connects.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** read, pread64, readv */
const LEFT_OUT = new Set([0, 17, 19]);

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'skep-demo-'));
const raw = join(folder, 'raw.jsonl');
// A short path in the command line: the recording ships, and the machine it was made on is nobody's business.
const run = spawnSync(
  process.execPath,
  [join(root, 'dist/bin/skep.js'), 'tcpv4connect', '--record', raw, '--', 'node', 'tools/demo/connects.mjs'],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
if (run.status !== 0) process.exit(1);
const [header, ...rest] = readFileSync(raw, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const end = rest.pop();
const kept = rest.filter((event) => !LEFT_OUT.has(event.nr));
header.calls = header.calls.filter(([nr]) => !LEFT_OUT.has(nr));
end.events = kept.length;
writeFileSync(
  join(root, 'data/connects.rec.jsonl'),
  `${[header, ...kept, end].map((value) => JSON.stringify(value)).join('\n')}\n`,
);
rmSync(folder, { recursive: true });
