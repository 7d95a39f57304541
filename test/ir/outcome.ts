/** What a program does, for comparison: its result and what it left in the context. */

import type { Module } from '../../core/ir/ir.ts';
import { execute } from '../codegen/execute.ts';
import { CTX_BYTES, random } from './generate.ts';
import { interpret, readBytes, writeBytes } from './interpret.ts';

const CTX = 0x500000n;
const FUEL = 200_000;

function helper(id: number, args: bigint[], memory: Map<bigint, number>): bigint {
  const mix = (x: bigint) => BigInt.asUintN(64, (x ^ (x >> 29n)) * 0x9e3779b97f4a7c15n);
  if (id === 101) {
    const old = readBytes(memory, args[0]!, 8);
    writeBytes(memory, args[0]!, 8, mix(old + args[1]!));
    return old;
  }
  return mix(args[0]! + 3n * args[1]!);
}

function freshMemory(seed: number): Map<bigint, number> {
  const rnd = random(seed);
  const memory = new Map<bigint, number>();
  for (let i = 0; i < CTX_BYTES; i++)
    memory.set(CTX + BigInt(i), rnd() < 0.4 ? Math.floor(rnd() * 16) : Math.floor(rnd() * 256));
  return memory;
}

function show(result: bigint, memory: Map<bigint, number>): string {
  let hex = '';
  for (let i = 0; i < CTX_BYTES; i++)
    hex += memory
      .get(CTX + BigInt(i))!
      .toString(16)
      .padStart(2, '0');
  return `${result.toString(16)} ${hex}`;
}

/** Run the IR itself. */
export function irOutcome(module: Module, seed: number): string {
  const memory = freshMemory(seed);
  const result = interpret({ module, memory, helper, fuel: FUEL, nextStack: 0x7e0000000000n }, 'main', [CTX]);
  return show(result ?? 0n, memory);
}

/** Run produced instructions. */
export function codeOutcome(insns: Uint8Array, seed: number): string {
  const memory = freshMemory(seed);
  return show(execute({ memory, helper, fuel: FUEL }, insns, CTX), memory);
}
