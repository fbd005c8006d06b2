import { Builder } from '../../../ir/builder.js';
import { at } from '../../../support/assert.js';
import { firingNumbers, maskOf } from '../firing/firing.js';
import { fixedWidthOf } from '../regions/fixed-width.js';
import type { Region } from '../regions/region.js';
import { activeUnits, expectedGatherTime, withRowsFirst } from '../rewriting/gathered.js';
import { copyRegion, replaceRegion } from '../rewriting/region-copy.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';

/**
 * The numbers of the units that fire are found at run time; the weights that make and read them are gathered by these, so
 * that the operators between run on the active units alone. Exact for any gates and any batch: the units that fire for
 * *some* sample are computed, and each sample's own mask still multiplies them. The first unit is always among them, since
 * a convolution with run-time weights and no input channel never returns in ONNX Runtime.
 */
export const gather: Strategy = {
  name: 'gather',
  needs: ['NonZero'],
  plans(region, context) {
    const [own] = region.gates;
    if (region.gates.length > 1 || own === undefined) return 'each gate of several in a row is gathered by itself';
    const fixed = fixedWidthOf(region);
    if (fixed !== undefined) return fixed;
    return [
      {
        name: 'gather',
        what: 'the weights of the units that fire are gathered at run time',
        predicted: expectedGatherTime(own, context),
        isNested: false,
        apply: () => apply(region, context),
      } satisfies Plan,
    ];
  },
};

async function apply(found: Region, context: PlanningContext): Promise<void> {
  const region = await withRowsFirst(found, context);
  const { graph } = region;
  const own = at(region.gates, 0);
  const { node, score } = own.gate;
  const builder = new Builder(graph, { origin: node.origin });
  const mask = maskOf(own.gate, score, builder);
  const index = activeUnits(own.gate, firingNumbers(node, score, builder), builder);
  replaceRegion(region, copyRegion(region, graph, new Map([[own, { kind: 'runtime', index, mask }]])));
}
