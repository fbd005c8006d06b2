import { asker } from './ask.js';

/** Where a command's words go. */
export interface Terminal {
  /** Results. */
  readonly out: (text: string) => void;
  /** Progress, warnings and errors. */
  readonly err: (text: string) => void;
  readonly outColors: boolean;
  readonly errColors: boolean;
  /** True where errors go to a screen, on which progress is shown on one line. */
  readonly showsProgress: boolean;
  /** True where they go to something that is read later, such as the log of a build: then long work tells rarely that it lives. */
  readonly logsProgress: boolean;
  /** Cells of a line where errors go; infinite where that is no screen. */
  readonly columns: number;
  /** The same where results go. */
  readonly outColumns: number;
  /** Print the stack of unexpected errors. */
  readonly debug: boolean;
  /** Fires when the user interrupts. */
  readonly signal: AbortSignal;
  /** Asks the user; absent where nobody is there to answer. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** What is sent to the command; absent where that is what somebody types. */
  readonly input?: AsyncIterable<Uint8Array> | undefined;
}

/** The terminal of this process. Colours follow NO_COLOR (https://no-color.org) and FORCE_COLOR. */
export function processTerminal(signal: AbortSignal): Terminal {
  const { stdout, stderr, env } = process;
  const isScreen = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && env.TERM !== 'dumb';
  const colors = (stream: NodeJS.WriteStream): boolean => {
    if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
    if (env.FORCE_COLOR !== undefined && !/^(0|false)$/.test(env.FORCE_COLOR)) return true;
    return isScreen(stream);
  };
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outColors: colors(stdout),
    errColors: colors(stderr),
    showsProgress: isScreen(stderr),
    logsProgress: !isScreen(stderr),
    // Windows change their size.
    get columns() {
      return widthOf(stderr);
    },
    get outColumns() {
      return widthOf(stdout);
    },
    debug: env.DEBUG !== undefined && /(^|,)(\*|swanc)(,|$)/.test(env.DEBUG),
    signal,
    input: process.stdin.isTTY === true ? undefined : process.stdin,
    ask: process.stdin.isTTY === true && isScreen(stderr) ? asker(signal) : undefined,
  };
}

/** A screen that does not say how wide it is has the usual width. */
function widthOf(stream: NodeJS.WriteStream): number {
  if (stream.isTTY !== true) return Number.POSITIVE_INFINITY;
  return stream.columns > 0 ? stream.columns : usualColumns;
}

const usualColumns = 80;

/** Cells for text that is laid out in columns, which needs some width where it goes to no screen, too. */
export function screenColumns(columns: number): number {
  return Number.isFinite(columns) ? columns : usualColumns;
}

/** The same terminal without progress and warnings; errors are told by who runs the command. */
export function quietly(terminal: Terminal): Terminal {
  return { ...terminal, err: () => {}, showsProgress: false, logsProgress: false };
}
