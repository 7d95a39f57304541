/**
 * `SKEP_TIMINGS=1 skep ...`: one line on standard error when everything is attached and the first wait begins, with the milliseconds since the process
 * began and how they were spent: `node` (Node's own start), `code` (this program's: reading it, evaluating modules, the command line), then what a script asks for,
 * `compile`, `verify`, `load`, `attach` and so on. What comes before Node's first instruction (exec, the linker) is not in it.
 */
import type { Backend } from '../../core/backend/backend.ts';
import { endTimings, startTimings } from '../../core/base/timings.ts';
import { warn } from './output.ts';

/** `began`: where another thread is the process's first, its performance.timeOrigin. */
export function countTimings(began?: number): void {
  if (!process.env['SKEP_TIMINGS']) return;
  const offset = began === undefined ? 0 : performance.timeOrigin - began;
  startTimings(() => offset + performance.now(), 'node', offset + performance.nodeTiming.bootstrapComplete, 'code');
}

/** Tells them when a backend is first waited for. */
export function tellTimingsAtWait(backend: Pick<Backend, 'wait' | 'waitAsync'>): void {
  if (!process.env['SKEP_TIMINGS']) return;
  const wait = backend.wait.bind(backend);
  const waitAsync = backend.waitAsync?.bind(backend);
  backend.wait = (timeoutMs) => {
    tell();
    return wait(timeoutMs);
  };
  if (!waitAsync) return;
  backend.waitAsync = (timeoutMs, signal) => {
    tell();
    return waitAsync(timeoutMs, signal);
  };
}

/** Once. */
function tell(): void {
  const parts = [...endTimings()];
  if (parts.length === 0) return;
  const total = parts.reduce((sum, [, ms]) => sum + ms, 0);
  warn(
    `skep: ${total.toFixed(0)} ms to the first wait: ${parts.map(([part, ms]) => `${part} ${ms.toFixed(1)}`).join(', ')}`,
  );
}
