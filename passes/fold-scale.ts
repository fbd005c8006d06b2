import { Builder } from '../src/ir/builder.js';
import type { Node, Value } from '../src/ir/graph.js';
import { operatorOf, relationsOf } from '../src/ops/index.js';
import type { Affine } from '../src/ops/operator.js';
import { movementsOf, type Port, slotsAt } from '../src/ops/relations.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';
import { scaledAlong } from '../src/passkit/weights.js';

/**
 * Carries a positive constant factor into the weights behind it: W (c · x) = (W c) x. On the way lie operators for which
 * scaling the input scales the output: gates, poolings, products, reductions, reshapes. Sound in real arithmetic whatever
 * lies between, and done only if *every* reader ends in a sum of products with constant weights. Lowered SG-Blends end
 * in such a factor.
 */
export const foldScale = definePass({
  name: 'fold-scale',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const node of graph.nodes) {
      const affine = operatorOf(node)?.affine?.(node, new Builder(graph, { origin: node.origin, before: node }));
      const factor = affine?.scale;
      if (affine === undefined || factor === undefined || affine.shift !== undefined) continue;
      const readers = isPositive(node, affine)
        ? readersOf(node.output, isScalar(node, affine) ? undefined : affine.axis)
        : undefined;
      // A factor that stays is as good as any other product: most are the slopes of an activation.
      if (readers === undefined || readers.length === 0) continue;
      for (const { reader, weight } of readers) scaleWeights(reader, weight, factor);
      graph.replaceUses(node.output, affine.data);
      findings.push(done(node.label, `${node.op} of a constant folded into the weights behind it`));
    }
    graph.removeUnused();
    return { findings };
  },
});

/** The constant of a product. */
function factorOf(node: Node, { data }: Affine): Value | undefined {
  return node.inputs.find((value) => value !== undefined && value !== data);
}

function isPositive(node: Node, affine: Affine): boolean {
  const tensor = factorOf(node, affine)?.constant;
  return tensor?.type === 'float32' && tensor.floats().every((item) => item > 0 && Number.isFinite(item));
}

function isScalar(node: Node, affine: Affine): boolean {
  return factorOf(node, affine)?.constant?.size === 1;
}

/** A sum of products that takes the factor, and the axis of its weights that meets the scaled one. */
interface Reader {
  readonly reader: Node;
  readonly weight: Port;
}

/**
 * Where the factor of a value can go; undefined if some reader cannot take it. `axis` is the one along which the factor
 * varies, undefined for a single number.
 */
function readersOf(value: Value, axis: number | undefined): Reader[] | undefined {
  if (value.isGraphOutput) return undefined;
  const readers: Reader[] = [];
  for (const { node, index } of value.uses) {
    const found = readersThrough(node, index, axis);
    if (found === undefined) return undefined;
    readers.push(...found);
  }
  return readers;
}

function readersThrough(node: Node, index: number, axis: number | undefined): Reader[] | undefined {
  const relations = relationsOf(node);
  for (const relation of relations) {
    if (relation.kind !== 'contract' || relation.data.side !== 'input' || relation.data.index !== index) continue;
    const { data, weight } = relation;
    // What is summed up without weights is scaled as a whole.
    if (weight === undefined && axis !== data.axis) continue;
    const isConstant = weight !== undefined && node.inputs[weight.index]?.constant?.type === 'float32';
    if (!isConstant) return undefined;
    // Each group of a grouped convolution meets the weights anew: one factor would have to hold for all groups.
    const isAlong = axis === data.axis && slotsAt(node, data) === slotsAt(node, weight);
    return axis === undefined || isAlong ? [{ reader: node, weight }] : undefined;
  }
  const operator = operatorOf(node);
  if (!operator?.homogeneous?.(node).includes(index) || node.outputs.length !== 1) return undefined;
  // A value multiplied by itself would be scaled twice.
  if (node.inputs.filter((input) => input === node.inputs[index]).length > 1) return undefined;
  if (axis === undefined) return readersOf(node.output, undefined);
  const tie = movementsOf(
    relations.filter(({ kind }) => kind === 'tie'),
    node,
  ).find(({ from }) => from.index === index && from.axis === axis);
  return tie === undefined ? undefined : readersOf(node.output, tie.to.axis);
}

function scaleWeights(reader: Node, { index, axis }: Port, factor: Value): void {
  const builder = new Builder(reader.graph, { origin: reader.origin, before: reader });
  reader.graph.setInput(reader, index, scaledAlong(builder, reader.input(index), axis, factor));
}
