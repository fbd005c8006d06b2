import type { Value } from '../src/ir/graph.js';
import { sizeOfAxis } from '../src/ops/relations.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import type { PreferredWidths } from '../src/passkit/target.js';
import { GrownSizes, growAxes } from '../src/passkit/widths/grow-axes.js';
import { LayoutSteps } from '../src/passkit/widths/layout-steps.js';
import { LayoutTimes } from '../src/passkit/widths/layout-times.js';
import { type UnitAxis, unitAxes } from '../src/passkit/widths/unit-axes.js';

/**
 * Gives convolutions numbers of channels that the target runs fast: where a width misses its fast kernels, and padding it
 * is predicted to take less time over all operators that the axis touches, copies of the last channel are added.
 *
 * Sound because a copy is a finite number wherever its original is, and every sum of products that reads the copy has zero
 * weights for it. Where anything else sees the channels (a softmax, an output of the model, weights that are more than
 * that) nothing is added. Widths that do not pay stay exact.
 */
export const padWidths = definePass({
  name: 'pad-widths',
  contract: 'exact',
  requires: ['layout'],
  run(graph, { target }) {
    const { widths, costs } = target;
    if (widths === undefined) return { findings: [] };
    const steps = new LayoutSteps(graph, { widths, costs });
    const channels = steps.channels();
    if (channels.length === 0) return { findings: [] };
    const read = new Set(channels.map(({ value }) => value));
    const found = unitAxes(graph, channels);
    const axes = [...new Set(found.filter((axis) => typeof axis !== 'string'))];
    const sizes = chooseGrowth(axes, read, steps, widths);
    const findings: Finding[] = [];
    for (const [index, { value, axis }] of channels.entries()) {
      const unitAxis = found[index];
      const before = sizeOfAxis(value, axis);
      const after = sizes.sizeOf(value, axis);
      const width = `a width of ${before} in '${value.name}'`;
      const layer = value.producer?.label ?? value.name;
      // Of several values that are equally wide for one reason, the first tells.
      const isTold = typeof unitAxis === 'object' && unitAxis.value !== value;
      if (isTold || (before === after && !isDisliked(after, widths))) continue;
      if (after > before) findings.push(done(layer, `${width} became ${after}: predicted to be faster`));
      else {
        const reason = typeof unitAxis === 'string' ? unitAxis : 'no wider one is predicted to be faster';
        findings.push(skipped(layer, `${width} stays: ${reason}`));
      }
    }
    if (sizes.growth.size > 0) growAxes(graph, sizes.growth);
    return { findings };
  },
});

/** Rounds of looking at every width again: those of neighbours decide together which layouts are kept. */
const mostRounds = 4;

/** The padding of each axis for the least predicted time; of equally fast widths the narrower one. */
function chooseGrowth(
  axes: readonly UnitAxis[],
  read: ReadonlySet<Value>,
  steps: LayoutSteps,
  { multiple, block }: PreferredWidths,
): GrownSizes {
  let best = new GrownSizes();
  let least = new LayoutTimes(steps, best.sizeOf).total;
  // All begin padded: one alone may cost a conversion that neighbours, padded too, would save.
  for (const start of new Set([multiple, block])) {
    const sizes = new GrownSizes();
    for (const axis of axes) sizes.set(axis, amountsOf(axis, read, sizes, start)[0] ?? 0);
    improve(sizes, axes, steps, (axis) => [multiple, block].flatMap((wanted) => amountsOf(axis, read, sizes, wanted)));
    const time = new LayoutTimes(steps, sizes.sizeOf).total;
    if (time < least) [least, best] = [time, sizes];
  }
  return best;
}

/** Lets each axis take what is best as the others are, until none changes. */
function improve(
  sizes: GrownSizes,
  axes: readonly UnitAxis[],
  steps: LayoutSteps,
  amountsFor: (axis: UnitAxis) => readonly number[],
): void {
  const times = new LayoutTimes(steps, sizes.sizeOf);
  for (let round = 0, isChanged = true; isChanged && round < mostRounds; round++) {
    isChanged = false;
    for (const axis of axes) {
      const before = sizes.growth.get(axis) ?? 0;
      sizes.set(axis, 0);
      const amounts = amountsFor(axis);
      if (amounts.length === 0 && before === 0) continue;
      const values = new Set(axis.places.map(({ value }) => value));
      times.mark();
      let [least, best] = [0, before];
      for (const amount of new Set([0, ...amounts])) {
        sizes.set(axis, amount);
        times.update(values);
        const time = times.difference;
        if (time < least || (time === least && amount < best)) [least, best] = [time, amount];
      }
      sizes.set(axis, best);
      times.update(values);
      isChanged ||= best !== before;
    }
  }
}

/** How many units would bring the places of an axis that convolutions read or make to multiples. */
function amountsOf({ places }: UnitAxis, read: ReadonlySet<Value>, { sizeOf }: GrownSizes, multiple: number): number[] {
  const amounts = places.flatMap(({ value, axis, repeats }) => {
    const missing = read.has(value) ? -sizeOf(value, axis) % multiple : 0;
    return missing === 0 || (missing + multiple) % repeats > 0 ? [] : [(missing + multiple) / repeats];
  });
  return [...new Set(amounts)].toSorted((left, right) => left - right);
}

/** True for a number of channels that no fast kernel reads. */
function isDisliked(width: number, { multiple, block }: PreferredWidths): boolean {
  return width >= block && width % multiple > 0;
}
