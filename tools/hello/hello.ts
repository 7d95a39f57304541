/** hello: BCC's first example: a line of the trace pipe for every process that is started by clone(2). */
import { defineTool } from '../tool.ts';
import text from './hello.c';

export default defineTool({
  name: 'hello',
  summary: 'print a line for every process that is started',
  options: [],
  examples: `  skep hello -- sh -c 'date; date'`,
  main({ bpf }) {
    const b = bpf({ text });
    b.attachKprobe({ event: 'kernel_clone', fnName: 'hello' });
    b.tracePrint();
  },
});
