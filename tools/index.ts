/** THE TOOL TABLE: name, one line, and how to load it (each tool is loaded only when it is run). */
import type { Tool } from './tool.ts';

export interface ToolRow {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Tool>;
}

export const TOOLS = [
  {
    name: 'biolatency',
    summary: 'summarise the latency of block devices as a histogram',
    load: async () => (await import('./biolatency/biolatency.ts')).default,
  },
  {
    name: 'execsnoop',
    summary: 'trace new processes by exec()',
    load: async () => (await import('./execsnoop/execsnoop.ts')).default,
  },
  {
    name: 'funccount',
    summary: 'count calls of functions and tracepoints',
    load: async () => (await import('./funccount/funccount.ts')).default,
  },
  {
    name: 'hello',
    summary: 'print a line for every process that is started',
    load: async () => (await import('./hello/hello.ts')).default,
  },
  {
    name: 'opensnoop',
    summary: 'trace open() and its kin',
    load: async () => (await import('./opensnoop/opensnoop.ts')).default,
  },
  {
    name: 'runqlat',
    summary: 'summarise the wait for a CPU as a histogram',
    load: async () => (await import('./runqlat/runqlat.ts')).default,
  },
  {
    name: 'tcpconnect',
    summary: 'trace active TCP connections by connect()',
    load: async () => (await import('./tcpconnect/tcpconnect.ts')).default,
  },
  {
    name: 'tcpv4connect',
    summary: 'trace IPv4 TCP connection attempts',
    load: async () => (await import('./tcpv4connect/tcpv4connect.ts')).default,
  },
  {
    name: 'trace',
    summary: 'print values whenever a function is called or a tracepoint passed',
    load: async () => (await import('./trace/trace.ts')).default,
  },
  {
    name: 'vfsstat',
    summary: 'count calls of the virtual file system',
    load: async () => (await import('./vfsstat/vfsstat.ts')).default,
  },
] as const satisfies readonly ToolRow[];

export function toolByName(name: string): ToolRow | undefined {
  return TOOLS.find((tool) => tool.name === name);
}
