/** The command line of `skep`: sub-commands, the options that every way of running shares, and one clear line for every mistake. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { BpfError, nearestNames } from '../../core/base/errors.ts';
import { Interrupted } from '../../core/bcc/session.ts';
import { TOOLS, type ToolRow } from '../index.ts';
import { commanderOption, declares } from '../options.ts';
import { COMMON_OPTIONS } from '../tool.ts';
import { COMMANDS } from './commands/index.ts';
import type { Host, RunPlan } from './host.ts';
import { print, warn, writeAll } from './output.ts';
import { version } from './version.ts';

/** What makes the host of a run; asked only if something runs. */
type OpenHost = () => Promise<Host>;

/** Run a command line; the answer is the exit status. Never throws. */
export async function runCommandLine(argv: readonly string[], openHost: OpenHost): Promise<number> {
  // What follows the first `--` is the command to trace, whatever it looks like.
  const split = argv.indexOf('--');
  const own = split < 0 ? argv : argv.slice(0, split);
  const command = split < 0 ? undefined : argv.slice(split + 1);
  if (command && command.length === 0) {
    warn("skep: '--' must be followed by a command");
    return 2;
  }
  try {
    const program = await makeProgram(own, command, openHost);
    await program.parseAsync(own as string[], { from: 'user' });
    return 0;
  } catch (error) {
    return report(error);
  }
}

/** The line that the user sees, and the exit status that goes with it: 2 for a wrong command line, 1 for anything else. */
export function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Interrupted) return 0;
  if (error instanceof BpfError) {
    // Compile errors are blocks of their own, already with file and line.
    warn(error.code === 'COMPILE' ? error.message : `skep: ${error.message}`);
  } else if (error instanceof Error)
    warn(isOfTheSystem(error) ? `skep: ${error.message}` : (error.stack ?? String(error)));
  else warn(`skep: ${String(error)}`);
  return 1;
}

/** A system call that failed outside our own doors (node:fs): the machine's doing, not a mistake of ours. Its message names the call and the file. */
function isOfTheSystem(error: Error): boolean {
  return typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

async function makeProgram(
  argv: readonly string[],
  command: readonly string[] | undefined,
  openHost: OpenHost,
): Promise<Command> {
  const program = new Command('skep')
    .description('BCC for the Node world: compile, verify and run BPF tracing programs.')
    .version(version(), '-V, --version')
    .allowExcessArguments()
    .usage('<tool | run FILE> [options] [-- COMMAND ARGS...]')
    .showHelpAfterError('(skep --help lists what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => writeAll(1, text),
      writeErr: (text) => writeAll(2, text),
      outputError: (text, write) => write(text.replace(/^error: /, 'skep: ')),
    })
    .enablePositionalOptions()
    .helpCommand(false);
  program.argument('[tool]').action((tool: string | undefined) => {
    if (tool === undefined) {
      program.outputHelp();
      throw new CommanderError(2, 'skep.nothing', 'nothing to do');
    }
    const near = nearestNames(tool, ['run', ...TOOLS.map((row) => row.name)]);
    const hint = near.length > 0 ? `; did you mean ${near.map((name) => `'${name}'`).join(' or ')}?` : '';
    program.error(`error: there is no tool '${tool}'${hint}`);
  });

  const run = program
    .command('run')
    .description('run a script: FILE.ts, FILE.js or FILE.lua')
    .argument('<file>', 'the script')
    .argument('[args...]', 'arguments of the script')
    .passThroughOptions()
    .action(async (file: string, args: string[], options: CommonOptions) => {
      const { runScript } = await import('./script.ts');
      const host = await openHost();
      await host.prepare(planOf(options, command));
      await runScript(file, args, host, (error) => process.exit(report(error)));
    });
  addCommonOptions(run);
  // Only what is asked for is loaded, whole help being a question about all commands; the others are names in the help.
  const wholeHelp = argv.length === 0 || /^(?:-h|--help)$/.test(argv[0]!);
  for (const row of COMMANDS) {
    const sub = program.command(row.name).description(row.summary);
    if (wholeHelp || argv[0] === row.name) (await row.load())(sub);
  }

  for (const row of TOOLS) {
    const sub = program.command(row.name).description(row.summary);
    if (argv[0] === row.name) await defineToolCommand(sub, row, command, openHost);
  }
  return program;
}

interface CommonOptions {
  readonly pid?: number;
  readonly replay?: string;
  readonly workload?: string;
  readonly record?: string;
  readonly duration?: number;
  readonly backend?: string;
  readonly engine?: string;
  readonly verify?: boolean;
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('a number greater than 0 is needed.');
  return value;
};

/** Options of every way of running, left out where a tool has the same flag. */
function addCommonOptions(command: Command): void {
  const options = [
    new Option('--replay <file>', 'replay a recording instead of tracing a command'),
    new Option('--workload <name>', 'run a scripted workload on the model kernel'),
    new Option('--record <file>', 'write a recording of the run'),
    new Option('--duration <seconds>', 'end after this time, as by Ctrl-C; the command runs on').argParser(positive),
    new Option('--backend <name>', 'where programs run: model, linux'),
    new Option('--no-verify', "on the running kernel, load also what skep's verifier refuses: the kernel decides"),
    new Option('--engine <name>', 'what runs the instructions: auto, jit, native, interp'),
  ];
  for (const option of options) if (!declares(command, option.flags)) command.addOption(option);
}

function planOf(options: CommonOptions, command: readonly string[] | undefined): RunPlan {
  return {
    ...(command && { command }),
    ...(options.replay !== undefined && { replay: options.replay }),
    ...(options.workload !== undefined && { workload: options.workload }),
    ...(options.record !== undefined && { record: options.record }),
    ...(options.duration !== undefined && { duration: options.duration }),
    ...(options.backend !== undefined && { backend: options.backend }),
    ...(options.engine !== undefined && { engine: options.engine }),
    ...(options.verify === false && { verify: false }),
  };
}

/** Under which name commander gives an option. */
const declaredAs = (flags: string): string => new Option(flags).attributeName();

async function defineToolCommand(
  sub: Command,
  row: ToolRow,
  command: readonly string[] | undefined,
  openHost: OpenHost,
): Promise<void> {
  const tool = await row.load();
  sub.allowExcessArguments(false);
  for (const argument of tool.args ?? []) sub.argument(argument);
  for (const option of tool.options) sub.addOption(commanderOption(option));
  for (const option of COMMON_OPTIONS) if (!declares(sub, option.flags)) sub.addOption(commanderOption(option));
  addCommonOptions(sub);
  if (tool.examples) sub.addHelpText('after', `\nExamples:\n${tool.examples}`);
  sub.action(async (...given: unknown[]) => {
    const options = sub.opts<CommonOptions & Record<string, unknown>>();
    // A flag that the tool has itself is not ours.
    const own = new Set(tool.options.map(({ flags }) => declaredAs(flags)));
    const shared = Object.fromEntries(Object.entries(options).filter(([name]) => !own.has(name)));
    const host = await openHost();
    const shows = tool.options.some(({ flags, type }) => type === 'pid' && declaredAs(flags) === 'pid');
    await host.prepare({
      ...planOf(shared, command),
      ...(shows && options.pid !== undefined && { watch: options.pid }),
    });
    // [args...] comes as one array.
    const args = (given.slice(0, -2) as (string | string[] | undefined)[]).flat().filter((a) => a !== undefined);
    const { runTool } = await import('../run.ts');
    await runTool(tool, { options, args, print, warn });
  });
}
