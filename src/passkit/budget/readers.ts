import type { Graph, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { sizeOf } from '../../ir/types.js';
import { relationsOf } from '../../ops/index.js';
import { groupsAt, portValue } from '../../ops/relations.js';
import { at, defined } from '../../support/assert.js';
import { type Consumption, sizeOfAxis, type UnitGroups } from '../units/units.js';
import { placeKey } from './moments.js';

/** Sums of products as removals within a budget see them: who reads which slots, and with which weights. */

/** A sum of products whose data can be measured. */
export interface Reader {
  readonly consumption: Consumption;
  readonly value: Value;
  /** Key of the place that it reads: see {@link placeKey}. */
  readonly key: string;
  /** The weights of kept slots may take over what these tell of others, here and in all readers of the place. */
  readonly takesOver: boolean;
}

/** Every sum of products that reads float32 data of `graph` itself, and to which something can be added. */
export function readersOf(graph: Graph, groups: UnitGroups): Reader[] {
  const readers = groups.consumptions.flatMap((consumption) => {
    const { node, data, inner } = consumption;
    const value = defined(portValue(node, data), 'the data of a consumption');
    const isRead = data.side === 'input' && value.constant === undefined && value.elementType === 'float32';
    if (inner || !isRead || node.graph !== graph || value.graph !== graph) return [];
    const key = placeKey({ value: value.name, axis: data.axis });
    const takesOver = ownsWeights(consumption, value) && groupsAt(relationsOf(node), data) === 1;
    return [{ consumption, value, key, takesOver }];
  });
  // A place has one constant for each slot that goes, whoever reads it.
  const shared = new Set(readers.filter(({ takesOver }) => !takesOver).map(({ key }) => key));
  return readers.map((reader) => ({ ...reader, takesOver: !shared.has(reader.key) }));
}

/** True if the weights are this node's alone, one slot of them for each of the data. */
function ownsWeights({ node, data, weight }: Consumption, read: Value): boolean {
  const value = weight === undefined ? undefined : portValue(node, weight);
  if (weight === undefined || value?.constant?.type !== 'float32') return false;
  const isOwn = value.uses.length === 1 && !value.isGraphOutput && value.graph === node.graph;
  return isOwn && sizeOfAxis(value, weight.axis) === sizeOfAxis(read, data.axis);
}

/** The places that ranking needs the moments of: axes that sums of products run over some unit that may go. */
export function placesToMeasure(graph: Graph, groups: UnitGroups): (readonly [value: Value, axis: number])[] {
  return readersOf(graph, groups).flatMap(({ value, consumption: { data } }) => {
    const units = Array.from({ length: sizeOfAxis(value, data.axis) }, (_, i) => groups.unitOf(value, data.axis, i));
    const isOpen = units.some((unit) => unit !== undefined && !groups.isPinned(unit));
    return isOpen ? [[value, data.axis] as const] : [];
  });
}

/** Weights as [slots, other elements]. */
export interface SlotRows {
  readonly rows: Float64Array;
  readonly width: number;
}

/** The weights with their slots along `axis` as rows; the other elements keep their order. */
export function slotRows(tensor: Tensor, axis: number): SlotRows {
  const size = at(tensor.dims, axis);
  const inner = sizeOf(tensor.dims.slice(axis + 1));
  const outer = sizeOf(tensor.dims.slice(0, axis));
  const width = outer * inner;
  const values = tensor.floats();
  const rows = new Float64Array(size * width);
  for (let block = 0; block < outer; block++) {
    for (let slot = 0; slot < size; slot++) {
      rows.set(
        values.subarray((block * size + slot) * inner, (block * size + slot + 1) * inner),
        slot * width + block * inner,
      );
    }
  }
  return { rows, width };
}

/** The inverse of {@link slotRows}: weights of shape `dims`. */
export function tensorOfRows({ rows, width }: SlotRows, dims: readonly number[], axis: number): Tensor {
  const size = at(dims, axis);
  const inner = sizeOf(dims.slice(axis + 1));
  const values = new Float32Array(sizeOf(dims));
  for (let block = 0; block * inner < width; block++) {
    for (let slot = 0; slot < size; slot++) {
      const start = slot * width + block * inner;
      values.set(rows.subarray(start, start + inner), (block * size + slot) * inner);
    }
  }
  return new Tensor('float32', dims, values);
}
