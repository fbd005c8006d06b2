import { expect, it } from 'vitest';
import { webgpu } from '../../../../targets/webgpu.js';
import { plain, refusal, twoModes } from './support.js';

it('plans that would go through the processor are refused for a device, with the operator that it lacks', async () => {
  const reason = (op: string): string =>
    `target webgpu has no kernel of ${op}: values would be copied to the host and back`;
  for (const batch of [1, 4]) {
    const options = { profile: twoModes, target: webgpu, batch };
    for (const strategy of ['gather', 'core-tail', 'grouping']) {
      expect(await refusal(plain, strategy, options), strategy).toBe(reason('NonZero'));
    }
    expect(await refusal(plain, 'per-sample', options)).toBe(reason('Scan'));
    expect(await refusal(plain, 'dispatch', options)).toBeUndefined();
  }
});
