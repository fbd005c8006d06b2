import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodes, problem, SwancError } from '../support/errors.js';
import { fileErrorText } from '../support/file-errors.js';
import { tellError } from './failures.js';
import { runCli } from './run.js';
import { processTerminal, type Terminal } from './terminal.js';

/** How long what runs has to clean up after an error that nobody caught. */
const graceMs = 2000;

/**
 * Runs the command line of this process and ends it: also where a config or a plugin left a timer or a server open. The first
 * signal of whatever kind asks the command to stop; the second one ends the process at once.
 */
export async function runProcess(args: readonly string[]): Promise<never> {
  const interrupt = new AbortController();
  const terminal = processTerminal(interrupt.signal);
  // What went wrong beside the command, and has been told: no more is said then.
  let failure: number | undefined;
  const own: Terminal = Object.create(terminal, {
    err: { value: (text: string) => failure === undefined && terminal.err(text) },
  });
  let isExpected = false;
  const end = (code: number): never => {
    isExpected = true;
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) end(exitCodes.aborted);
      interrupt.abort();
    });
  }
  const fail = (thrown: unknown): void => {
    if (failure !== undefined) return;
    failure = tellError(thrown, { terminal, showsStack: terminal.debug, args });
    interrupt.abort();
    setTimeout(() => end(failure ?? exitCodes.internal), graceMs).unref();
  };
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader such as `head` that has seen enough is no error.
    if (error.code === 'EPIPE') end(failure ?? 0);
    fail(unwritable(error));
    end(exitCodes.usage);
  });
  // Then nobody can be told anything.
  process.stderr.on('error', () => {});
  process.on('uncaughtException', (error) => fail(blamed(error)));
  process.on('unhandledRejection', (error) => fail(blamed(error)));
  process.on('exit', () => {
    if (isExpected) return;
    // Else a build would go on without its model: somebody ended the process, or waits for what never comes.
    process.exitCode = tellError(endedEarly(), { terminal, showsStack: false, args });
  });
  const code = await runCli(args, own);
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => {
      stream.write('', () => resolve());
    });
  }
  return end(failure ?? code);
}

function unwritable(error: Error): SwancError {
  const problems = [problem('standard output', fileErrorText(error))];
  return new SwancError('SWC2003', 'the output cannot be written', problems, { cause: error });
}

function endedEarly(): SwancError {
  const what = 'it calls process.exit, or waits for what never comes';
  const problems = [problem('a config file or a plugin', what, 'let it return or throw instead')];
  return new SwancError('SWC2006', 'the process ended before the command was done', problems);
}

/** What code of the user threw after it had been called is no defect of swanc: the first place of its stack tells whose it is. */
function blamed(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof SwancError) return thrown;
  const places = (thrown.stack ?? '').split('\n').flatMap((line) => {
    const [, file, number] = /^\s*at (?:.*\()?(?:file:\/\/)?(\/.*|[A-Za-z]:[\\/].*?):(\d+):\d+\)?$/.exec(line) ?? [];
    return file === undefined ? [] : [{ file, line: number }];
  });
  const [first] = places;
  if (first === undefined || first.file.startsWith(home) || first.file.includes(`${sep}node_modules${sep}`))
    return thrown;
  const isConfig = /swanc\.config\.\w+$/.test(first.file);
  const problems = [problem(`${first.file}:${first.line}`, `it failed after it had been run: ${thrown.message}`)];
  const [code, summary] = isConfig
    ? (['SWC2006', 'the config file cannot be used'] as const)
    : (['SWC2009', 'code of a config or plugin has failed'] as const);
  return new SwancError(code, summary, problems, { cause: thrown });
}

/** Where swanc itself lies, with its passes and targets. */
const home = `${dirname(dirname(dirname(fileURLToPath(import.meta.url))))}${sep}`;
