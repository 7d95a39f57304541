/** A tool's options on a command line: from their rows to commander's. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { OPTION_TYPES, type ToolOption } from './tool.ts';

/** Does the command have one of these flags already? A tool's own meaning goes before ours. */
export function declares(command: Command, flags: string): boolean {
  const { short, long } = new Option(flags);
  return command.options.some((o) => (short !== undefined && o.short === short) || o.long === long);
}

/** A row of a tool's options as commander has it: parsed and checked by its type. */
export function commanderOption(row: ToolOption & { readonly hidden?: boolean }): Option {
  const { flags, description, type, default: value, repeated = false, hidden = false } = row;
  const option = new Option(flags, description).hideHelp(hidden);
  if (value !== undefined) option.default(value);
  if (type !== undefined || repeated) {
    option.argParser((text, before: unknown) => {
      const parsed = type === undefined ? text : OPTION_TYPES[type].parse(text);
      if (parsed === undefined) throw new InvalidArgumentError(`${OPTION_TYPES[type!].wants} is needed.`);
      return repeated ? [...((before as unknown[] | undefined) ?? []), parsed] : parsed;
    });
  }
  return option;
}
