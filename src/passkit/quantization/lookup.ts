import { type Attributes, int } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import { copyNode } from '../../ir/clone.js';
import { Graph, type Node, type Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { elementTypes } from '../../ir/types.js';
import { defined } from '../../support/assert.js';
import type { PassContext } from '../pass.js';
import type { Chain } from './chains.js';
import type { ConstantPool } from './constants.js';
import type { Grid } from './ranges.js';

export type Evaluate = PassContext['evaluate'];

/**
 * What a chain gives for each of the 256 integers, as integers of another grid: entry q is quantize(f(dequantize(q))),
 * computed by the engine itself, so that the table gives exactly what floats between two grids would.
 */
export async function tableOf(chain: Chain, from: Grid, to: Grid, evaluate: Evaluate): Promise<Tensor<'uint8'>> {
  const graph = new Graph('table');
  const builder = new Builder(graph);
  const every = builder.constant(
    new Tensor(
      'uint8',
      [256],
      Uint8Array.from({ length: 256 }, (_, entry) => entry),
    ),
  );
  const values = new Map<Value, Value>([[chain.start, gridded('DequantizeLinear', every, from, builder)]]);
  // Numbers keep no more axes than the row of entries has.
  for (const { constant, node } of chain.nodes.flatMap((own) =>
    own.inputs.map((value) => ({ constant: value, node: own })),
  )) {
    if (constant?.constant === undefined || values.has(constant)) continue;
    const { dims } = constant.constant;
    const tensor = dims.length > 1 ? constant.constant.reshaped([1]) : constant.constant;
    values.set(constant, builder.constant(tensor, node.label));
  }
  for (const node of chain.nodes) {
    const copy = copyNode(node, graph, values);
    graph.setType(copy.output, undefined);
  }
  const result = gridded('QuantizeLinear', defined(values.get(chain.exit), 'the exit'), to, builder);
  graph.setType(result, { type: 'uint8', shape: [256] });
  graph.setOutputs([result]);
  const table = defined((await evaluate(graph))[result.name], 'the table');
  if (!table.is('uint8')) throw new Error(`internal error: a table of ${table.type}`);
  return table;
}

function gridded(op: string, value: Value, { scale, zeroPoint }: Grid, builder: Builder): Value {
  const zero = builder.constant(new Tensor('uint8', [], Uint8Array.of(zeroPoint)));
  const result = builder.op(op, [value, builder.scalar(scale), zero]);
  const type = op === 'QuantizeLinear' ? 'uint8' : 'float32';
  builder.graph.setType(result, { type, shape: [256] });
  return result;
}

/**
 * Looks every integer up in a table of 256. GatherElements along a single axis does that much faster than Gather, which
 * copies blocks, so the integers are put in a row before. `like` has the shape that they get back.
 */
export function lookUp(integers: Value, table: Value, like: Value, node: Node, constants: ConstantPool): Value {
  const shape = like.shape ?? [];
  // Names are short: there are many of them.
  const add = (op: string, inputs: readonly Value[], attributes: Attributes = {}): Value =>
    node.graph.addNode({ op, inputs, attributes, outputs: ['t'], before: node }).output;
  const positions = add('Cast', [integers], { to: int(elementTypes.int32.onnx) });
  if (shape.length === 1) return add('GatherElements', [table, positions]);
  const found = add('GatherElements', [table, add('Reshape', [positions, constants.shape([-1])])]);
  const isKnown = shape.filter((dim) => typeof dim !== 'number').length <= 1;
  const whole = shape.map((dim) => (typeof dim === 'number' ? dim : -1));
  return add('Reshape', [found, isKnown ? constants.shape(whole) : add('Shape', [integers])]);
}
