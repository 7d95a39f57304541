/** --cgroupmap and --mntnsmap, which several tools share: their options, and the C in front of the tool's. */
import text from './containers.c';
import type { ToolOption } from './tool.ts';

export interface ContainerOptions {
  cgroupmap?: string;
  mntnsmap?: string;
}

export const CONTAINER_OPTIONS = [
  { flags: '--cgroupmap <path>', description: 'only cgroups in the BPF map pinned there' },
  { flags: '--mntnsmap <path>', description: 'only mount namespaces in the BPF map pinned there' },
] as const satisfies readonly ToolOption[];

/** The tool's text behind the C of the filter: it calls `outside_containers()`. */
export function withContainers(program: string): string {
  return `${text}\n${program}`;
}

export function containerFlags({ cgroupmap, mntnsmap }: ContainerOptions): string[] {
  return [
    ...(cgroupmap === undefined ? [] : [`-DFILTER_CGROUPS=${JSON.stringify(cgroupmap)}`]),
    ...(mntnsmap === undefined ? [] : [`-DFILTER_MNTNS=${JSON.stringify(mntnsmap)}`]),
  ];
}
