import { Command, CommanderError } from 'commander';
import { colorsFor } from '../report/colors.js';
import { exitCodes, SwancError } from '../support/errors.js';
import { swancVersion } from '../support/version.js';
import { addCompile } from './commands/compile.js';
import { addInspect } from './commands/inspect.js';
import { addProfile } from './commands/profile.js';
import { addTune } from './commands/tune.js';
import { addVerify } from './commands/verify.js';
import type { Terminal } from './terminal.js';

/** As shells report a process ended by SIGINT. */
const interrupted = 130;

/** Runs one command line (without node and script) and returns the exit code. Never throws, never ends the process. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    // Not for wrong usage: what is not understood may be anything, --json too.
    if (error instanceof SwancError && args.includes('--json')) terminal.out(errorJson(error));
    return explain(error, terminal, terminal.debug || args.includes('--verbose'));
  }
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('swanc')
    .description('Compiles switchable activation networks trained in TensorFlow.js into ONNX.')
    .version(swancVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    // So that a command's options are its own: "profile" and "profile merge" both have -o.
    .enablePositionalOptions()
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHasColors: () => terminal.outColors,
      getErrHasColors: () => terminal.errColors,
    });
  program.addHelpText(
    'after',
    `
Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 unsupported or invalid model or data, 4 verification failed,
5 memory budget exceeded, 130 interrupted.`,
  );
  addCompile(program, terminal);
  addProfile(program, terminal);
  addInspect(program, terminal);
  addVerify(program, terminal);
  addTune(program, terminal);
  return program;
}

/** Says what went wrong, on stderr, and returns the exit code. */
function explain(error: unknown, terminal: Terminal, withStack: boolean): number {
  // Help and version come as errors with exit code 0; everything else commander has printed already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const colors = colorsFor(terminal.errColors);
  if (error instanceof SwancError) {
    if (error.kind === 'aborted' && terminal.signal.aborted) {
      terminal.err('interrupted: nothing was written\n');
      return interrupted;
    }
    terminal.err(`${colors.red(`error ${error.code}:`)} ${error.message}\n`);
    if (withStack) terminal.err(`${error.stack}\n`);
    return error.exitCode;
  }
  const message = error instanceof Error ? error.message : String(error);
  terminal.err(`${colors.red('internal error:')} ${message.replace(/^internal error: /, '')}\n`);
  if (withStack) terminal.err(`${error instanceof Error ? describeStack(error) : ''}\n`);
  const how = withStack ? 'the lines above' : 'what the same command prints with --verbose';
  terminal.err(`This is a defect of swanc. Please report it with the command, the model if you can, and ${how}.\n`);
  return exitCodes.internal;
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
