/** THE COMMAND TABLE: what `skep` can do besides running tools and scripts. A command's module is loaded when that command, or help, is asked for. */
import type { Command } from 'commander';

export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  /** Resolves to what gives the command its arguments, options and action. */
  load(): Promise<(command: Command) => void>;
}

export const COMMANDS = [
  {
    name: 'asm',
    summary: "assemble a text in the kernel's notation; prints hex, one instruction a line",
    load: async () => (await import('./asm.ts')).define,
  },
  {
    name: 'disasm',
    summary: "show instructions in the kernel's notation, which skep asm reads back",
    load: async () => (await import('./disasm.ts')).define,
  },
  {
    name: 'compile',
    summary: "compile BCC's C, or plain C, to a BPF object",
    load: async () => (await import('./compile.ts')).define,
  },
  {
    name: 'verify',
    summary: "say what a kernel's verifier says of a program, and why",
    load: async () => (await import('./verify.ts')).define,
  },
  {
    name: 'features',
    summary: 'say what works on this machine, and why the rest does not',
    load: async () => (await import('./features.ts')).define,
  },
] as const satisfies readonly CommandRow[];
