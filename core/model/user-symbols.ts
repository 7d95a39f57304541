/** Names of user addresses by process, as far as a source told them with its stacks: what BPF.sym answers on a script's or a recording's world. */
import type { SymbolAt } from '../backend/backend.ts';
import type { UserFrame } from './source.ts';

export class UserSymbols {
  readonly #byProcess = new Map<number, Map<bigint, SymbolAt>>();

  learn(tgid: number, frames: readonly UserFrame[]): void {
    for (const { address, name, module = '', offset = 0 } of frames) {
      if (name === undefined) continue;
      let known = this.#byProcess.get(tgid);
      if (!known) {
        known = new Map();
        this.#byProcess.set(tgid, known);
      }
      known.set(address, { name, module, offset });
    }
  }

  at(tgid: number, address: bigint): SymbolAt | undefined {
    return this.#byProcess.get(tgid)?.get(address);
  }

  /** Start of a function, where one of its addresses was told. */
  address(tgid: number, module: string | undefined, name: string): bigint | undefined {
    for (const [address, symbol] of this.#byProcess.get(tgid) ?? [])
      if (symbol.name === name && (module === undefined || symbol.module.endsWith(module)))
        return address - BigInt(symbol.offset);
    return undefined;
  }
}
