import { type Command, CommanderError } from 'commander';
import { colorsFor } from '../report/colors.js';
import { exitCodes, problem, SwancError } from '../support/errors.js';
import { explainHint } from './commands/explain.js';
import type { Terminal } from './terminal.js';

/** Where a command failed: what says so, and the command line. */
export interface Circumstances {
  readonly terminal: Terminal;
  /** With the stacks of errors. */
  readonly showsStack: boolean;
  readonly program: Command;
  readonly args: readonly string[];
}

/** Says on stderr what went wrong, with `--json` on stdout as well, and returns the exit code. */
export function explain(thrown: unknown, { terminal, showsStack, program, args }: Circumstances): number {
  // Help and version come as errors, and have been printed.
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
  if (thrown instanceof CommanderError && thrown.code === 'commander.help') return exitCodes.usage;
  const error = thrown instanceof CommanderError ? usageError(thrown, commandOf(program, args)) : thrown;
  return tellError(error, { terminal, showsStack, args });
}

/** As {@link explain}, for what is no message of the reader of command lines. */
export function tellError(error: unknown, { terminal, showsStack, args }: Omit<Circumstances, 'program'>): number {
  if (error instanceof SwancError && args.includes('--json')) terminal.out(errorJson(error));
  const colors = colorsFor(terminal.errColors);
  if (!(error instanceof SwancError)) return reportDefect(error, terminal, showsStack);
  if (error.kind === 'aborted' && terminal.signal.aborted) {
    terminal.err('interrupted: nothing was written\n');
    return error.exitCode;
  }
  terminal.err(`${colors.red(`error ${error.code}:`)} ${error.message}\n`);
  if (terminal.showsProgress) terminal.err(colors.dim(`${explainHint(error.code)}\n`));
  if (showsStack) terminal.err(`${error.stack}\n`);
  return error.exitCode;
}

function reportDefect(error: unknown, terminal: Terminal, showsStack: boolean): number {
  const colors = colorsFor(terminal.errColors);
  const message = error instanceof Error ? error.message : String(error);
  terminal.err(`${colors.red('internal error SWC1001:')} ${message.replace(/^internal error: /, '')}\n`);
  if (showsStack) terminal.err(`${error instanceof Error ? describeStack(error) : ''}\n`);
  const how = showsStack ? 'the lines above' : 'what the same command prints with --verbose';
  terminal.err(`This is a defect of swanc. Please report it with the command, the model if you can, and ${how}.\n`);
  return exitCodes.internal;
}

/** What commander has against a command line, with its suggestion as advice. */
function usageError({ message }: CommanderError, command: Command): SwancError {
  const [what = '', ...hints] = message.replace(/^error: /, '').split('\n');
  const hint = hints.join(' ').replace(/^\((.*)\)$/, '$1');
  const name = nameOf(command);
  const advice = hint === '' ? `"${name} --help" lists what there is` : hint.replace(/^Did/, 'did');
  return new SwancError('SWC2001', 'the command line is not understood', [problem(name, what, advice)]);
}

/** The command that a command line means, as far as it names one. */
function commandOf(program: Command, args: readonly string[]): Command {
  const [name, ...others] = args;
  const found = program.commands.find((command) => command.name() === name || command.aliases().includes(name ?? ''));
  return found === undefined ? program : commandOf(found, others);
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** What `--json` prints instead of a result. `equal` is said where original and result were compared. */
function errorJson({ code, kind, summary, problems }: SwancError): string {
  const equal = kind === 'verification' ? { equal: false } : {};
  return `${JSON.stringify({ ...equal, error: { code, kind, message: summary, problems } }, undefined, 2)}\n`;
}

function describeStack(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${describeStack(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
