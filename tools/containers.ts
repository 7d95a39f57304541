/** --cgroupmap and --mntnsmap, which several tools share: their options, and the C in front of the tool's. */
import { filterByContainers } from '../core/bcc/containers.ts';
import type { ToolOption } from './tool.ts';

export interface ContainerOptions {
  cgroupmap?: string;
  mntnsmap?: string;
}

export const CONTAINER_OPTIONS = [
  { flags: '--cgroupmap <path>', description: 'only cgroups in the BPF map pinned there' },
  { flags: '--mntnsmap <path>', description: 'only mount namespaces in the BPF map pinned there' },
] as const satisfies readonly ToolOption[];

/** The tool's text behind the C of the filter: it calls `container_should_be_filtered()`. */
export function withContainers(program: string, options: ContainerOptions): string {
  return `${filterByContainers(options)}\n${program}`;
}
