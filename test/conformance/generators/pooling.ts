import fc from 'fast-check';
import type { ClassRow, Config, InputCase } from '../case.js';
import { config, dataFormat, input, int, one, perAxis, sizes, spread } from './common.js';
import { formatsOf, image, negativePadding, samePadding, spatialSizes } from './convolution.js';

function pooling(kind: 'Max' | 'Average', spatial: number): ClassRow {
  const most = [9, 7, 4][spatial - 1] ?? 4;
  return {
    className: `${kind}Pooling${spatial}D`,
    ranks: [spatial + 1, spatial + 1],
    inputs: one(spatial === 1 ? input(fc.tuple(int(1, most), int(1, 4)), { open: [0] }) : image(spatial, most)),
    config: ([given]) => {
      if (given === undefined) return undefined;
      const formats = spatial === 1 ? ['channelsLast'] : formatsOf(given);
      if (formats.length === 0) return undefined;
      const fields = {
        poolSize: perAxis(int(1, 4), spatial),
        strides: fc.option(perAxis(int(1, 5), spatial)),
        padding: fc.constantFrom('valid', 'same'),
      };
      return config(spatial === 1 ? {} : { dataFormat: fc.constantFrom(...formats) }, fields)
        .map((drawn) => feasible(drawn, given, spatial))
        .filter((drawn) => spatial < 3 || withoutNegativePadding(drawn, given))
        .filter((drawn) => fits(drawn, given, spatial));
    },
    ...(spatial === 3 ? { leftOut: [negativePadding] } : {}),
  };
}

/** Windows that fit into the input where nothing is padded. */
function feasible(drawn: Config, given: InputCase, spatial: number): Config {
  if (drawn.poolSize === undefined || drawn.padding === 'same') return drawn;
  const space = spatialSizes(given, drawn.dataFormat);
  const poolSize = spread(drawn.poolSize, spatial).map((size, axis) => Math.min(size, space[axis] ?? 1));
  return { ...drawn, poolSize };
}

function fits(drawn: Config, given: InputCase, spatial: number): boolean {
  const size = spread(drawn.poolSize, spatial, 2);
  return (
    drawn.padding === 'same' ||
    spatialSizes(given, drawn.dataFormat).every((extent, axis) => extent >= (size[axis] ?? 1))
  );
}

function withoutNegativePadding(drawn: Config, given: InputCase): boolean {
  if (drawn.padding !== 'same') return true;
  const size = spread(drawn.poolSize, 3, 2);
  const strides = drawn.strides === undefined || drawn.strides === null ? size : spread(drawn.strides, 3);
  return samePadding(spatialSizes(given, drawn.dataFormat), size, strides).every((total) => total >= 0);
}

function globalPooling(kind: 'Max' | 'Average', spatial: number): ClassRow {
  return {
    className: `Global${kind}Pooling${spatial}D`,
    ranks: [spatial + 1, spatial + 1],
    inputs: one(input(sizes(spatial + 1, 6), { open: spatial === 1 ? [0] : [0, 1, 2] })),
    config: () => config({}, spatial === 1 ? {} : { dataFormat }),
  };
}

export const poolingLayers: readonly ClassRow[] = (['Max', 'Average'] as const).flatMap((kind) => [
  ...[1, 2, 3].map((spatial) => pooling(kind, spatial)),
  ...[1, 2].map((spatial) => globalPooling(kind, spatial)),
]);
