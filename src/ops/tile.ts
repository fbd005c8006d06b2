import type { Node } from '../ir/graph.js';
import { at } from '../support/assert.js';
import { followAxes } from './bounds.js';
import { constantInts, inputType, type Operator, ShapeError, withShape } from './operator.js';
import { input, output, type Relation, tie } from './relations.js';
import { unknownDim } from './symbols.js';

/** ONNX Tile: input 0 laid out repeats[axis] times along every axis, by the constant repeats of input 1. */
export const tile: Operator = {
  op: 'Tile',
  domain: '',
  inputs: [2, 2],
  since: 6,
  moves: true,
  homogeneous: () => [0],
  infer: (node) => {
    const x = inputType(node, 0);
    const repeats = constantInts(node, 1);
    if (x === undefined) return [undefined];
    if (repeats === undefined) {
      return [
        withShape(
          x.type,
          x.shape.map((_, axis) => unknownDim(node, axis)),
        ),
      ];
    }
    if (repeats.length !== x.shape.length) throw new ShapeError(`${repeats.length} repeats for ${x.shape.length} axes`);
    const shape = x.shape.map((dim, axis) => {
      const count = at(repeats, axis);
      if (count === 1) return dim;
      return typeof dim === 'number' ? dim * count : unknownDim(node, axis);
    });
    return [withShape(x.type, shape)];
  },
  flops: () => 0,
  identity: (node) => (constantInts(node, 1)?.every((count) => count === 1) ? node.input(0) : undefined),
  bounds: (node, [x]) => followAxes(node, tileRelations(node), x),
  relations: tileRelations,
};

/** An axis that is not repeated is tied; slots of the others come again after every run through the axis. */
function tileRelations(node: Node): Relation[] {
  return (constantInts(node, 1) ?? []).map((count, axis): Relation => {
    if (count === 1) return tie(input(0, axis), output(axis));
    return { kind: 'repeat', from: input(0, axis), to: [output(axis)], outer: count, inner: 1 };
  });
}
