import type { Command } from 'commander';

/** Options of all commands. */
export function withCommonOptions(command: Command): Command {
  return command.option('--verbose', 'print the stack of unexpected errors');
}
