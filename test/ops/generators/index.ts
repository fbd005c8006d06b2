import type { Operator } from '../../../src/ops/operator.js';
import type { Cases, Generators } from '../case.js';
import { categoryGenerators } from './categories.js';
import { computedShapeGenerators } from './computed-shapes.js';
import { controlFlowGenerators } from './control-flow.js';
import { denseGenerators } from './dense.js';
import { elementwiseGenerators } from './elementwise.js';
import { moveGenerators } from './moves.js';
import { recurrentGenerators } from './recurrent.js';
import { windowGenerators } from './windows.js';

/** Every generator by the name of its operator; a new operator adds one. */
export const generators: Generators = {
  ...categoryGenerators,
  ...computedShapeGenerators,
  ...controlFlowGenerators,
  ...denseGenerators,
  ...elementwiseGenerators,
  ...moveGenerators,
  ...recurrentGenerators,
  ...windowGenerators,
};

/** @throws Error if the operator has no generator. */
export function casesOf(operator: Operator): Cases {
  const cases = generators[operator.op];
  if (cases === undefined) throw new Error(`${operator.op} has no generator in test/ops/generators`);
  return cases;
}
