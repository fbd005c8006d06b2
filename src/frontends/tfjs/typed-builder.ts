import type { Node, NodeSpec } from '../../ir/graph.js';
import { operatorOf } from '../../ops/index.js';
import { TypedBuilder as AnyTypedBuilder } from '../../ops/typed-builder.js';
import { unsupported } from './problems.js';

/**
 * The typed builder of layers: what a layer does depends on the shapes that it is given, so an operator of which nothing
 * is known is refused, with the layer's name.
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
