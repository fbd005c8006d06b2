import type { Node, Value } from '../../ir/graph.js';
import { flopsOf, operatorOf, relationsOf } from '../../ops/index.js';
import { elementsPerSample } from '../../ops/operator.js';
import { portsOf, portValue, weightedSum } from '../../ops/relations.js';
import type { TargetCosts } from '../target.js';
import type { Region, RegionGate } from './regions/region.js';

/** How many units of each gate are computed. */
export type Widths = ReadonlyMap<RegionGate, number>;

/** What a region costs by the number of units that it is computed for: microseconds of a run. */
export class RegionTimes {
  readonly costs: TargetCosts;
  readonly #nodes: readonly NodeCost[];
  readonly #batch: number;

  constructor(region: Region, costs: TargetCosts, batch: number) {
    this.costs = costs;
    this.#batch = batch;
    this.#nodes = region.nodes.map((node) => nodeCost(node, region));
  }

  /** With weights that are there when the model is loaded. */
  constant(widths: Widths): number {
    return this.#sum(widths, 1);
  }

  /** With weights that are gathered at run time, and what gathering them costs. */
  runtime(widths: Widths): number {
    const { gatheredByte, gatheredRun, operator } = this.costs;
    let time = this.#sum(widths, this.costs.runtimeWeights);
    for (const node of this.#nodes) {
      const part = partOf(node.gates, widths);
      for (const { bytes, runs } of node.weights) {
        time += operator + part * (bytes * (gatheredByte + beyondCache(bytes * part, this.costs)) + runs * gatheredRun);
      }
    }
    return time;
  }

  /** What a gate's mask costs of that, for so many units. */
  readonly maskCost = (own: RegionGate, units: number): number => {
    const { operator, element } = this.costs;
    const elements = elementsPerSample(own.gate.node.output.shape);
    // The mask's own units are picked as well.
    return 2 * operator + (this.#batch * elements * element * units) / own.gate.units;
  };

  #sum(widths: Widths, weightFactor: number): number {
    const { flop, weightByte, operator, element } = this.costs;
    let time = 0;
    let bytesRead = 0;
    for (const { gates, flops, elements, weights, isSum } of this.#nodes) {
      const part = partOf(gates, widths);
      const bytes = weights.reduce((sum, weight) => sum + weight.bytes, 0) * part;
      bytesRead += bytes;
      time += operator + bytes * weightByte;
      time += this.#batch * part * (isSum ? flops * flop * weightFactor : elements * element);
    }
    return time + bytesRead * beyondCache(bytesRead, this.costs);
  }
}

interface NodeCost {
  /** Gates whose units the node works on: it costs the product of the parts of them that are computed. */
  readonly gates: readonly RegionGate[];
  readonly flops: number;
  /** Of the output, for one sample. */
  readonly elements: number;
  readonly isSum: boolean;
  /** Constants that are cut: bytes, and contiguous runs to copy where all units fire. Rows are laid out for that. */
  readonly weights: readonly { readonly bytes: number; readonly runs: number }[];
}

function nodeCost(node: Node, region: Region): NodeCost {
  const places = region.gates.map((gate) => ({ gate, axes: gate.axes.filter(({ value }) => touches(node, value)) }));
  const gates = places.flatMap(({ gate, axes }) => (axes.length > 0 ? [gate] : []));
  const weights = node.inputs.flatMap((value, index) => {
    if (value?.constant === undefined || node.inputs.indexOf(value) !== index) return [];
    const axes = region.gates.flatMap((gate) =>
      gate.axes.filter((place) => place.value === value).map(({ axis }) => axis),
    );
    if (axes.length === 0) return [];
    const { dims, bytes } = value.constant;
    const isRows = axes.length === 1 && operatorOf(node)?.rowsFirst !== undefined;
    const outer = isRows ? dims.filter((_, axis) => axes.includes(axis)) : dims.slice(0, Math.max(...axes) + 1);
    return [{ bytes, runs: outer.reduce((product, dim) => product * dim, 1) }];
  });
  return {
    gates,
    flops: flopsOf(node),
    elements: elementsPerSample(node.outputs[0]?.shape),
    isSum: weightedSum(relationsOf(node)) !== undefined,
    weights,
  };
}

function touches(node: Node, value: Value): boolean {
  return relationsOf(node)
    .flatMap(portsOf)
    .some((port) => portValue(node, port) === value);
}

function partOf(gates: readonly RegionGate[], widths: Widths): number {
  return gates.reduce((part, gate) => part * ((widths.get(gate) ?? gate.gate.units) / gate.gate.units), 1);
}

/** What a byte costs in addition for the part of `bytes` that does not stay in the processor's cache from run to run. */
function beyondCache(bytes: number, { cacheBytes, uncachedByte }: TargetCosts): number {
  return bytes > cacheBytes ? uncachedByte * (1 - cacheBytes / bytes) : 0;
}
