import { float, int, ints, subgraph } from '../../../src/ir/attribute.js';
import { Graph, type Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { swanDomain } from '../../../src/ops/operator.js';
import { TypedBuilder } from '../../../src/ops/typed-builder.js';
import { at } from '../../../src/support/assert.js';
import { features, gateAttributes, scores, spread } from './gates.js';
import { hasSameShape, type Item, type Layout, type StepKinds, unitAxis, type Writer } from './graph.js';

const anyLayout: readonly Layout[] = ['rows', 'image', 'sequence'];

/** Operators that run nested graphs, which capture, carry and give units. */
export const nestedSteps: StepKinds = {
  'branch that keeps units': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const partner = w.findOpen([x.layout], (item) => item !== x && hasSameShape(item, x)) ?? x;
    w.emit(
      branch(w, [(builder) => bodyOf(w, builder, x, partner), (builder) => bodyOf(w, builder, partner, x)]),
      x.layout,
    );
  },

  'branch that sums units up': (w) => {
    const x = w.find(['rows']);
    const other = w.find(['rows'], (item) => item !== x) ?? x;
    if (x === undefined || other === undefined) return;
    const units = w.width();
    const weights = [x, other].map((item) => w.weights([item.units, units], item.units, [0, 1]));
    w.emit(
      branch(w, [
        (builder) => builder.op('Gemm', [x.value, at(weights, 0)]),
        (builder) => builder.op('Tanh', [builder.op('Gemm', [other.value, at(weights, 1)])]),
      ]),
      'rows',
    );
  },

  'branch with a gate': (w) => {
    const x = features(w);
    if (x === undefined) return;
    const { rows, dead } = scores(w, x, x.units);
    const score = spread(w.builder, rows, x.layout);
    const attributes = gateAttributes(w, unitAxis[x.layout], dead);
    const other = w.chance(0.5) ? gateAttributes(w, unitAxis[x.layout], dead) : undefined;
    w.emit(
      branch(w, [
        (builder) => builder.op('Gate', [x.value, score], attributes, swanDomain),
        (builder) =>
          other === undefined
            ? builder.op('Relu', [x.value])
            : builder.op('Gate', [builder.op('Tanh', [x.value]), score], other, swanDomain),
      ]),
      x.layout,
    );
  },

  'loop that carries units': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const partner = w.findOpen([x.layout], (item) => item !== x && hasSameShape(item, x)) ?? x;
    loop(w, x, (builder, state) => bodyOf(w, builder, { ...x, value: state }, partner));
  },

  'loop with a gate': (w) => {
    const x = features(w);
    if (x === undefined) return;
    const { rows, dead } = scores(w, x, x.units);
    const score = spread(w.builder, rows, x.layout);
    const attributes = gateAttributes(w, unitAxis[x.layout], dead);
    const isNested = w.chance(0.4);
    const op = w.pick(['Tanh', 'Relu', 'Identity']);
    loop(w, x, (builder, state) => {
      const gated = (inner: TypedBuilder): Value =>
        inner.op(op, [inner.op('Gate', [state, score], attributes, swanDomain)]);
      if (!isNested) return gated(builder);
      return branch(w, [gated, (inner) => inner.op('Mul', [state, inner.scalar(0)])], builder);
    });
  },

  'loop that captures units': (w) => {
    const x = w.find(['rows']);
    if (x === undefined) return;
    const units = w.width();
    const weights = w.weights([x.units, units], x.units, [0, 1]);
    const start = w.builder.op('Gemm', [x.value, w.weights([x.units, units], x.units, [0, 1])]);
    const op = w.pick(['Tanh', 'Relu', 'Sigmoid']);
    loop(w, { value: start, layout: 'rows' }, (builder, state) =>
      builder.op(op, [builder.op('Add', [state, builder.op('Gemm', [x.value, weights])])]),
    );
  },

  'scan over time': (w) => {
    const x = w.findOpen(['sequence']);
    if (x === undefined) return;
    const hidden = w.width();
    const rows = w.find(['rows'], ({ units }) => units === hidden);
    const first = w.builder.gather(x.value, w.builder.constant(Tensor.int64([], [0])), 1);
    const start = rows?.value ?? w.builder.op('Gemm', [first, w.weights([x.units, hidden], x.units, [1])]);
    const body = new Graph('body', w.graph);
    const builder = new TypedBuilder(body);
    const state = body.addInput('state', { type: 'float32', shape: [w.batch, hidden] });
    const step = body.addInput('step', { type: 'float32', shape: [w.batch, x.units] });
    const input = w.weights([x.units, hidden], x.units, [0, 1]);
    const recurrent = w.weights([hidden, hidden], hidden, [0, 1]);
    const sum = builder.op('Add', [builder.op('Gemm', [step, input]), builder.op('Gemm', [state, recurrent])]);
    const next = builder.op(w.pick(['Tanh', 'Relu', 'Sigmoid']), [sum]);
    body.setOutputs([next, builder.op('Identity', [next])]);
    const attributes = {
      body: subgraph(body),
      num_scan_inputs: int(1),
      scan_input_axes: ints([1]),
      scan_output_axes: ints([1]),
    };
    const [last, all] = w.builder.multi('Scan', [start, x.value], 2, attributes);
    if (last === undefined || all === undefined) return;
    if (w.chance(0.5)) w.emit(last, 'rows');
    else w.emit(all, 'sequence');
  },

  'scan that goes by': (w) => {
    const x = w.findOpen(['sequence']);
    if (x === undefined) return;
    const body = new Graph('body', w.graph);
    const builder = new TypedBuilder(body);
    const step = body.addInput('step', { type: 'float32', shape: [w.batch, x.units] });
    body.setOutputs([
      builder.op('Mul', [builder.op(w.pick(['Relu', 'Sigmoid', 'Tanh']), [step]), w.floats([x.units])]),
    ]);
    const attributes = {
      body: subgraph(body),
      num_scan_inputs: int(1),
      scan_input_axes: ints([1]),
      scan_output_axes: ints([1]),
    };
    w.emit(w.builder.op('Scan', [x.value], attributes), 'sequence');
  },
};

/** A few runs of a body that takes one state and gives the next, and perhaps a stack of what the states were. */
function loop(
  w: Writer,
  x: Pick<Item, 'value' | 'layout'>,
  next: (builder: TypedBuilder, state: Value) => Value,
): void {
  const body = new Graph('body', w.graph);
  const builder = new TypedBuilder(body);
  body.addInput('i', { type: 'int64', shape: [] });
  const on = body.addInput('on', { type: 'bool', shape: [] });
  const state = body.addInput('state', { type: 'float32', shape: x.value.shape ?? [] });
  const result = next(builder, state);
  const stack = w.chance(0.3) ? [builder.op('LeakyRelu', [state], { alpha: float(0.2) })] : [];
  body.setOutputs([builder.op('Identity', [on]), result, ...stack]);
  const trips = w.builder.constant(Tensor.int64([], [w.count(1, 3)]));
  const go = w.chance(0.5) ? w.builder.constant(new Tensor('bool', [], Uint8Array.of(1))) : undefined;
  const outputs = w.builder.multi('Loop', [trips, go, x.value], 1 + stack.length, { body: subgraph(body) });
  w.emit(at(outputs, 0), x.layout);
  // [trips, batch, ...]: the mean over the trips is a value as others are.
  const given = outputs[1];
  if (given === undefined) return;
  w.emit(w.builder.op('ReduceMean', [given, w.builder.int64s([0])], { keepdims: int(0) }), x.layout);
}

/** An If on a condition that is an input, perhaps inside another nested graph. */
function branch(
  w: Writer,
  bodies: readonly ((builder: TypedBuilder) => Value)[],
  builder: TypedBuilder = w.builder,
): Value {
  const condition = w.graph.addInput(`${w.name}_condition`, { type: 'bool', shape: [] });
  const [yes, no] = bodies.map((body, index) => {
    const graph = new Graph(index === 0 ? 'yes' : 'no', builder.graph);
    graph.setOutputs([body(new TypedBuilder(graph))]);
    return graph;
  });
  if (yes === undefined || no === undefined) throw new Error('a branch has two sides');
  return builder.op('If', [condition], { then_branch: subgraph(yes), else_branch: subgraph(no) });
}

/** A function of two values of one shape, inside a nested graph. */
function bodyOf(w: Writer, builder: TypedBuilder, x: Item, captured: Item): Value {
  const kind = w.pick(['activation', 'shift', 'sum', 'product', 'mixed']);
  if (kind === 'activation') return builder.op(w.pick(['Relu', 'Tanh', 'Sigmoid', 'Identity']), [x.value]);
  if (kind === 'shift') {
    const scaled = builder.op('Mul', [x.value, builder.scalar(0.5)]);
    return builder.op('Add', [scaled, w.perUnit(x.layout, w.normals(x.units))]);
  }
  if (kind === 'sum') return builder.op('Add', [builder.op('Tanh', [x.value]), captured.value]);
  if (kind === 'product') return builder.op('Mul', [x.value, builder.op('Sigmoid', [captured.value])]);
  const weights = w.weights(x.layout === 'image' ? [x.units, x.units, 1, 1] : [x.units, x.units], x.units, [0, 1]);
  return builder.op('Tanh', [builder.op(x.layout === 'image' ? 'Conv' : 'MatMul', [x.value, weights])]);
}
