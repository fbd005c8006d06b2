import { describe, expect, it } from 'vitest';
import { fitCosts, type Measurements, type Point, slope } from '../../../src/compiler/tuning/costs/fit.js';
import type { TargetCosts } from '../../../src/passkit/target.js';
import { seededRandom } from '../../../src/support/random.js';
import { cpu } from '../../../targets/cpu.js';

/** A machine that is slower than that of the target's costs, each in another way. */
const machine: TargetCosts = {
  operator: 0.7,
  flop: 7e-6,
  runtimeWeights: 1.8,
  addedElement: 2e-3,
  element: 0.5e-3,
  weightByte: 40e-6,
  cacheBytes: 12e6,
  uncachedByte: 50e-6,
  gatheredByte: 60e-6,
  gatheredRun: 3e-3,
  branch: 1.1,
  select: 2,
  selectedElement: 0.6e-3,
};
const run = 11;

/** What the probes would take, each time off by up to so large a part of it. */
function measurementsOf(costs: TargetCosts, noise = 0): Measurements {
  const random = seededRandom(3);
  const off = (time: number): number => time * (1 + noise * (2 * random.uniform() - 1));
  const line = (counts: readonly number[], each: number): Point[] =>
    counts.map((count) => ({ count, time: off(run + count * each) }));
  const elements = [5e4, 25e4, 45e4];
  const flops = [1e7, 5e7, 9e7];
  const bytes = [2, 5, 7, 9, 14, 19, 26, 38, 57].map((megabytes) => 1e6 * megabytes);
  const { flop, runtimeWeights, weightByte, cacheBytes, uncachedByte } = costs;
  return {
    operators: line([2, 18, 34], costs.operator),
    branches: line([2, 18, 34], costs.branch + costs.operator),
    selects: line([2, 18, 34], costs.select),
    selectedElements: line(elements, costs.selectedElement),
    elements: line(elements, costs.element),
    addedElements: line(elements, costs.addedElement),
    constantFlops: line(flops, flop),
    runtimeFlops: line(flops, flop * runtimeWeights),
    weightBytes: bytes.map((count) => ({
      count,
      time: off(run + count * (weightByte + flop / 2) + uncachedByte * Math.max(0, count - cacheBytes)),
    })),
    gathers: [
      ...[64, 256, 512, 1024].map((runs) => ({ bytes: 2048 * runs, runs })),
      ...[16, 48, 96, 192].map((picked) => ({ bytes: 36 * 256 * picked, runs: 256 * picked })),
    ].map(({ bytes: size, runs }) => ({
      bytes: size,
      runs,
      time: off(run + size * costs.gatheredByte + runs * costs.gatheredRun),
    })),
  };
}

describe('costs fitted to what probes took', () => {
  it('are those that the times were made of', () => {
    const { costs, kept } = fitCosts(measurementsOf(machine), cpu.costs);
    expect(kept).toEqual([]);
    for (const [name, cost] of Object.entries(machine)) {
      const found = Number(Object.entries(costs).find(([own]) => own === name)?.[1]);
      // Knees are tried at places of their own.
      const tolerance = name === 'cacheBytes' ? 0.06 : name === 'uncachedByte' || name === 'weightByte' ? 0.03 : 1e-6;
      expect(Math.abs(found / cost - 1), name).toBeLessThan(tolerance);
    }
  });

  it('are near with times that are off by 3 %', () => {
    const { costs } = fitCosts(measurementsOf(machine, 0.03), cpu.costs);
    for (const [name, cost] of Object.entries(machine)) {
      const found = Number(Object.entries(costs).find(([own]) => own === name)?.[1]);
      expect(Math.abs(found / cost - 1), name).toBeLessThan(0.3);
    }
  });

  it('forgive one time that is far off', () => {
    const { operators, ...others } = measurementsOf(machine);
    const spoilt = operators.map((point, index) => (index === 1 ? { ...point, time: 5 * point.time } : point));
    expect(fitCosts({ ...others, operators: spoilt }, cpu.costs).costs.operator).toBeCloseTo(machine.operator, 6);
  });

  it('keep what probes do not tell', () => {
    const measured = measurementsOf({ ...machine, uncachedByte: 0 });
    const flat = measured.elements.map((point) => ({ ...point, time: run }));
    const { costs, kept } = fitCosts({ ...measured, elements: flat, gathers: [] }, cpu.costs);
    expect(kept.toSorted()).toEqual(['cacheBytes', 'element', 'gatheredByte', 'gatheredRun', 'uncachedByte']);
    const { element, cacheBytes, uncachedByte, gatheredByte, gatheredRun } = cpu.costs;
    expect(costs).toMatchObject({ element, cacheBytes, uncachedByte, gatheredByte, gatheredRun });
    expect(costs.weightByte).toBeCloseTo(machine.weightByte, 9);
  });

  it('hold weights that come at run time for no faster than constant ones', () => {
    const measured = measurementsOf({ ...machine, runtimeWeights: 0.9 });
    expect(fitCosts(measured, cpu.costs).costs.runtimeWeights).toBe(1);
  });
});

describe('a slope', () => {
  it('needs two places', () => {
    expect(slope([{ count: 1, time: 2 }])).toBeNaN();
    expect(
      slope([
        { count: 1, time: 2 },
        { count: 1, time: 3 },
      ]),
    ).toBeNaN();
  });
});
