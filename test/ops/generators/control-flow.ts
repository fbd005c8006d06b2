import fc from 'fast-check';
import { int, ints, subgraph } from '../../../src/ir/attribute.js';
import { Graph, type Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { sizeOf } from '../../../src/ir/types.js';
import { at } from '../../../src/support/assert.js';
import { type Case, type CaseInput, type Cases, floats, type Generators, shapes, sizes } from '../case.js';

/** Operators that run nested graphs. */

const branches: Cases = fc.tuple(shapes(0, 3), fc.nat(1)).map(([dims, chosen]) => {
  const branch = (name: string, value: number): Graph => {
    const graph = new Graph(name);
    const data = new Float32Array(sizeOf(dims)).fill(value);
    const constant = graph.addConstant(`${name}_c`, Tensor.floats(dims, data));
    graph.setOutputs([graph.addNode({ op: 'Neg', inputs: [constant], outputs: [`${name}_y`] }).output]);
    return graph;
  };
  return {
    op: 'If',
    attributes: { then_branch: subgraph(branch('yes', 1)), else_branch: subgraph(branch('no', 2)) },
    inputs: [{ tensor: new Tensor('bool', [], Uint8Array.of(chosen)) }],
  };
});

const float = (dims: readonly number[]) => ({ type: 'float32' as const, shape: dims });

/** Adds a node to a body; `name` is that of its only output. */
function add(body: Graph, op: string, inputs: readonly Value[], name: string): Value {
  return body.addNode({ op, inputs, outputs: [name] }).output;
}

/** States that are negated in each run, and stacks of what they were. */
const loop: Cases = fc
  .tuple(shapes(0, 2), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), fc.nat(2))
  .chain(([dims, trips, states, stacks]) => {
    const body = new Graph('body');
    body.addInput('i', { type: 'int64', shape: [] });
    const on = body.addInput('on', { type: 'bool', shape: [] });
    const inner = Array.from({ length: states }, (_, index) => body.addInput(`state${index}`, float(dims)));
    body.setOutputs([
      add(body, 'Identity', [on], 'still'),
      ...inner.map((state, index) => add(body, 'Neg', [state], `next${index}`)),
      ...Array.from({ length: stacks }, (_, index) => add(body, 'Abs', [at(inner, 0)], `stack${index}`)),
    ]);
    const control: CaseInput[] = [
      { tensor: Tensor.int64([], [trips]), constant: true },
      { tensor: new Tensor('bool', [], Uint8Array.of(1)) },
    ];
    return fc.tuple(...inner.map(() => floats(dims))).map((given) => ({
      op: 'Loop',
      attributes: { body: subgraph(body) },
      inputs: [...control, ...given],
      outputs: states + stacks,
    }));
  });

/** Running sums of the first sequence as states, and products of all sequences with it as stacks. */
const scan: Cases = fc
  .tuple(shapes(0, 2), sizes, fc.nat(2), fc.integer({ min: 1, max: 2 }), fc.nat(9))
  .chain(([dims, length, states, scanned, choice]) => {
    const body = new Graph('body');
    const before = Array.from({ length: states }, (_, index) => body.addInput(`state${index}`, float(dims)));
    const slices = Array.from({ length: scanned }, (_, index) => body.addInput(`slice${index}`, float(dims)));
    const stacks = states === 0 || choice % 2 === 0 ? slices : [];
    body.setOutputs([
      ...before.map((state, index) => add(body, 'Add', [state, at(slices, 0)], `next${index}`)),
      ...stacks.map((slice, index) => add(body, 'Mul', [slice, at(slices, 0)], `product${index}`)),
    ]);
    const axis = fc.integer({ min: -dims.length - 1, max: dims.length });
    const axes = fc.array(axis, { minLength: scanned, maxLength: scanned });
    const directions = fc.array(fc.nat(1), { minLength: scanned, maxLength: scanned });
    return fc
      .tuple(axes, fc.option(axes), directions, fc.option(directions))
      .chain(([inputAxes, outputAxes, inputDirections, outputDirections]) => {
        const sequences = inputAxes.map((position) =>
          floats(dims.toSpliced(position < 0 ? position + dims.length + 1 : position, 0, length)),
        );
        const hasStacks = stacks.length > 0;
        return fc.tuple(...before.map(() => floats(dims)), ...sequences).map(
          (inputs): Case => ({
            op: 'Scan',
            attributes: {
              body: subgraph(body),
              num_scan_inputs: int(scanned),
              scan_input_axes: ints(inputAxes),
              scan_input_directions: ints(inputDirections),
              ...(hasStacks && outputAxes !== null ? { scan_output_axes: ints(outputAxes) } : {}),
              ...(hasStacks && outputDirections !== null ? { scan_output_directions: ints(outputDirections) } : {}),
            },
            inputs,
            outputs: states + stacks.length,
          }),
        );
      });
  });

export const controlFlowGenerators: Generators = { If: branches, Loop: loop, Scan: scan };
