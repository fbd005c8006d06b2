import fc from 'fast-check';
import { int } from '../../src/ir/attribute.js';
import { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { type ElementType, elementTypes } from '../../src/ir/types.js';
import { inferTypes, operatorOf, operators } from '../../src/ops/index.js';
import { swanDomain } from '../../src/ops/operator.js';
import { type Case, type CaseInput, describeCase, feedsOf, graphOf } from '../ops/case.js';
import { casesOf } from '../ops/generators/index.js';

/** Graphs of one operator, for every operator that may be in a file, and for each type of elements that it may take. */

export const askedTypes = ['float32', 'float16', 'int32', 'int64', 'uint8', 'bool'] as const;

export interface OneOperator {
  readonly op: string;
  readonly type: ElementType;
  readonly what: string;
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** Is never written: a model that is run drops nothing out. */
const neverWritten = new Set(['Dropout']);

export const writtenOperators = operators.filter(({ op, domain }) => domain !== swanDomain && !neverWritten.has(op));

/** So many random cases of every operator, as they are and with their float32 inputs of other types. */
export function oneOperatorGraphs(cases: number, types: readonly ElementType[] = askedTypes): OneOperator[] {
  return writtenOperators.flatMap((operator) =>
    fc.sample(casesOf(operator), { numRuns: cases, seed: 5 }).flatMap((given) => {
      const single = operator.domain === '' ? given : { ...given, domain: operator.domain };
      return types.flatMap((type) => graphOfType(single, type) ?? []);
    }),
  );
}

/** Undefined where the operator does not take elements of this type. */
function graphOfType(given: Case, type: ElementType): OneOperator | undefined {
  const single = type === 'float32' ? given : retyped(given, type);
  if (single === undefined) return undefined;
  try {
    const { graph } = graphOf(single);
    return { op: given.op, type, what: describeCase(single), graph, feeds: feedsOf(single, graph) };
  } catch (error) {
    if (type === 'float32') throw error;
    return undefined;
  }
}

/** Undefined where no input that is fed is of float32. Constants go with the data, unless they are float32 whatever it is. */
function retyped(single: Case, type: ElementType): Case | undefined {
  const { op, domain = '' } = single;
  const float32 = operatorOf({ op, domain })?.float32Inputs ?? [];
  const isChanged = (given: CaseInput | undefined, index: number): given is CaseInput =>
    given !== undefined && given.tensor.type === 'float32' && !float32.includes(index);
  if (!single.inputs.some((given, index) => isChanged(given, index) && given.constant !== true)) return undefined;
  return {
    ...single,
    inputs: single.inputs.map((given, index) =>
      isChanged(given, index) ? { ...given, tensor: converted(given.tensor, type) } : given,
    ),
  };
}

/** Numbers near those of a float32 tensor. */
function converted(tensor: Tensor, type: ElementType): Tensor {
  const { dims } = tensor;
  const numbers = tensor.numbers().map(Math.round);
  switch (type) {
    case 'int32':
      return new Tensor('int32', dims, Int32Array.from(numbers));
    case 'int64':
      return Tensor.int64(dims, numbers);
    case 'uint8':
      return new Tensor('uint8', dims, Uint8Array.from(numbers, Math.abs));
    case 'bool':
      return new Tensor(
        'bool',
        dims,
        Uint8Array.from(numbers, (x) => (x > 0 ? 1 : 0)),
      );
    default:
      // Zeros: where nodes are placed does not depend on the data.
      return new Tensor('float16', dims, new Uint16Array(tensor.size));
  }
}

/** A conversion from every type to every other, which the generators do not all have. */
export function castGraphs(): OneOperator[] {
  return askedTypes.flatMap((from) =>
    askedTypes.flatMap((to) => {
      if (from === to) return [];
      const graph = new Graph('cast');
      const x = graph.addInput('x', { type: from, shape: [2, 3] });
      const node = graph.addNode({
        op: 'Cast',
        domain: '',
        inputs: [x],
        attributes: { to: int(elementTypes[to].onnx) },
        outputs: ['y'],
        origin: 'node',
      });
      graph.setOutputs(node.outputs);
      inferTypes(graph);
      return [{ op: 'Cast', type: from, what: `Cast ${from} to ${to}`, graph, feeds: {} }];
    }),
  );
}
