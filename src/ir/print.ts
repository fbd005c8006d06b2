import type { Attribute } from './attribute.js';
import type { Graph, Node, Value } from './graph.js';
import { formatFloat32, formatFloat64, isPlainName, quote } from './syntax.js';
import type { Tensor } from './tensor.js';
import { elementTypes, type Shape, type ValueType } from './types.js';

export interface PrintOptions {
  /**
   * Constants with more elements are written `{...}`, which people can read and parsers reject. Default: no limit.
   */
  readonly maxElements?: number;
}

/**
 * The graph in ONNX's textual syntax (github.com/onnx/onnx, docs/Syntax.md), one node a line. What the syntax has no
 * place for, the origin of a node, stands in a comment: `h = Relu (x)  # @dense_1`. {@link parseGraph} reads it back,
 * and printing what it read gives the same text. Two things are not kept: the payload bits of NaNs in float32 and
 * float64 constants, and names of nested graphs that are no plain identifiers (the syntax cannot quote those).
 */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  return `${new Printer(options.maxElements ?? Number.POSITIVE_INFINITY).graph(graph, '', formatName(graph.name))}\n`;
}

class Printer {
  readonly #maxElements: number;

  constructor(maxElements: number) {
    this.#maxElements = maxElements;
  }

  graph(graph: Graph, indent: string, name: string): string {
    const inputs = graph.inputs.map(formatValue).join(', ');
    const outputs = graph.outputs.map(formatValue).join(', ');
    const inner = `${indent}  `;
    const infos = [
      ...[...graph.constants].map((value) => `${inner}${formatValue(value)} = ${this.#data(value.constant)}`),
      ...intermediates(graph).map((value) => `${inner}${formatValue(value)}`),
    ];
    const nodes = graph.nodes.map((node) => `${inner}${this.#node(node, inner)}\n`);
    const infoList = infos.length === 0 ? '' : `\n${indent}<\n${infos.join(',\n')}\n${indent}>`;
    return `${name} (${inputs}) => (${outputs})${infoList}\n${indent}{\n${nodes.join('')}${indent}}`;
  }

  #node(node: Node, indent: string): string {
    const outputs = node.outputs.map((value) => formatName(value.name)).join(', ');
    const given = node.inputs.slice(0, node.inputs.findLastIndex((value) => value !== undefined) + 1);
    const inputs = given.map((value) => (value === undefined ? '""' : formatName(value.name))).join(', ');
    const attributes = Object.entries(node.attributes).map(([name, value]) => this.#attribute(name, value, indent));
    const attributeList = attributes.length === 0 ? '' : `<${attributes.join(', ')}> `;
    const operator = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
    return `${outputs} = ${operator} ${attributeList}(${inputs})${formatOrigin(node.origin)}`;
  }

  #attribute(name: string, attribute: Attribute, indent: string): string {
    return `${name}: ${attribute.kind} = ${this.#attributeValue(attribute, indent)}`;
  }

  #attributeValue(attribute: Attribute, indent: string): string {
    switch (attribute.kind) {
      case 'int':
        return formatInt(attribute.value);
      case 'float':
        return formatFloat32(attribute.value);
      case 'string':
        return quote(attribute.value);
      case 'ints':
        return `[${attribute.value.map(formatInt).join(', ')}]`;
      case 'floats':
        return `[${attribute.value.map(formatFloat32).join(', ')}]`;
      case 'strings':
        return `[${attribute.value.map(quote).join(', ')}]`;
      case 'tensor':
        return `${formatTypeText({ type: attribute.value.type, shape: attribute.value.dims })} ${this.#data(attribute.value)}`;
      case 'graph':
        return this.graph(attribute.value, `${indent}  `, plainName(attribute.value.name));
    }
  }

  #data(tensor: Tensor | undefined): string {
    if (tensor === undefined || tensor.size > this.#maxElements) return '{...}';
    return `{${formatElements(tensor).join(', ')}}`;
  }
}

function intermediates(graph: Graph): Value[] {
  const outputs = new Set(graph.outputs);
  return graph.nodes.flatMap((node) => node.outputs).filter((value) => value.type !== undefined && !outputs.has(value));
}

function formatElements(tensor: Tensor): string[] {
  if (tensor.is('float32')) return Array.from(tensor.data, formatFloat32);
  if (tensor.is('float64')) return Array.from(tensor.data, formatFloat64);
  // float16 is written as its bits, which is how the official parser reads it.
  return Array.from<number | bigint, string>(tensor.data, String);
}

function formatValue(value: Value): string {
  const name = formatName(value.name);
  return value.type === undefined ? name : `${formatTypeText(value.type)} ${name}`;
}

function formatTypeText({ type, shape }: ValueType): string {
  return `${elementTypes[type].text}${shape.length === 0 ? '' : `[${formatShape(shape)}]`}`;
}

function formatShape(shape: Shape): string {
  return shape.map((dim) => (typeof dim === 'number' ? String(dim) : formatName(dim))).join(', ');
}

function formatName(name: string): string {
  return isPlainName(name) ? name : quote(name);
}

function plainName(name: string): string {
  if (isPlainName(name)) return name;
  return `graph_${name.replace(/[^A-Za-z0-9_]/g, '_')}`;
}

function formatInt(value: number): string {
  return BigInt(value).toString();
}

/** A comment ends with its line, so an origin that is not one plain line is written as a JSON string. */
function formatOrigin(origin: string | undefined): string {
  if (origin === undefined) return '';
  const plain = /^[^\s"\p{Cc}](?:[^\p{Cc}]*[^\s\p{Cc}])?$/u.test(origin);
  return `  # @${plain ? origin : JSON.stringify(origin)}`;
}
