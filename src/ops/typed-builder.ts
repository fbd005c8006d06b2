import { Builder } from '../ir/builder.js';
import type { Node, NodeSpec } from '../ir/graph.js';
import { inferOutputs } from './index.js';

/**
 * A builder whose values have their type as soon as they exist, for whoever decides by shapes while writing nodes.
 * Throws `invalid` with the layer's name where an operator cannot take its inputs.
 */
export class TypedBuilder extends Builder {
  protected override add(spec: NodeSpec): Node {
    const node = super.add(spec);
    inferOutputs(node);
    return node;
  }
}
