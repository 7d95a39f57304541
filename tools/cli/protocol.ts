/** What the main thread and the worker of the `skep` command say to each other. */

/** Why a run is to end: word 0 of the shared flag. */
export const BY_SIGNAL = 1;
export const BY_DURATION = 2;

export interface WorkerStart {
  /** See skep.ts. */
  readonly flag: Int32Array;
  /** performance.timeOrigin of the main thread: when the process began. */
  readonly began: number;
}

/** The worker's last word. `signal`: the command died by it. */
export interface WorkerEnd {
  readonly code: number;
  readonly signal?: number;
}

/** From the worker: interrupt me after this time, or my last word. */
export type WorkerMessage = WorkerEnd | { readonly durationMs: number };
