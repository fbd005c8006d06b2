import { Builder } from '../../ir/builder.js';
import type { Node, NodeSpec } from '../../ir/graph.js';
import { operatorOf } from '../../ops/index.js';
import { ShapeError } from '../../ops/operator.js';
import { invalid } from '../../support/errors.js';

/**
 * A builder whose values have their type as soon as they exist: what a layer does depends on the shapes it is given.
 * Throws `invalid` with the layer's name where an operator cannot take its inputs.
 */
export class TypedBuilder extends Builder {
  protected override add(spec: NodeSpec): Node {
    const node = super.add(spec);
    try {
      for (const [index, type] of (operatorOf(node)?.infer(node) ?? []).entries()) {
        const value = node.outputs[index];
        if (value !== undefined) this.graph.setType(value, type);
      }
    } catch (error) {
      if (error instanceof ShapeError) throw invalid(node.label, error.message);
      throw error;
    }
    return node;
  }
}
