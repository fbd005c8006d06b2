import { SwancError } from '../support/errors.js';
import type { Terminal } from './terminal.js';

/** As often is asked again before a wrong answer is an error. */
const attempts = 3;

/**
 * Asks until the answer is right. An empty answer is the one that is offered.
 * @param objection what is wrong with an answer.
 * @param before lines to print first.
 * @throws SwancError SWC2001 after several wrong answers.
 */
export async function askFor(
  ask: NonNullable<Terminal['ask']>,
  question: string,
  offered: string | undefined,
  objection: (answer: string) => string | undefined,
  before: readonly string[] = [],
): Promise<string> {
  let lines = before;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const hint = offered === undefined ? '' : ` [${offered}]`;
    const answer = (await ask([...lines, `${question}${hint}: `].join('\n'))).trim() || (offered ?? '');
    const fault = answer === '' ? 'an answer is needed' : objection(answer);
    if (fault === undefined) return answer;
    lines = [`${answer}: ${fault}`];
  }
  throw new SwancError('SWC2001', `no answer to '${question}' can be used`);
}
