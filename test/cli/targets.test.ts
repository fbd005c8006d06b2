import { describe, expect, it } from 'vitest';
import { checkOptions } from '../../src/compiler/check-options.js';
import { precisions } from '../../src/passkit/target.js';
import { targets } from '../../targets/index.js';
import { swanc } from './support.js';

const all = Object.values(targets);

describe('the help of compile', () => {
  it('has every target, the precisions of each, and what sizes mean', async () => {
    const { stdout } = await swanc(['compile', '--help']);
    const text = stdout.replaceAll(/\s+/g, ' ');
    expect(text).toContain(`where the model will run: ${Object.keys(targets).join(', ')};`);
    for (const precision of precisions.filter((name) => name !== 'fp32')) {
      const having = all.filter((target) => target.precisions.includes(precision)).map(({ name }) => name);
      expect(text).toContain(`${precision} for ${having.join(' and ')}`);
    }
    const fixed = all.filter(({ batch }) => batch === 'fixed').map(({ name }) => name);
    expect(text).toContain(`for ${fixed.join(' and ')}: fail if the activations`);
    expect(text).toContain('K is 1024 bytes');
  });
});

describe('a precision that not every target has', () => {
  const options = { model: 'm', calibration: 'c', precision: 'int8' } as const;

  it('is refused with the targets that have it, and how it is asked for one of them', () => {
    expect(() => checkOptions({ ...options, targets: ['cpu', 'webgpu', 'edge'] })).toThrow(
      /webgpu has no int8: cpu, edge have it.*name the target that it is for: --precision cpu=int8/s,
    );
    expect(() => checkOptions({ ...options, targets: ['cpu', 'edge'] })).not.toThrow();
  });

  it('may be one for each target, each of those that are compiled for', () => {
    const each = { ...options, precision: { webgpu: 'fp16', edge: 'int8' } } as const;
    expect(() => checkOptions({ ...each, targets: ['cpu', 'webgpu', 'edge'] })).not.toThrow();
    expect(() => checkOptions({ ...each, targets: ['cpu', 'edge'] })).toThrow(/'webgpu' is not compiled for/);
    expect(() => checkOptions({ ...each, targets: ['edge', 'webgpu'], calibration: undefined })).toThrow(/int8 takes/);
  });

  it('is refused with the precisions of the target where that is the only one', () => {
    expect(() => checkOptions({ ...options, targets: ['webgpu'] })).toThrow(
      /webgpu has no int8: cpu, edge have it[^,]*choose from fp32, fp16/,
    );
  });
});
