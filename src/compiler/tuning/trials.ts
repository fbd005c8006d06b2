import type { Runtime, Session, Tensors } from '../../runtime/types.js';
import { defined } from '../../support/assert.js';
import { throwIfAborted } from '../../support/errors.js';
import { bytesOfForm, type Form } from '../forms/forms.js';
import { quantile, type SampleTimes, timeSamples } from '../measure.js';
import { compareWith, type Reference, requireEqual } from '../verification/verification.js';
import { isUndecided, type Paired, paired } from './paired.js';
import type { PlanNames, PlanTrials } from './search-plans.js';

export interface TrialOptions {
  /** Makes the whole graph with these plans. */
  readonly compile: (plans: PlanNames) => Promise<Form>;
  /** The graph with masks only. */
  readonly dense: Form;
  /** What every graph must equal; undefined where nothing is verified. */
  readonly reference: Reference | undefined;
  /** Runs to time. */
  readonly samples: readonly Tensors[];
  readonly runtime: Runtime;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of combinations that were measured. */
  readonly onTrial?: ((done: number) => void) | undefined;
  /** For about how long each is measured. */
  readonly milliseconds?: number;
}

/** Sessions in memory at a time, the one that others are compared with included. */
const mostSessions = 4;
const usualTime = 80;

/** Compiles, loads, verifies and times graphs with plans. */
export class CompiledTrials implements PlanTrials {
  readonly #options: TrialOptions;
  readonly #verified = new Set<string>();
  #done = 0;

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /** @throws SwancError `verification` if a graph differs from the reference, `aborted`. */
  async compare(base: PlanNames, others: readonly PlanNames[]): Promise<readonly Paired[]> {
    const results: Paired[] = [];
    const atOnce = mostSessions - 1;
    for (let start = 0; start < others.length; start += atOnce) {
      results.push(...(await this.#compareFew(base, others.slice(start, start + atOnce))));
    }
    return results;
  }

  async #compareFew(base: PlanNames, others: readonly PlanNames[]): Promise<readonly Paired[]> {
    const { samples, signal, onTrial, milliseconds = usualTime } = this.#options;
    const sessions: Session[] = [];
    try {
      for (const plans of [base, ...others]) sessions.push(await this.#load(plans));
      const [baseTimes, ...times] = await timeClearly(sessions, samples, { signal, milliseconds });
      this.#done += others.length;
      onTrial?.(this.#done);
      return times.map((own) => paired(own, defined(baseTimes, 'the times of the base')));
    } finally {
      for (const session of sessions) await session.close();
    }
  }

  async #load(plans: PlanNames): Promise<Session> {
    const { compile, dense, reference, runtime, signal } = this.#options;
    throwIfAborted(signal);
    if (plans.size === 0) return runtime.load(bytesOfForm(dense));
    const form = await compile(plans);
    const session = await runtime.load(bytesOfForm(form));
    const names = [...plans].map((plan) => plan.join(': ')).join(', ');
    if (reference === undefined || this.#verified.has(names)) return session;
    try {
      requireEqual(await compareWith(reference, session, form, signal), `the dynamic form with ${names}`);
    } catch (error) {
      await session.close();
      throw error;
    }
    this.#verified.add(names);
    return session;
  }
}

/** For about how long forms are measured in the end, in milliseconds. */
export const confirmingTime = 400;

/** How many times as long is measured where the first times leave open what is faster. */
const longer = 5;

/**
 * Times sessions against the first of them. Of the runs of a sample the lower quartile counts: what else the machine does
 * only makes runs longer. If some session seems to be faster than the first one, but not clearly, all are timed for longer.
 */
export async function timeClearly(
  sessions: readonly Session[],
  samples: readonly Tensors[],
  { signal, milliseconds }: { readonly signal?: AbortSignal | undefined; readonly milliseconds: number },
): Promise<readonly SampleTimes[]> {
  const time = (effort: number): Promise<readonly SampleTimes[]> =>
    timeSamples(sessions, samples, { signal, milliseconds: effort, summary: (runs) => quantile(runs, 0.25) });
  const times = await time(milliseconds);
  const [base, ...others] = times;
  const isOpen = (own: SampleTimes): boolean => base !== undefined && isUndecided(paired(own, base));
  // Of a single run no time, however long, tells how far it is off.
  return samples.length > 1 && others.some(isOpen) ? time(longer * milliseconds) : times;
}
