import {
  type AttributeSource,
  assembleGraph,
  type ConstantSource,
  type GraphSource,
  maxNesting,
  type NodeSource,
  type TypeSource,
  type ValueSource,
} from './assemble.js';
import type { Graph } from './graph.js';
import { Lexer, type Literal } from './lexer.js';
import { elementTypeOfText, isTypeWord, wordNumber } from './syntax.js';
import { Tensor } from './tensor.js';
import { type Dim, type ElementType, elementTypes, sizeOf } from './types.js';

/**
 * Reads a graph in ONNX's textual syntax: what {@link printGraph} writes, and what people write for the official
 * parser as long as it has tensors of known rank only, no functions and no sparse or string data.
 * @throws SwancError 'invalid' with line and column of the first mistake.
 */
export function parseGraph(text: string): Graph {
  const parser = new Parser(text);
  const source = parser.graph(0);
  parser.end();
  return assembleGraph(source);
}

type AttributeKind = AttributeSource['kind'];

const attributeKinds: ReadonlySet<string> = new Set<AttributeKind>([
  ...(['int', 'float', 'string', 'ints', 'floats', 'strings', 'tensor', 'graph'] as const),
]);

function isAttributeKind(word: string): word is AttributeKind {
  return attributeKinds.has(word);
}

class Parser {
  readonly #lexer: Lexer;

  constructor(text: string) {
    this.#lexer = new Lexer(text);
  }

  end(): void {
    if (this.#lexer.peek() !== '') throw this.#lexer.error(`the graph ends before ${this.#lexer.describeNext()}`);
  }

  graph(depth: number): GraphSource {
    const lexer = this.#lexer;
    const where = lexer.where();
    if (depth > maxNesting) throw lexer.error(`graphs are nested deeper than ${maxNesting}`);
    const name = lexer.name('the name of a graph');
    const constants: ConstantSource[] = [];
    const inputs = this.#values('(', ')', constants);
    if (constants.length > 0) throw lexer.error('an input with a default value is not supported');
    lexer.expect('=>');
    const outputs = this.#values('(', ')', constants);
    if (constants.length > 0) throw lexer.error('an output cannot have a value');
    const valueInfos = lexer.peek() === '<' ? this.#values('<', '>', constants) : [];
    return { name, inputs, outputs, valueInfos, constants, nodes: this.#nodes(depth), where };
  }

  /** A list of `type name` and, into `constants`, `type name = {data}`. */
  #values(open: string, close: string, constants: ConstantSource[]): ValueSource[] {
    const lexer = this.#lexer;
    const values: ValueSource[] = [];
    lexer.expect(open);
    if (lexer.accept(close)) return values;
    do {
      const where = lexer.where();
      const type = this.#typeAhead() ? this.#type() : undefined;
      const name = lexer.name('the name of a value');
      if (!lexer.accept('=')) values.push({ name, type, where });
      else if (type === undefined) throw lexer.error(`constant '${name}' has no type`);
      else constants.push({ name, tensor: this.#data(type), where });
    } while (lexer.accept(','));
    lexer.expect(close);
    return values;
  }

  #typeAhead(): boolean {
    const word = this.#lexer.peekIdentifier();
    return word !== undefined && isTypeWord(word);
  }

  #type(): TypeSource {
    const lexer = this.#lexer;
    const word = lexer.peekIdentifier() ?? '';
    const type = elementTypeOfText(word);
    if (type === undefined) throw lexer.error(`type '${word}' is not supported`);
    lexer.acceptIdentifier();
    if (!lexer.accept('[')) return { type, shape: [] };
    if (lexer.peek() === ']') throw lexer.error(`'${word}[]' is a tensor of unknown rank, which is not supported`);
    const shape: Dim[] = [];
    do shape.push(this.#dim());
    while (lexer.accept(','));
    lexer.expect(']');
    return { type, shape };
  }

  #dim(): Dim {
    const lexer = this.#lexer;
    if (lexer.accept('?')) return '?';
    const symbol = lexer.acceptName();
    if (symbol !== undefined) return symbol;
    const { place } = lexer;
    const { kind, text } = lexer.literal();
    const size = Number(text);
    if (kind !== 'int' || !Number.isSafeInteger(size) || size < 0) {
      throw lexer.error('a size is a whole number, a name or ?', place);
    }
    return size;
  }

  #data({ type, shape }: TypeSource): Tensor {
    const lexer = this.#lexer;
    const dims = shape.map((dim) => {
      if (typeof dim === 'string') throw lexer.error(`a constant has fixed sizes, '${dim}' is none`);
      return dim;
    });
    if (lexer.peek() === '[') throw lexer.error('external data is not supported in the text form');
    lexer.expect('{');
    if (lexer.peek() === '.') throw lexer.error('the data of this constant was left out when it was printed');
    const elements: (number | bigint)[] = [];
    if (!lexer.accept('}')) {
      do elements.push(this.#element(type));
      while (lexer.accept(','));
      lexer.expect('}');
    }
    const size = sizeOf(dims);
    if (elements.length !== size) throw lexer.error(`${elements.length} elements given for [${dims.join(', ')}]`);
    return tensorOf(type, dims, elements);
  }

  #element(type: ElementType): number | bigint {
    const lexer = this.#lexer;
    const { place } = lexer;
    const literal = lexer.literal();
    const number = type === 'float32' || type === 'float64' ? numberOf(literal) : integerOf(literal, type);
    if (number === undefined) {
      throw lexer.error(`an element of type ${elementTypes[type].text} expected, ${literal.text} found`, place);
    }
    return number;
  }

  #nodes(depth: number): NodeSource[] {
    const lexer = this.#lexer;
    const nodes: NodeSource[] = [];
    lexer.expect('{');
    while (!lexer.accept('}')) nodes.push(this.#node(depth));
    return nodes;
  }

  #node(depth: number): NodeSource {
    const lexer = this.#lexer;
    const where = lexer.where();
    let label: string | undefined;
    if (lexer.accept('[')) {
      label = lexer.acceptName();
      lexer.expect(']');
    }
    const outputs = this.#names('=');
    const path = [lexer.identifier('an operator')];
    while (lexer.accept('.')) path.push(lexer.identifier('an operator'));
    const op = path.pop() ?? '';
    let attributes = this.#attributes(depth);
    lexer.expect('(');
    const inputs = this.#names(')');
    let comment = lexer.trailingComment();
    if (attributes.length === 0 && lexer.peek() === '<') {
      attributes = this.#attributes(depth);
      comment = lexer.trailingComment();
    }
    const origin = this.#origin(comment) ?? (label || undefined);
    return { op, domain: path.join('.'), origin, inputs, outputs, attributes, where };
  }

  /** Names up to `close`; `""` or nothing between commas is a place left empty, nothing before `close` is not. */
  #names(close: string): string[] {
    const lexer = this.#lexer;
    const names: string[] = [];
    while (!lexer.accept(close)) {
      const name = lexer.acceptName();
      const more = lexer.accept(',');
      if (name === undefined && !more)
        throw lexer.error(`a name or '${close}' expected, ${lexer.describeNext()} found`);
      names.push(name ?? '');
      if (!more) {
        lexer.expect(close);
        break;
      }
    }
    return names;
  }

  #origin(comment: string | undefined): string | undefined {
    const text = comment?.trim();
    if (text === undefined || !text.startsWith('@') || text === '@') return undefined;
    if (!text.startsWith('@"')) return text.slice(1);
    try {
      const origin: unknown = JSON.parse(text.slice(1));
      if (typeof origin === 'string') return origin;
    } catch {
      // Reported below with the place, which JSON.parse does not know.
    }
    throw this.#lexer.error(`the origin ${text} is not a JSON string`);
  }

  #attributes(depth: number): (readonly [string, AttributeSource])[] {
    const lexer = this.#lexer;
    const attributes = new Map<string, AttributeSource>();
    if (!lexer.accept('<')) return [];
    do {
      const { place } = lexer;
      const name = lexer.name('an attribute');
      if (attributes.has(name)) throw lexer.error(`attribute '${name}' is given twice`, place);
      attributes.set(name, this.#attribute(depth));
    } while (lexer.accept(','));
    lexer.expect('>');
    return [...attributes];
  }

  #attribute(depth: number): AttributeSource {
    const lexer = this.#lexer;
    const kind = lexer.accept(':') ? this.#attributeKind() : undefined;
    lexer.expect('=');
    const { place } = lexer;
    const value = lexer.peek() === '[' ? this.#list(kind) : this.#single(kind, depth);
    if (value === undefined || (kind !== undefined && value.kind !== kind)) {
      throw lexer.error(`the value is not of type ${kind ?? 'ints, floats or strings'}`, place);
    }
    return value;
  }

  #attributeKind(): AttributeKind {
    const lexer = this.#lexer;
    const { place } = lexer;
    const word = lexer.identifier('the type of an attribute');
    if (isAttributeKind(word)) return word;
    throw lexer.error(`an attribute is ${[...attributeKinds].join(', ')}, not '${word}'`, place);
  }

  #single(kind: AttributeKind | undefined, depth: number): AttributeSource {
    const lexer = this.#lexer;
    if (this.#typeAhead()) {
      const type = this.#type();
      if (lexer.peek() !== '{') lexer.acceptName();
      lexer.accept('=');
      return { kind: 'tensor', value: this.#data(type) };
    }
    if (lexer.peek() === '@') throw lexer.error('references to attributes of a function are not supported');
    const word = lexer.peekIdentifier();
    const quotedGraph = kind === 'graph' && lexer.peek() === '"';
    if (quotedGraph || (word !== undefined && wordNumber(word) === undefined)) {
      return { kind: 'graph', value: this.graph(depth + 1) };
    }
    return this.#scalar(kind === 'float' || kind === 'floats');
  }

  /** A number or string; a whole number where a float is declared is one. */
  #scalar(floatWanted: boolean): ScalarAttribute {
    const lexer = this.#lexer;
    const { place } = lexer;
    const literal = lexer.literal();
    if (literal.kind === 'string') return { kind: 'string', value: literal.text };
    const value = numberOf(literal) ?? Number.NaN;
    if (literal.kind === 'float' || floatWanted) return { kind: 'float', value: Math.fround(value) };
    if (!Number.isSafeInteger(value)) throw lexer.error('an integer attribute beyond 2^53 is not supported', place);
    return { kind: 'int', value: value === 0 ? 0 : value };
  }

  /** A list in brackets; undefined if its items are not all of the kind that is declared or that the first one has. */
  #list(kind: AttributeKind | undefined): AttributeSource | undefined {
    const lexer = this.#lexer;
    lexer.expect('[');
    const items: ScalarAttribute[] = [];
    if (!lexer.accept(']')) {
      do items.push(this.#scalar(kind === 'floats'));
      while (lexer.accept(','));
      lexer.expect(']');
    }
    const itemKind = kind ?? `${items[0]?.kind}s`;
    if (items.some((item) => `${item.kind}s` !== itemKind)) return undefined;
    if (itemKind === 'ints') return { kind: 'ints', value: items.map((item) => Number(item.value)) };
    if (itemKind === 'floats') return { kind: 'floats', value: items.map((item) => Number(item.value)) };
    return itemKind === 'strings' ? { kind: 'strings', value: items.map((item) => String(item.value)) } : undefined;
  }
}

type ScalarAttribute = Extract<AttributeSource, { kind: 'int' | 'float' | 'string' }>;

function numberOf({ kind, text }: Literal): number | undefined {
  if (kind === 'string') return undefined;
  const negative = text.startsWith('-');
  const word = wordNumber(negative ? text.slice(1) : text);
  if (word === undefined) return Number(text);
  return negative ? -word : word;
}

/** An integer that fits `type`; float16 stands as its 16 bits, bool as 0 or 1. */
function integerOf({ kind, text }: Literal, type: ElementType): number | bigint | undefined {
  if (kind !== 'int') return undefined;
  const value = BigInt(text);
  const bits = type === 'bool' ? 1 : elementTypes[type].bytes * 8;
  const fits = type.startsWith('int') ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
  if (!fits) return undefined;
  return bits === 64 ? value : Number(value);
}

function tensorOf(type: ElementType, dims: readonly number[], elements: readonly (number | bigint)[]): Tensor {
  const data = new elementTypes[type].array(elements.length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.set(elements.map(BigInt));
  else data.set(elements.map(Number));
  return new Tensor<ElementType>(type, dims, data);
}
