/** `skep run execs.ts`: the same file for every backend (test/live/command.test.ts). */
import { BPF } from 'skep';

const b = new BPF({ srcFile: process.argv[2]! });
for (const e of b.events<{ pid: number; ret: number; entered: number; comm: string; file: string; arg: string }>(
  'events',
))
  console.log(e.entered ? `${e.pid} ${e.comm} -> ${e.file} ${e.arg}` : `${e.pid} ${e.comm} = ${e.ret}`);
