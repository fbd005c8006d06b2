import type { Graph, Value } from '../../ir/graph.js';
import { relationsOf } from '../../ops/index.js';
import { groupsAt, sizeOfAxis } from '../../ops/relations.js';
import { hasWeightsForEachSlot, ownsWeights } from '../units/consumptions.js';
import type { Consumption, UnitGroups } from '../units/units.js';
import { placeKey } from './moments.js';

/** Sums of products as removals within a budget see them: who reads which slots, and with which weights. */

/** A sum of products whose data can be measured. */
export interface Reader {
  readonly consumption: Consumption;
  /** Key of the place that it reads: see {@link placeKey}. */
  readonly key: string;
  /** The weights of kept slots may take over what these tell of others, here and in all readers of the place. */
  readonly takesOver: boolean;
}

/** Every sum of products that reads float32 data of `graph` itself, and to which something can be added. */
export function readersOf(graph: Graph, groups: UnitGroups): Reader[] {
  const readers = groups.consumptions.flatMap((consumption) => {
    const { node, data, value, weights, inner } = consumption;
    const isRead = data.side === 'input' && value.constant === undefined && value.elementType === 'float32';
    if (inner || !isRead || node.graph !== graph || value.graph !== graph) return [];
    const key = placeKey({ value: value.name, axis: data.axis });
    const isOwn = ownsWeights(consumption) && hasWeightsForEachSlot(consumption);
    const takesOver = isOwn && weights?.elementType === 'float32' && groupsAt(relationsOf(node), data) === 1;
    return [{ consumption, key, takesOver }];
  });
  // A place has one constant for each slot that goes, whoever reads it.
  const shared = new Set(readers.filter(({ takesOver }) => !takesOver).map(({ key }) => key));
  return readers.map((reader) => ({ ...reader, takesOver: !shared.has(reader.key) }));
}

/** The places that ranking needs the moments of: axes that sums of products run over some unit that may go. */
export function placesToMeasure(graph: Graph, groups: UnitGroups): (readonly [value: Value, axis: number])[] {
  return readersOf(graph, groups).flatMap(({ consumption: { value, data } }) => {
    const units = Array.from({ length: sizeOfAxis(value, data.axis) }, (_, i) => groups.unitOf(value, data.axis, i));
    const isOpen = units.some((unit) => unit !== undefined && !groups.isPinned(unit));
    return isOpen ? [[value, data.axis] as const] : [];
  });
}
