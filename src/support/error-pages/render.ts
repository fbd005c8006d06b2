import { type ErrorCode, errorCodes } from '../error-codes.js';
import { exitCodes } from '../errors.js';
import { editDistance } from '../nearest.js';
import { errorPages } from './index.js';

const codes = Object.keys(errorCodes).filter(isErrorCode).toSorted();

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}

/** The page of a code, as plain text of at most `columns` characters a line. */
export function errorPageText(code: ErrorCode, columns = 100): string {
  const { title } = errorCodes[code];
  const page = errorPages[code];
  const lines = [`${code}: ${title}`, `Exit code ${exitCodeOf(code)}.`];
  if (page === undefined) return `${lines.join('\n')}\n`;
  const item = (text: string): string => wrapped(text, columns - 4).join('\n    ');
  lines.push('', ...wrapped(page.happened, columns));
  if (page.causes.length > 0) lines.push('', 'Usual causes:', ...page.causes.map((text) => `  - ${item(text)}`));
  lines.push('', 'What to do:', ...page.advice.map((text) => `  - ${item(text)}`));
  lines.push(
    '',
    'It looks like this:',
    '',
    ...page.example.split('\n').map((line) => (line === '' ? '' : `    ${line}`)),
  );
  return `${lines.join('\n')}\n`;
}

/** All codes with their titles, one a line. */
export function errorList(): string {
  return codes.map((code) => `${code}  ${errorCodes[code].title}\n`).join('');
}

/**
 * The code that was meant: `3103` and `swc3103` are SWC3103. Undefined, with those nearest to it, where there is none.
 */
export function findErrorCode(text: string): { readonly code?: ErrorCode; readonly nearest: readonly ErrorCode[] } {
  const wanted = text.trim().toUpperCase();
  const full = /^\d+$/.test(wanted) ? `SWC${wanted}` : wanted;
  if (isErrorCode(full)) return { code: full, nearest: [] };
  const start = full.slice(0, longest);
  const distances = codes.map((code) => ({ code, distance: editDistance(start, code) }));
  const least = Math.min(...distances.map(({ distance }) => distance));
  // What shares less than half of its letters is no slip of the hand.
  if (least > 3) return { nearest: [] };
  return { nearest: distances.filter(({ distance }) => distance === least).map(({ code }) => code) };
}

/** What is longer is no slip of the hand either: it bounds the time that it takes. */
const longest = 64;

/** `docs/errors.md`. */
export function errorsMarkdown(): string {
  const parts = [
    '# Errors',
    [
      'Every error has a code. Its first digit is that of the [exit code](cli.md) of the command line; `error.code` of a `SwancError`',
      'holds it, and so does each of `error.problems`. `npx swanc explain SWC3103` prints a page of these.',
      'This file is made of `src/support/error-codes.ts` and `src/support/error-pages/` by `npm run generate`.',
    ].join('\n'),
    ['| code | what happened |', '| --- | --- |', ...codes.map(tableRow)].join('\n'),
  ];
  let group = '';
  for (const code of codes) {
    const own = groupOf(code);
    if (own !== group) parts.push(`## ${own}`);
    group = own;
    parts.push(pageMarkdown(code));
  }
  return `${parts.join('\n\n')}\n`;
}

function tableRow(code: ErrorCode): string {
  return `| [${code}](#${code.toLowerCase()}) | ${errorCodes[code].title} |`;
}

function pageMarkdown(code: ErrorCode): string {
  const page = errorPages[code];
  // The anchor of a heading is made of its text: the code alone makes one that never changes.
  const parts = [`### ${code}`, `**${capital(errorCodes[code].title)}.** ${page?.happened ?? ''}`.trim()];
  if (page === undefined) return parts.join('\n\n');
  if (page.causes.length > 0) parts.push(`Usual causes:\n\n${page.causes.map((text) => `- ${text}`).join('\n')}`);
  parts.push(`What to do:\n\n${page.advice.map((text) => `- ${text}`).join('\n')}`);
  parts.push(`\`\`\`text\n${page.example}\n\`\`\``);
  return parts.join('\n\n');
}

/** Codes with the same first two digits are about the same thing. */
const groups: Readonly<Record<string, string>> = {
  SWC10: 'the work did not end',
  SWC20: 'usage',
  SWC30: 'models',
  SWC31: 'calibration data',
  SWC32: 'profiles',
  SWC33: 'costs',
  SWC34: 'compiled files',
  SWC40: 'verification',
  SWC50: 'budgets of memory',
};

function groupOf(code: ErrorCode): string {
  const start = code.slice(0, 5);
  const exits = [...new Set(codes.filter((own) => own.startsWith(start)).map(exitCodeOf))];
  const heading = `Exit code${exits.length > 1 ? 's' : ''} ${exits.join(' and ')}`;
  const about = groups[start];
  return about === undefined ? heading : `${heading}: ${about}`;
}

function exitCodeOf(code: ErrorCode): number {
  return exitCodes[errorCodes[code].kind];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
