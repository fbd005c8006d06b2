import type { Node, NodeSpec } from '../../ir/graph.js';
import { operatorOf } from '../../ops/index.js';
import { TypedBuilder as AnyTypedBuilder } from '../../ops/typed-builder.js';
import { unsupported } from './problems.js';

/**
 * A builder whose values have their type as soon as they exist: what a layer does depends on the shapes it is given.
 * Throws `invalid` with the layer's name where an operator cannot take its inputs.
 */
export class TypedBuilder extends AnyTypedBuilder {
  protected override add(spec: NodeSpec): Node {
    const node = super.add(spec);
    if (operatorOf(node) === undefined) {
      // Nothing would be known of its outputs, and so of no layer behind it.
      const name = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
      throw unsupported(
        node.label,
        `there is no operator '${name}' here`,
        'operators are named as in ONNX: Mul, MatMul',
      );
    }
    return node;
  }
}
