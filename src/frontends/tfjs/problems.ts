import { errorCodes } from '../../support/error-codes.js';
import { type CodeOf, commonCode, type Problem, problem, SwancError } from '../../support/errors.js';

/** Collects what is wrong with a model, so that all of it is reported at once. */
export class Problems {
  readonly #list: Problem[] = [];
  readonly #known = new Set<string>();
  #isValid = true;

  get count(): number {
    return this.#list.length;
  }

  /** Something that no model may have. */
  invalid(where: string, what: string, advice?: string, code: CodeOf<'invalid'> = 'SWC3004'): void {
    this.#isValid = false;
    this.#add(problem(where, what, advice, code));
  }

  /** Something that is right but for which there is no rule here. */
  unsupported(where: string, what: string, advice?: string, code: CodeOf<'unsupported'> = 'SWC3005'): void {
    this.#add(problem(where, what, advice, code));
  }

  add(error: SwancError): void {
    if (error.kind === 'invalid') this.#isValid = false;
    for (const entry of error.problems) this.#add(entry);
  }

  /** Throws one error of all problems, with their code if all have the same; its kind is `unsupported` if each of them is. */
  throwIfAny(subject: string): void {
    const count = this.#list.length;
    if (count === 0) return;
    const code = commonCode(this.#list, this.#isValid ? 'SWC3005' : 'SWC3004');
    const unread = this.#isValid ? 'has parts that swanc does not support' : 'is not a valid model';
    // What a plugin did wrong is no fault of the model.
    const what = errorCodes[code].kind === 'usage' ? 'cannot be read' : unread;
    throw new SwancError(code, `${subject} ${what} (${count} problem${count === 1 ? '' : 's'})`, this.#list);
  }

  /** What is wrong with a field that two read, or a weight that two ask for, is said once. */
  #add(entry: Problem): void {
    const key = JSON.stringify([entry.where, entry.what]);
    if (this.#known.has(key)) return;
    this.#known.add(key);
    this.#list.push(entry);
  }
}

/** A problem as an error to throw, where the reader of one layer cannot go on. */
export function unsupported(where: string, what: string, advice?: string): SwancError {
  return new SwancError('SWC3005', errorCodes.SWC3005.title, [problem(where, what, advice)]);
}
