import type { Command } from 'commander';

/** What the options of {@link withModelOptions} come as. */
export interface ModelFlags {
  readonly plugin?: readonly string[];
}

/** Options of all commands. */
export function withCommonOptions(command: Command): Command {
  return command.option('--verbose', 'print the stack of unexpected errors');
}

/** Options of commands that read a model. */
export function withModelOptions(command: Command): Command {
  const collect = (path: string, before: readonly string[] = []): readonly string[] => [...before, path];
  return withCommonOptions(command).option(
    '--plugin <file>',
    'module with rules for your own layers; repeatable',
    collect,
  );
}
