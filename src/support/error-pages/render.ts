import { type ErrorCode, errorCodes } from '../error-codes.js';
import { exitCodes } from '../errors.js';
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
  const distances = codes.map((code) => ({ code, distance: editDistance(full, code) }));
  const least = Math.min(...distances.map(({ distance }) => distance));
  // What shares less than half of its letters is no slip of the hand.
  if (least > 3) return { nearest: [] };
  return { nearest: distances.filter(({ distance }) => distance === least).map(({ code }) => code) };
}

/** `docs/errors.md`. */
export function errorsMarkdown(): string {
  const parts = [
    '# Errors',
    [
      'Every error has a code. Its first digit is the [exit code](cli.md) of the command line; `error.code` of a `SwancError`',
      'holds it, and so does each of `error.problems`. `npx swanc explain SWC3103` prints a page of these.',
      'This file is made of `src/support/error-codes.ts` and `src/support/error-pages/` by `npm run schema`.',
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
  SWC10: 'Exit code 1: the work did not end',
  SWC20: 'Exit code 2: usage',
  SWC30: 'Exit code 3: models',
  SWC31: 'Exit code 3: calibration data',
  SWC32: 'Exit code 3: profiles',
  SWC33: 'Exit code 3: costs',
  SWC34: 'Exit code 3: compiled files',
  SWC40: 'Exit code 4: verification',
  SWC50: 'Exit code 5: budgets of memory',
};

function groupOf(code: ErrorCode): string {
  return groups[code.slice(0, 5)] ?? `Exit code ${exitCodeOf(code)}`;
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

/** Letters to change, add or leave out (Levenshtein). */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...left].entries()) {
    const next = [index + 1];
    for (const [other, wanted] of [...right].entries()) {
      const changed = (row[other] ?? 0) + (letter === wanted ? 0 : 1);
      next.push(Math.min(changed, (row[other + 1] ?? 0) + 1, (next[other] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
