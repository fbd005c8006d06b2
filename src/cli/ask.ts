import { createInterface, type Interface } from 'node:readline';
import { throwIfAborted } from '../support/errors.js';

/**
 * Asks on the terminal of this process, on stderr, for stdout is for results. Answers may be typed, or pasted, ahead of their
 * questions: lines that nobody has asked for yet are kept. The end of input is an empty answer to all questions.
 * @returns a function that asks one question; it throws SwancError SWC1002 where Ctrl-C is the answer.
 */
export function asker(signal: AbortSignal): (question: string) => Promise<string> {
  const ahead: string[] = [];
  let lines: Interface | undefined;
  let isEnded = false;
  let deliver: ((line: string) => void) | undefined;
  // One line answers one question, also of several that come at once.
  const take = (line: string): void => {
    const answer = deliver;
    deliver = undefined;
    if (answer === undefined) ahead.push(line);
    else answer(line);
  };
  const open = (): Interface => {
    const opened = createInterface({ input: process.stdin, output: process.stderr });
    opened.on('line', take);
    // As without the prompt, which takes the key for itself.
    opened.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    opened.on('close', () => {
      isEnded = true;
      deliver?.('');
    });
    return opened;
  };
  return async (question) => {
    throwIfAborted(signal);
    lines ??= open();
    const known = ahead.shift() ?? (isEnded ? '' : undefined);
    if (known !== undefined) {
      process.stderr.write(`${question}${known}\n`);
      return known;
    }
    const shown = lines;
    lines.setPrompt(question);
    lines.prompt();
    const stop = (): void => deliver?.('');
    signal.addEventListener('abort', stop, { once: true });
    const answer = await new Promise<string>((resolve) => {
      deliver = resolve;
    });
    deliver = undefined;
    signal.removeEventListener('abort', stop);
    // So that it keeps the process from ending only while somebody is asked.
    shown.pause();
    if (signal.aborted) process.stderr.write('\n');
    throwIfAborted(signal);
    return answer;
  };
}
