import { expect, it } from 'vitest';
import { writeGated } from '../../bench/networks/gated.js';
import { dynamicForms } from '../../src/compiler/forms/compile-forms.js';
import { compileForm, reduced, settled } from '../../src/compiler/forms/forms.js';
import { passContext } from '../../src/compiler/model/context.js';
import { sizeOfGraph } from '../../src/compiler/model/size-of-graph.js';
import { openWithOriginal } from '../../src/compiler/model/source.js';
import { collectProfile } from '../../src/compiler/samples/collect-profile.js';
import { openSamples } from '../../src/compiler/samples/samples.js';
import { subgraph } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph } from '../../src/ir/graph.js';
import { printGraph } from '../../src/ir/print.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes } from '../../src/ops/index.js';
import { openRuntime } from '../../src/runtime/session.js';
import { temporaryFolder } from './support.js';

it('the work of a graph is that of its longest branches', () => {
  const graph = new Graph('branches');
  const x = graph.addInput('x', { type: 'float32', shape: [1, 8] });
  const condition = graph.addInput('condition', { type: 'bool', shape: [] });
  const product = (width: number, scope: Graph) => {
    const weights = graph.addConstant('w', Tensor.floats([8, width], new Float32Array(8 * width)));
    return new Builder(scope).op('MatMul', [x, weights]);
  };
  const [wide, narrow] = [32, 4].map((width) => {
    const branch = new Graph(`branch_${width}`, graph);
    branch.setOutputs([product(width, branch)]);
    return subgraph(branch);
  });
  const before = product(16, graph);
  if (wide === undefined || narrow === undefined) throw new Error('two branches');
  const chosen = new Builder(graph).op('If', [condition], { then_branch: narrow, else_branch: wide });
  graph.setOutputs([before, chosen]);
  inferTypes(graph);
  expect(sizeOfGraph(graph)).toMatchObject({ nodes: 4, flops: 2 * 8 * (16 + 32) });
});

it('the work of units that are asked for at run time is that of all of them', () => {
  const graph = new Graph('gathered');
  const x = graph.addInput('x', { type: 'float32', shape: ['N', 8] });
  const on = graph.addInput('on', { type: 'float32', shape: [32] });
  const builder = new Builder(graph);
  const index = builder.reshape(builder.op('NonZero', [on]), [-1]);
  const weights = graph.addConstant('w', Tensor.floats([8, 32], new Float32Array(8 * 32)));
  graph.setOutputs([builder.op('MatMul', [x, builder.gather(weights, index, 1)])]);
  inferTypes(graph);
  const before = printGraph(graph);
  const { flops, parameters } = sizeOfGraph(graph);
  expect(flops).toBeGreaterThanOrEqual(2 * 8 * 32);
  expect(flops).toBeLessThan(2 * 8 * 32 + 100);
  expect(parameters).toBe(8 * 32);
  expect(printGraph(graph)).toBe(before);
});

it('parameters are counted where they are stored as integers, tables and grids of activations are not', () => {
  const graph = new Graph('integers');
  const x = graph.addInput('x', { type: 'float32', shape: ['N', 8] });
  const builder = new Builder(graph);
  const scale = builder.scalar(0.5);
  const integers = graph.addConstant('w', new Tensor('int8', [8, 32], new Int8Array(8 * 32)));
  const cut = builder.gather(integers, builder.int64s([0, 1, 2]), 1);
  const table = graph.addConstant('t', new Tensor('uint8', [256], new Uint8Array(256)));
  const entries = builder.op('GatherElements', [table, builder.int64s([1, 2, 3])]);
  const weights = builder.op('DequantizeLinear', [cut, scale]);
  const bias = builder.op('DequantizeLinear', [entries, scale]);
  graph.setOutputs([builder.op('Add', [builder.op('MatMul', [x, weights]), bias])]);
  inferTypes(graph);
  expect(sizeOfGraph(graph).parameters).toBe(8 * 32 + 1);
});

it('the number of samples that are asked for stays open', () => {
  const graph = new Graph('rows');
  const x = graph.addInput('x', { type: 'float32', shape: ['N', 8] });
  const on = graph.addInput('on', { type: 'bool', shape: ['N'] });
  const builder = new Builder(graph);
  const rows = builder.reshape(builder.op('NonZero', [on]), [-1]);
  const weights = graph.addConstant('w', Tensor.floats([8, 32], new Float32Array(8 * 32)));
  graph.setOutputs([builder.op('MatMul', [builder.gather(x, rows, 0), weights])]);
  inferTypes(graph);
  expect(sizeOfGraph(graph).flops).toBeLessThan(2 * 8 * 32 + 10);
});

it('parameters in nested graphs count', () => {
  const graph = new Graph('nested');
  const x = graph.addInput('x', { type: 'float32', shape: [1, 8] });
  const condition = graph.addInput('condition', { type: 'bool', shape: [] });
  const [one, other] = ['one', 'other'].map((name) => {
    const branch = new Graph(name, graph);
    const weights = branch.addConstant('w', Tensor.floats([8, 4], new Float32Array(32)));
    branch.setOutputs([new Builder(branch).op('MatMul', [x, weights])]);
    return subgraph(branch);
  });
  if (one === undefined || other === undefined) throw new Error('two branches');
  graph.setOutputs([new Builder(graph).op('If', [condition], { then_branch: one, else_branch: other })]);
  inferTypes(graph);
  expect(sizeOfGraph(graph)).toMatchObject({ parameters: 64, flops: 64 });
});

it('no plan to skip work has much more to do at most than masks, nor less', async () => {
  const runtime = await openRuntime();
  const firing = { kind: 'modes', modes: 3, density: 0.25 } as const;
  const model = await writeGated(
    { kind: 'conv', inputs: 8, width: 64, outputs: 8, size: 6, firing },
    await temporaryFolder(),
    64,
  );
  const bare = passContext(runtime, { dead: 'proved' });
  const source = await openWithOriginal(model.path, bare, {});
  const data = await openSamples(model.calibration, source);
  const context = { ...bare, batch: 3, profile: await collectProfile(source, data, runtime, {}) };
  const start = await settled(await reduced(source.prepared, context), context);
  const masks = sizeOfGraph((await compileForm('dense', start, context)).graph);
  const forms = await dynamicForms(start, context);
  const { regions = [] } = await forms.regions();
  const plans = regions.flatMap(({ region, considered }) =>
    considered.slice(1).map(({ plan }) => new Map([[region, plan]])),
  );
  const names = plans.flatMap((plan) => [...plan.values()].map((name) => name.replace(/-\d.*/, '')));
  expect(new Set(names)).toEqual(
    new Set(['gather', 'dispatch', 'core-tail', 'per-sample-dispatch', 'per-sample-gather', 'grouping']),
  );
  for (const plan of plans) {
    const { flops, parameters } = sizeOfGraph((await forms.compile(plan, false)).graph);
    const name = [...plan.values()].join();
    expect(flops / masks.flops, name).toBeGreaterThan(0.999);
    expect(flops / masks.flops, name).toBeLessThan(1.02);
    expect(parameters / masks.parameters, name).toBeGreaterThan(0.999);
    expect(parameters / masks.parameters, name).toBeLessThan(1.1);
  }
});
