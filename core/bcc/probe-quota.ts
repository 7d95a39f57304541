/** Probes that are open now, of all BPF objects of this program: BCC limits them together (BCC_PROBE_LIMIT, 1,000 by default). */
let open = 0;

export function openProbes(): number {
  return open;
}

export function countProbes(change: number): void {
  open += change;
}
