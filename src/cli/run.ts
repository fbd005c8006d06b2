import { Command } from 'commander';
import { exitMeanings } from '../support/errors.js';
import { swancVersion } from '../support/version.js';
import { addBench } from './commands/bench.js';
import { addCompile } from './commands/compile.js';
import { addCompletion } from './commands/completion.js';
import { addDiff } from './commands/diff.js';
import { addExplain } from './commands/explain.js';
import { addInit } from './commands/init.js';
import { addInspect } from './commands/inspect.js';
import { addProfile } from './commands/profile.js';
import { addReport } from './commands/report.js';
import { addTune } from './commands/tune.js';
import { addVerify } from './commands/verify.js';
import { explain } from './failures.js';
import { Outcome } from './outcome.js';
import { quietly, type Terminal } from './terminal.js';

/** Runs one command line (without node and script) and returns the exit code. Never throws, never ends the process. */
export async function runCli(args: readonly string[], given: Terminal): Promise<number> {
  // One for this run, over the given one: what --quiet and --verbose make of it is known when the command line has been read.
  const terminal: Terminal = Object.create(given);
  const program = createProgram(terminal);
  program.hook('preAction', (_, command) => {
    const { quiet, verbose }: { readonly quiet?: true; readonly verbose?: true } = command.opts();
    if (quiet) Object.defineProperties(terminal, Object.getOwnPropertyDescriptors(quietly(given)));
    if (verbose) Object.defineProperty(terminal, 'debug', { value: true });
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof Outcome) return error.exitCode;
    return explain(error, { terminal: given, showsStack: terminal.debug, program, args });
  }
}

const examples = `
Examples:
  $ swanc compile model.json
      to swanc-out/cpu/model.onnx, verified
  $ swanc init
      writes a config file, so that "swanc compile" alone is enough
  $ swanc inspect model.json
      what swanc sees in a model

Exit codes:
${Object.entries(exitMeanings)
  .map(([code, meaning]) => `  ${code.padEnd(5)}${meaning}`)
  .join('\n')}`;

/** The program: every command with its options, which help, completion and man pages are made of. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('swanc')
    .summary('compile switchable activation networks to ONNX')
    .description('Compiles switchable activation networks trained in TensorFlow.js into ONNX.')
    .version(swancVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    // So that a command's options are its own: "profile" and "profile merge" both have -o.
    .enablePositionalOptions()
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      getOutHasColors: () => terminal.outColors,
      getErrHasColors: () => terminal.errColors,
      getOutHelpWidth: () => helpWidth(terminal.outColumns),
      getErrHelpWidth: () => helpWidth(terminal.columns),
      // Errors are told where all errors are.
      outputError: () => {},
    })
    .addHelpText('after', examples);
  addCompile(program, terminal);
  addProfile(program, terminal);
  addInit(program, terminal);
  addInspect(program, terminal);
  addVerify(program, terminal);
  addReport(program, terminal);
  addTune(program, terminal);
  addBench(program, terminal);
  addDiff(program, terminal);
  addExplain(program, terminal);
  addCompletion(program, terminal);
  return program;
}

/** Lines of more than 80 characters are hard to read, and fewer than 40 leave no room beside the options. */
function helpWidth(columns: number): number {
  return Math.max(40, Math.min(80, columns));
}
