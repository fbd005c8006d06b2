/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';

  constructor(
    message: string,
    readonly position: Position,
  ) {
    super(message);
  }
}

/**
 * As `JSON.parse`, with the place and a plain description of the first mistake, which a name that an object has twice is,
 * too. A byte order mark before the text is none.
 * @throws JsonSyntaxError
 */
export function parseJson(text: string): unknown {
  const content = text.replace(/^\ufeff/, '');
  const mistake = firstMistake(content);
  if (mistake !== undefined) throw new JsonSyntaxError(mistake.message, positionOf(content, mistake.offset));
  return JSON.parse(content);
}

/** The line and column of an offset in a text. */
export function positionOf(text: string, offset: number): Position {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

type Expectation = 'value' | 'key' | 'colon' | 'comma' | 'first value' | 'first key' | 'end';

interface Mistake {
  readonly message: string;
  readonly offset: number;
}

const space = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in texts.
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;

const wanted: Readonly<Record<Expectation, string>> = {
  value: 'a value is expected',
  'first value': 'a value or ] is expected',
  key: 'a name in double quotes is expected',
  'first key': 'a name in double quotes or } is expected',
  colon: 'a colon is expected',
  comma: 'a comma or the end of the list or object is expected',
  end: 'nothing more is expected',
};

/** Reads on until something is not as the grammar wants it. Without recursion, however deep the text is nested. */
function firstMistake(text: string): Mistake | undefined {
  const open: ('[' | '{')[] = [];
  // Names of the objects that are open.
  const names: Set<unknown>[] = [];
  let expected: Expectation = 'value';
  let offset = 0;
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = offset;
    const found = pattern.exec(text);
    offset += found?.[0].length ?? 0;
    return found !== null;
  };
  const afterValue = (): Expectation => (open.length === 0 ? 'end' : 'comma');
  for (;;) {
    match(space);
    const next = text[offset];
    const start = offset;
    if (next === undefined && expected === 'end') return undefined;
    if (next === undefined) return { message: `the text ends where ${wanted[expected]}`, offset };
    const isValue: boolean = expected === 'value' || expected === 'first value';
    const isKey: boolean = expected === 'key' || expected === 'first key';
    const closes = expected === 'comma' || expected === `first ${open.at(-1) === '{' ? 'key' : 'value'}`;
    if (closes && next === (open.at(-1) === '{' ? '}' : ']')) {
      if (open.pop() === '{') names.pop();
      offset++;
      expected = afterValue();
    } else if (isValue && (next === '[' || next === '{')) {
      open.push(next);
      if (next === '{') names.push(new Set());
      offset++;
      expected = next === '[' ? 'first value' : 'first key';
    } else if ((isValue || isKey) && match(string)) {
      if (isKey) {
        const name: unknown = JSON.parse(text.slice(start, offset));
        const own = names.at(-1);
        if (own?.has(name)) return { message: `${text.slice(start, offset)} is here a second time`, offset: start };
        own?.add(name);
      }
      expected = isKey ? 'colon' : afterValue();
    } else if (isValue && match(scalar)) {
      expected = afterValue();
    } else if (expected === 'colon' && next === ':') {
      offset++;
      expected = 'value';
    } else if (expected === 'comma' && next === ',') {
      offset++;
      expected = open.at(-1) === '{' ? 'key' : 'value';
    } else {
      return { message: describe(next, expected), offset };
    }
  }
}

function describe(next: string, expected: Expectation): string {
  if (next === "'") return `${wanted[expected]}; JSON has no single quotes`;
  if (next === '/') return `${wanted[expected]}; JSON has no comments`;
  if (next === '"') return `${wanted[expected]}, or this text in quotes does not end or has a bad escape`;
  if (expected === 'key' || (expected === 'value' && (next === ']' || next === '}'))) {
    return `${wanted[expected]}; JSON has no comma before the end`;
  }
  return wanted[expected];
}
