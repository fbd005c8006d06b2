import type { Operator } from '../../../src/ops/operator.js';
import type { Cases, Generators } from '../case.js';
import { computedShapeGenerators } from './computed-shapes.js';
import { denseGenerators } from './dense.js';
import { elementwiseGenerators } from './elementwise.js';
import { moveGenerators } from './moves.js';
import { windowGenerators } from './windows.js';

/** Every generator by the name of its operator; a new operator adds one. */
export const generators: Generators = {
  ...computedShapeGenerators,
  ...denseGenerators,
  ...elementwiseGenerators,
  ...moveGenerators,
  ...windowGenerators,
};

/** @throws Error if the operator has no generator. */
export function casesOf(operator: Operator): Cases {
  const cases = generators[operator.op];
  if (cases === undefined) throw new Error(`${operator.op} has no generator in test/ops/generators`);
  return cases;
}
