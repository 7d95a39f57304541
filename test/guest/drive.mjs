// Runs in the guest: starts the tools of one comparison side by side, waits until each has shown that it is attached, runs the workload once for
// all of them, ends them as a user does (SIGINT) and writes what each printed to /out/compare.json. Plain Node, nothing of the project.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const plan = JSON.parse(readFileSync('/plan.json', 'utf8'));
const answers = {};

const ask = (command) =>
  command === undefined ? '' : spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8' }).stdout;

for (const { name, tools, ready, poke, workload, facts, settle = 2, limit = 600 } of plan) {
  const running = Object.entries(tools).map(([who, command]) => {
    const begun = performance.now();
    const child = spawn('/bin/sh', ['-c', `exec ${command}`], { stdio: ['ignore', 'pipe', 'pipe'] });
    const tool = { who, child, stdout: '', stderr: '', attached: undefined, status: undefined };
    const seen = (stream) => (bytes) => {
      tool[stream] += bytes;
      if (tool.attached === undefined && tool[stream].includes(ready))
        tool.attached = (performance.now() - begun) / 1000;
    };
    child.stdout.on('data', seen('stdout'));
    child.stderr.on('data', seen('stderr'));
    tool.ended = new Promise((resolve) =>
      child.once('close', (code, signal) => resolve((tool.status = code ?? signal))),
    );
    return tool;
  });
  const deadline = performance.now() + limit * 1000;
  // A poke that one tool has seen disturbs no other: what is compared comes after all are attached.
  while (running.some((t) => t.attached === undefined && t.status === undefined) && performance.now() < deadline) {
    if (poke) spawnSync('/bin/sh', ['-c', poke]);
    await pause(300);
  }
  await pause(500);
  const before = ask(facts);
  spawnSync('/bin/sh', ['-c', workload], { stdio: 'ignore' });
  const after = ask(facts);
  await pause(settle * 1000);
  for (const { child, status } of running) if (status === undefined) child.kill('SIGINT');
  const killed = setTimeout(() => {
    for (const { child } of running) child.kill('SIGKILL');
  }, 60_000);
  await Promise.all(running.map((tool) => tool.ended));
  clearTimeout(killed);
  answers[name] = { facts: [before, after] };
  for (const { who, stdout, stderr, attached, status } of running)
    answers[name][who] = { stdout, stderr, attached, status };
  writeFileSync('/out/compare.json', JSON.stringify(answers));
}
