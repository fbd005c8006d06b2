import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Builder } from '../../src/ir/builder.js';
import { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes } from '../../src/ops/index.js';
import { GrownSizes } from '../../src/passkit/widths/grow-axes.js';
import { LayoutSteps } from '../../src/passkit/widths/layout-steps.js';
import { LayoutTimes } from '../../src/passkit/widths/layout-times.js';
import { unitAxes } from '../../src/passkit/widths/unit-axes.js';
import { at } from '../../src/support/assert.js';
import { cpu } from '../../targets/cpu.js';
import { randomNetwork } from '../passes/random/network.js';

function axesOf(graph: Graph) {
  const steps = new LayoutSteps(graph, cpu);
  const axes = new Set(unitAxes(graph, steps.channels()).filter((axis) => typeof axis !== 'string'));
  return { steps, axes: [...axes] };
}

/** 1x1 convolutions of `width` channels, one behind the other. */
function chain(length: number, width: number): Graph {
  const graph = new Graph('chain');
  const builder = new Builder(graph);
  let value = graph.addInput('x', { type: 'float32', shape: ['N', width, 8, 8] });
  const weights = Tensor.floats([width, width, 1, 1], new Float32Array(width * width).fill(1));
  for (let layer = 0; layer < length; layer++) {
    value = builder.op('Relu', [builder.op('Conv', [value, builder.constant(weights)])]);
  }
  graph.setOutputs([value]);
  inferTypes(graph);
  return graph;
}

describe('times that follow sizes', () => {
  test('are those predicted from scratch, and so are differences', () => {
    let changed = 0;
    fc.assert(
      fc.property(
        fc.nat(2 ** 20),
        fc.array(fc.tuple(fc.nat(100), fc.constantFrom(0, 1, 2, 3, 5, 11, 13)), { minLength: 1, maxLength: 12 }),
        (seed, changes) => {
          const { steps, axes } = axesOf(randomNetwork(seed).graph);
          if (axes.length === 0) return;
          const sizes = new GrownSizes();
          const times = new LayoutTimes(steps, sizes.sizeOf);
          let before = times.total;
          for (const [index, count] of changes) {
            const axis = at(axes, index % axes.length);
            times.mark();
            sizes.set(axis, count);
            times.update(axis.places.map(({ value }) => value));
            const after = new LayoutTimes(steps, sizes.sizeOf).total;
            expect(times.total).toBeCloseTo(after, 9);
            expect(times.difference).toBeCloseTo(after - before, 9);
            if (after !== before) changed++;
            before = after;
          }
        },
      ),
    );
    expect(changed).toBeGreaterThan(50);
  });

  test('are predicted anew for no more nodes than an axis touches', () => {
    const { steps, axes } = axesOf(chain(100, 21));
    const sizes = new GrownSizes();
    const times = new LayoutTimes(steps, sizes.sizeOf);
    const outcome = vi.spyOn(steps, 'outcome');
    const axis = at(axes, 50);
    sizes.set(axis, 3);
    times.update(axis.places.map(({ value }) => value));
    expect(outcome.mock.calls.length).toBeGreaterThan(1);
    expect(outcome.mock.calls.length).toBeLessThan(6);
  });
});
