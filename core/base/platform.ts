/**
 * The one file that names WebAssembly. `core` is typed against ES2022 alone (no DOM, no Node), and WebAssembly is typed
 * only in lib.dom and @types/node; these are the few members used.
 */

export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

export interface WasmModule {
  readonly __wasmModule?: never;
}

export interface WasmInstance {
  readonly exports: Record<string, unknown>;
}

interface WasmNamespace {
  Memory: new (descriptor: { initial: number; maximum?: number; shared?: boolean }) => WasmMemory;
  Module: new (bytes: Uint8Array) => WasmModule;
  Instance: new (module: WasmModule, imports?: Record<string, Record<string, unknown>>) => WasmInstance;
  validate(bytes: Uint8Array): boolean;
}

// biome-ignore lint/suspicious/noShadowRestrictedNames: the one place that says which of the host's globals are used
declare const globalThis: { WebAssembly?: WasmNamespace };

/** The host's WebAssembly, or undefined where there is none (or it is switched off). */
export const wasm: WasmNamespace | undefined = globalThis.WebAssembly;
