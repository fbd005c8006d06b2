import type { Command } from 'commander';
import { errorCodes } from '../../support/error-codes.js';
import { type ErrorCode, exitCodes, problem, SwancError } from '../../support/errors.js';
import { withCommonOptions } from '../common.js';
import { HintedArgument } from '../options.js';
import type { Terminal } from '../terminal.js';

/** Adds `swanc explain`. */
export function addExplain(program: Command, terminal: Terminal): void {
  withCommonOptions(program.command('explain'))
    .summary('tell what an error means and what to do')
    .description(
      'Prints the page of an error: what happened, usual causes, what to do, and an example. Without a code it lists all of ' +
        'them. docs/errors.md has the same.',
    )
    .addArgument(new HintedArgument('[code]', 'code of an error, such as SWC3103', Object.keys(errorCodes)))
    .option('--json', 'print JSON and nothing else')
    .addHelpText('after', '\nExamples:\n  swanc explain SWC3103\n  swanc explain 3103\n  swanc explain')
    .action(async (text: string | undefined, { json }: { readonly json?: true }) => {
      const { errorList, errorPageText } = await import('../../support/error-pages/render.js');
      const code = text === undefined ? undefined : await codeFor(text);
      if (json) {
        const codes = code === undefined ? Object.keys(errorCodes) : [code];
        const told = await Promise.all(codes.map(describe));
        terminal.out(`${JSON.stringify(code === undefined ? told : told[0], undefined, 2)}\n`);
      } else terminal.out(code === undefined ? errorList() : errorPageText(code, Math.min(100, terminal.outColumns)));
    });
}

/** What to type for more about an error, where someone reads along. */
export function explainHint(code: ErrorCode): string {
  return `more about it: swanc explain ${code}`;
}

async function codeFor(text: string): Promise<ErrorCode> {
  const { findErrorCode } = await import('../../support/error-pages/render.js');
  const { code, nearest } = findErrorCode(text);
  if (code !== undefined) return code;
  const near = nearest
    .slice(0, 5)
    .map((other) => `${other} (${errorCodes[other].title})`)
    .join(', ');
  throw new SwancError('SWC2001', 'there is no such error', [
    problem(
      `'${text}'`,
      'no error has this code',
      near === '' ? '"swanc explain" lists all codes' : `nearest: ${near}`,
    ),
  ]);
}

async function describe(code: string): Promise<object> {
  const { isErrorCode } = await import('../../support/error-pages/render.js');
  const { errorPages } = await import('../../support/error-pages/index.js');
  if (!isErrorCode(code)) throw new Error(`internal error: ${code} is no code`);
  const { kind, title } = errorCodes[code];
  return { code, kind, exitCode: exitCodes[kind], title, ...errorPages[code] };
}
