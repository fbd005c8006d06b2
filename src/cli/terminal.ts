/** Where a command's words go. */
export interface Terminal {
  /** Results. */
  readonly out: (text: string) => void;
  /** Progress, warnings and errors. */
  readonly err: (text: string) => void;
  readonly outColors: boolean;
  readonly errColors: boolean;
  /** True where errors go to a screen, so that progress is worth showing. */
  readonly showsProgress: boolean;
  /** Width of that screen in characters. */
  readonly columns: number;
  /** Print the stack of unexpected errors. */
  readonly debug: boolean;
  /** Fires when the user interrupts. */
  readonly signal: AbortSignal;
}

/** The terminal of this process. Colours follow NO_COLOR (https://no-color.org) and FORCE_COLOR. */
export function processTerminal(signal: AbortSignal): Terminal {
  const { stdout, stderr, env } = process;
  const colors = (stream: NodeJS.WriteStream): boolean => {
    if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
    if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0') return true;
    return stream.isTTY === true && env.TERM !== 'dumb';
  };
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outColors: colors(stdout),
    errColors: colors(stderr),
    showsProgress: stderr.isTTY === true && env.TERM !== 'dumb',
    columns: stderr.columns ?? 80,
    debug: env.DEBUG !== undefined && /(^|,)(\*|swanc)(,|$)/.test(env.DEBUG),
    signal,
  };
}
