import { afterEach, describe, expect, test, vi } from 'vitest';
import { block } from '../../../src/passkit/gating/strategies/block.js';
import { coreTail } from '../../../src/passkit/gating/strategies/core-tail.js';
import { dispatch } from '../../../src/passkit/gating/strategies/dispatch.js';
import { gather } from '../../../src/passkit/gating/strategies/gather.js';
import { grouping } from '../../../src/passkit/gating/strategies/grouping.js';
import { perSample } from '../../../src/passkit/gating/strategies/per-sample.js';
import type { Plan, Strategy } from '../../../src/passkit/gating/strategy.js';
import { at } from '../../../src/support/assert.js';
import { graphOf, profileOfPatterns, type RunOptions } from '../../passes/support.js';
import { allPlans, planned, plannedSome } from './same-as-mask.js';
import { eager, plain, twoModes } from './strategies/support.js';

/** What tests of strategies apply plans with notices plans that do nothing, or something else. */

const blockGate = plain.replace('float[N, 4] c', 'float[N, 1] c');
const seldom = profileOfPatterns({ gate: { units: 1, patterns: [[], [0], [], []] } });

interface Case {
  readonly strategy: Strategy;
  readonly text: string;
  readonly options: RunOptions;
}

const cases: readonly Case[] = [
  ...[gather, dispatch, coreTail, perSample, grouping].map((strategy) => ({
    strategy,
    text: plain,
    options: { ...eager, profile: twoModes, batch: 4 },
  })),
  { strategy: block, text: blockGate, options: { ...eager, profile: seldom, batch: 4 } },
];

function change(strategy: Strategy, wrong: (plan: Plan) => Plan): void {
  const right = strategy.plans.bind(strategy);
  vi.spyOn(strategy, 'plans').mockImplementation(async (region, context) => {
    const plans = await right(region, context);
    return typeof plans === 'string' ? plans : plans.map(wrong);
  });
}

async function namesOf({ strategy, text, options }: Case): Promise<string[]> {
  const plans = (await allPlans(graphOf(text), options)).map(({ plan }) => plan);
  return plans.filter((plan) => plan.startsWith(strategy.name));
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(cases.map((one) => [one.strategy.name, one] as const))('every plan of %s', (_, one) => {
  test('is there to be seen, and missed where it does nothing', async () => {
    const { strategy, text, options } = one;
    const names = await namesOf(one);
    expect(names).not.toEqual([]);
    for (const name of names) await planned(text, { gate: name }, options);
    change(strategy, (plan) => ({ ...plan, apply: () => undefined }));
    for (const name of names) {
      for (const apply of [planned, plannedSome]) {
        await expect(apply(text, { gate: name }, options)).rejects.toThrow('leave the graph as masks do');
      }
    }
  });
});

test('a plan that does what another is there for is told by its operator', async () => {
  const { text, options } = at(cases, 0);
  vi.spyOn(dispatch, 'plans').mockImplementation(async (region, context) => {
    const plans = await gather.plans(region, context);
    return typeof plans === 'string' ? plans : plans.map((plan) => ({ ...plan, name: 'dispatch-2' }));
  });
  await expect(planned(text, { gate: 'dispatch-2' }, options)).rejects.toThrow('brought no If');
});

test('a plan that is not there was not applied', async () => {
  const { text, options } = at(cases, 0);
  await expect(planned(text, { gate: 'dispatch-99' }, options)).rejects.toThrow('none applied');
  await expect(planned(text, { gate: 'gather', other: 'gather' }, options)).rejects.toThrow('not applied');
});
