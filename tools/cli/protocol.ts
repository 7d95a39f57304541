/** What the main thread and the worker of the `skep` command say to each other. */

export interface WorkerStart {
  /** See skep.ts. */
  readonly flag: Int32Array;
}

/** The worker's last word. `signal`: the command died by it. */
export interface WorkerEnd {
  readonly code: number;
  readonly signal?: number;
}

/** From the worker: interrupt me after this time, or my last word. */
export type WorkerMessage = WorkerEnd | { readonly durationMs: number };
