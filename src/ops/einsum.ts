import type { Node } from '../ir/graph.js';
import type { Dim } from '../ir/types.js';
import { at } from '../support/assert.js';
import { broadcastShapes, elementsPerSample, type Operator, ShapeError, withShape } from './operator.js';
import { contract, input, output, type Port, type Relation, tie } from './relations.js';

/** An equation without ellipsis: a letter for each axis of every operand and of the result. */
interface Equation {
  readonly operands: readonly string[];
  readonly result: string;
}

/**
 * ONNX Einsum: products of operands summed over the letters that the result lacks, as in `bij,bjk->bik`. Without an
 * arrow the result has the letters that occur once, in alphabetical order. Of an equation with an ellipsis nothing is
 * known, nor of one whose result would have capital letters: engines order these differently, or refuse them.
 */
export const einsum: Operator = {
  op: 'Einsum',
  domain: '',
  inputs: [1, Number.POSITIVE_INFINITY],
  since: 12,
  infer: (node) => {
    const equation = equationOf(node);
    const type = node.input(0).elementType;
    if (equation === undefined || type === undefined) return [undefined];
    const sizes = sizesOf(node, equation);
    if (sizes === undefined) return [undefined];
    return [
      withShape(
        type,
        [...equation.result].map((letter) => sizes.get(letter) ?? 1),
      ),
    ];
  },
  flops: (node) => {
    const equation = equationOf(node);
    const sizes = equation === undefined ? undefined : sizesOf(node, equation);
    return sizes === undefined ? 0 : node.inputs.length * elementsPerSample([...sizes.values()]);
  },
  homogeneous: (node) => [...node.inputs.keys()],
  relations: einsumRelations,
};

/** @throws ShapeError where it is no equation, or not one of as many operands as there are inputs. */
function equationOf(node: Node): Equation | undefined {
  const text = node.string('equation', '').replaceAll(/\s/g, '');
  if (text.includes('...')) return undefined;
  const parts = /^([A-Za-z]*(?:,[A-Za-z]*)*)(?:->([A-Za-z]*))?$/.exec(text);
  if (parts === null) throw new ShapeError(`'${text}' is no equation`);
  const operands = (parts[1] ?? '').split(',');
  if (operands.length !== node.inputs.length) {
    throw new ShapeError(`'${text}' has ${operands.length} operands, ${node.inputs.length} are given`);
  }
  const letters = [...operands.join('')];
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  const implied = once.toSorted().join('');
  if (parts[2] === undefined && /[A-Z]/.test(implied)) return undefined;
  const result = parts[2] ?? implied;
  const isRight = new Set(result).size === result.length && [...result].every((letter) => letters.includes(letter));
  if (!isRight) throw new ShapeError(`'${text}' has no such result`);
  return { operands, result };
}

/** The size of each letter's axis; undefined where an operand's shape is not known. */
function sizesOf(node: Node, { operands }: Equation): ReadonlyMap<string, Dim> | undefined {
  const sizes = new Map<string, Dim>();
  for (const [index, letters] of operands.entries()) {
    const shape = node.inputs[index]?.shape;
    if (shape === undefined) return undefined;
    if (shape.length !== letters.length) {
      throw new ShapeError(`'${letters}' names ${letters.length} axes, [${shape.join(', ')}] has ${shape.length}`);
    }
    for (const [axis, letter] of [...letters].entries()) {
      const [dim] = broadcastShapes([[at(shape, axis)], [sizes.get(letter) ?? 1]]);
      if (dim !== undefined) sizes.set(letter, dim);
    }
  }
  return sizes;
}

/**
 * Of a product of two operands: a letter of the result ties the axes it names; the only letter that is summed over makes
 * the output a sum of what each slot contributes. With several of them, slots of one contribute through slots of the
 * others, so none may go. Stretched axes and letters that an operand has twice are pinned.
 */
function einsumRelations(node: Node): Relation[] {
  const equation = equationOf(node);
  if (equation === undefined || node.inputs.length !== 2) return [];
  const { operands, result } = equation;
  if (operands.some((letters) => new Set(letters).size < letters.length)) return [];
  const summed = new Set([...operands.join('')].filter((letter) => !result.includes(letter)));
  return [...new Set(operands.join(''))].flatMap((letter): Relation[] => {
    const ports = operands.flatMap((letters, index): Port[] => {
      const axis = letters.indexOf(letter);
      return axis < 0 ? [] : [input(index, axis)];
    });
    const dims = new Set(ports.map(({ index, axis }) => node.inputs[index]?.shape?.[axis]));
    if (dims.size > 1) return [];
    if (result.includes(letter)) return [tie(...ports, output(result.indexOf(letter)))];
    const [left, right] = ports;
    if (summed.size > 1 || left === undefined || right === undefined) return [];
    // The weights are the constant operand.
    const isLeftWeight = node.inputs[0]?.constant !== undefined;
    return [isLeftWeight ? contract(right, left) : contract(left, right)];
  });
}
