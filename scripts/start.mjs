// `npm start`: the main job. Traces the demonstration command, or, where a command cannot be traced (no addon, ptrace refused),
// replays the recording of one such run that ships, and says so in one line.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const skep = join(root, 'dist/bin/skep.js');
const { traceUnavailable } = await import(join(root, 'dist/index.js'));
const problem = traceUnavailable();
if (problem !== undefined)
  console.error(`skep: replaying a recording, since a command cannot be traced here: ${problem}`);
const source =
  problem === undefined
    ? ['--', process.execPath, join(root, 'tools/demo/connects.mjs')]
    : ['--replay', join(root, 'data/connects.rec.jsonl')];
const run = spawnSync(process.execPath, [skep, 'tcpv4connect', ...source], { stdio: 'inherit' });
process.exit(run.status ?? 1);
