import { int } from '../../../ir/attribute.js';
import type { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { isStatic, type Shape } from '../../../ir/types.js';
import { mixesSamples } from '../../removal/restricted-copy.js';
import { inputsOf, type Region, resultsOf } from '../regions/region.js';

/** Why the samples of a batch cannot run through a region one by one, or some at a time; undefined if they can. */
export function samplesMeet(region: Region): string | undefined {
  const results = resultsOf(region);
  const values = [...inputsOf(region), ...results];
  const symbol = values[0]?.shape?.[0];
  if (typeof symbol !== 'string') return 'the number of samples is fixed';
  const other = values.find(({ shape }) => shape?.[0] !== symbol);
  if (other !== undefined) return `'${other.name}' has no row for each sample`;
  const open = results.find(({ shape }) => shape === undefined || !isStatic(shape.slice(1)));
  if (open !== undefined) return `the size of '${open.name}' is not known`;
  const mixing = region.nodes.find(mixesSamples);
  return mixing === undefined ? undefined : `'${mixing.label}' mixes samples`;
}

/** How many samples there are along axis 0 of a value: int64 [1]. */
export function sampleCount(like: Value, builder: Builder): Value {
  return builder.op('Shape', [like], { start: int(0), end: int(1) });
}

/** A constant, which broadcasts to `shape` for each of the samples that there are along axis 0 of `like`. */
export function forSamples(constant: Tensor, shape: Shape, like: Value, builder: Builder): Value {
  const given = builder.constant(constant, 'each_sample');
  if (isStatic(shape)) return builder.op('Expand', [given, builder.int64s(shape, 'shape')]);
  const count = sampleCount(like, builder);
  if (shape.length === 1) return builder.op('Expand', [given, count]);
  const others = builder.int64s(shape.slice(1).map(Number), 'sizes');
  return builder.op('Expand', [given, builder.op('Concat', [count, others], { axis: int(0) })]);
}

/** What stands for a value where there is no sample, as `like` has none. Its type has as many as that of `like`. */
export function noSamples({ elementType = 'float32', shape = [] }: Value, like: Value, builder: Builder): Value {
  const none = forSamples(
    Tensor.floats(
      shape.map(() => 1),
      [0],
    ),
    shape,
    like,
    builder,
  );
  return elementType === 'float32' ? none : builder.cast(none, elementType);
}
