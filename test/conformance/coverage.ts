import type { InputCase, Json, LayerCase, ModelCase } from './case.js';

/** Which values of which config fields cases had, and which inputs. */
export class Coverage {
  readonly #fields = new Map<string, Field>();
  readonly #ranks = new Set<number>();
  readonly #types = new Set<string>();
  #open = false;

  readonly #calls: number[] = [];
  readonly #depths: number[] = [];
  readonly #outputs: number[] = [1];
  #shared = false;
  readonly #classes = new Set<string>();
  #graphs = false;

  /** Takes a case into account. */
  add(model: ModelCase): void {
    const { layers, inputs, calls } = model;
    const [layer] = layers;
    if (layer !== undefined) this.#addLayer(layer);
    for (const input of inputs) this.#addInput(input);
    this.#graphs ||= model.name !== 'single';
    this.#addClasses(model, 1);
    this.#calls.push(calls.length);
  }

  #addClasses({ layers, calls, outputs }: ModelCase, depth: number): void {
    this.#depths.push(depth);
    if (outputs !== 'last') this.#outputs.push(outputs.length);
    this.#shared ||= calls.length > layers.length;
    for (const { className, model } of layers) {
      this.#classes.add(className);
      if (model !== undefined) this.#addClasses(model, depth + 1);
    }
  }

  /** One line: inputs first, then fields with the values that they took. */
  toString(): string {
    const ranks = spanOf([...this.#ranks]);
    const inputs = [`rank ${ranks}`, [...this.#types].sort().join('/'), ...(this.#open ? ['unknown sizes'] : [])];
    if (this.#graphs) return [...inputs, ...this.#graphFacts()].join('; ');
    const fields = [...this.#fields].sort(([left], [right]) => (left < right ? -1 : 1));
    return [inputs.join(' '), ...fields.map(([name, field]) => `${snakeCase(name)} ${field}`)].join('; ');
  }

  #graphFacts(): string[] {
    return [
      `layers of ${this.#classes.size} classes`,
      `${spanOf(this.#calls)} calls`,
      `models nested ${spanOf(this.#depths)} deep`,
      `${spanOf(this.#outputs)} outputs`,
      ...(this.#shared ? ['shared layers'] : []),
    ];
  }

  #addLayer({ config }: LayerCase): void {
    for (const [name, value] of Object.entries(config)) {
      if (name === 'name' || value === undefined) continue;
      const field = this.#fields.get(name) ?? new Field();
      this.#fields.set(name, field);
      field.add(value);
    }
  }

  #addInput({ shape, dtype }: InputCase): void {
    // With the batch, as Keras counts.
    this.#ranks.add(shape.length + 1);
    this.#types.add(dtype);
    this.#open ||= shape.includes(null);
  }
}

/** The values of one field. */
class Field {
  readonly #numbers: number[] = [];
  readonly #words = new Set<string>();
  #lists = false;

  add(value: Json): void {
    if (typeof value === 'number') this.#numbers.push(value);
    else if (Array.isArray(value)) {
      this.#lists = true;
      for (const item of value) this.add(item);
    } else if (typeof value === 'object' && value !== null) {
      if ('className' in value && typeof value.className === 'string') this.#words.add(value.className);
    } else this.#words.add(typeof value === 'string' ? snakeCase(value) : String(value));
  }

  toString(): string {
    const words = [...this.#words].sort();
    const parts = [
      ...(this.#numbers.length > 0 ? [spanOf(this.#numbers)] : []),
      ...(words.length > 6 ? [`${words.length} values`] : words),
    ];
    return parts.join('/') + (this.#lists ? ' (lists)' : '');
  }
}

function spanOf(numbers: readonly number[]): string {
  const least = numbers.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  const most = numbers.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
  return least === most ? `${least}` : `${least}…${most}`;
}

function snakeCase(text: string): string {
  return text.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}
