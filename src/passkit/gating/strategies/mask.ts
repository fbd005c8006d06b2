import type { Strategy } from '../strategy.js';

/** Everything is computed and multiplied by the gate: what every other strategy is compared with, and falls back to. */
export const mask: Strategy = {
  name: 'mask',
  plans: (_, { times }) => [
    {
      name: 'mask',
      what: 'all units are computed and masked',
      predicted: times.constant(new Map()),
      isNested: false,
      // The gate stays, and is lowered to its mask like any that no plan is for.
      apply: () => undefined,
    },
  ],
};
