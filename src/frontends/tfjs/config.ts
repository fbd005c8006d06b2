import { at } from '../../support/assert.js';
import { type ActivationName, activationNames } from './activations.js';
import { camelCase, enumKey, field, isList, isObject, type JsonObject, show, snakeCase } from './json.js';
import type { InnerLayer } from './layer.js';
import type { Problems } from './problems.js';

/** Fields of any layer that change nothing at inference, or that are read elsewhere. */
const neutralFields: ReadonlySet<string> = new Set([
  'name',
  'trainable',
  'dtype',
  'batch_input_shape',
  'batch_size',
  'input_shape',
  'input_dtype',
  'updatable',
  'weights',
  'autocast',
  'sparse',
  'ragged',
  'seed',
]);
const neutralEndings = ['_initializer', '_regularizer', '_constraint'];

/** Reads a layer inside a config: problems are recorded, and a layer to go on with is returned in any case. */
export type InnerLayerReader = (entry: unknown, owner: string, field: string) => InnerLayer;

/**
 * Reads the config of one layer. Getters take the snake_case name of a field, accept both spellings, and record a
 * problem with the layer's name where a value is not possible; they then return some value of the right type, so that
 * reading goes on and all problems of a model are found. A field that is absent or null takes the default.
 */
export class ConfigReader {
  readonly #config: JsonObject;
  readonly #where: string;
  readonly #problems: Problems;
  readonly #readInner: InnerLayerReader;
  readonly #read = new Set<string>();
  /** Layers that were read: who asks for a field again gets the same ones. */
  readonly #inner = new Map<string, readonly InnerLayer[]>();

  constructor(where: string, config: JsonObject, problems: Problems, readInner: InnerLayerReader) {
    this.#where = where;
    this.#config = config;
    this.#problems = problems;
    this.#readInner = readInner;
  }

  /** The field as it is in the file; undefined where it is absent or null. */
  raw(name: string): unknown {
    this.#read.add(name);
    return field(this.#config, name);
  }

  /** Every field as it is in the file, by its snake_case name. */
  all(): JsonObject {
    const names = Object.keys(this.#config).map(snakeCase);
    return Object.fromEntries(names.map((name) => [name, this.raw(name)]));
  }

  /** True for a field that is there and null, where that means something else than its absence. */
  isNull(name: string): boolean {
    return [name, camelCase(name)].some((key) => Object.hasOwn(this.#config, key) && this.#config[key] === null);
  }

  /** True or false; `fallback` where the field is absent. */
  bool(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    // Old Keras versions write 0 and 1.
    if (value === 0 || value === 1) return value === 1;
    return typeof value === 'boolean' ? value : this.#wrong(name, value, 'true or false', fallback);
  }

  /** A number; required without a default. */
  number(name: string, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    return typeof value === 'number' ? value : this.#wrong(name, value, 'a number', fallback ?? 1);
  }

  /** A whole number of at least `least`; required without a default. */
  int(name: string, least: number, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    return isInt(value, least)
      ? value
      : this.#wrong(name, value, `a whole number of at least ${least}`, fallback ?? least);
  }

  /** `length` whole numbers of at least `least`; one number, or a list of one, stands for all of them. */
  ints(name: string, length: number, least: number, fallback?: number | readonly number[]): readonly number[] {
    const value = this.raw(name) ?? fallback;
    const list = isList(value) ? value : [value];
    const spread = list.length === 1 ? Array.from({ length }, () => list[0]) : list;
    if (spread.length === length && spread.every((item) => isInt(item, least))) return spread;
    return this.#wrong(
      name,
      value,
      `${length} whole number(s) of at least ${least}`,
      Array<number>(length).fill(least),
    );
  }

  /** One whole number or a list of them, negative ones included; undefined where absent. */
  axes(name: string): readonly number[] | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const list = isList(value) ? value : [value];
    return list.every((item) => isInt(item)) ? list : this.#wrong(name, value, 'whole numbers', []);
  }

  /** One of `options`, compared without regard to case and underscores. */
  choice<T extends string>(name: string, options: readonly T[], fallback: T): T {
    const value = this.raw(name) ?? fallback;
    const found = typeof value === 'string' ? options.find((option) => enumKey(option) === enumKey(value)) : undefined;
    if (found !== undefined) return found;
    this.#problems.unsupported(this.#where, `${name} = ${show(value)} is not one of ${options.join(', ')}`);
    return fallback;
  }

  /** The field `data_format`: where channels are; last, where it is absent. */
  dataFormat(): DataFormat {
    return this.choice('data_format', ['channels_last', 'channels_first'], 'channels_last');
  }

  /** An activation by name, or as `{class_name}` of a class without settings. */
  activation(name = 'activation', fallback: ActivationName = 'linear'): ActivationName {
    const value = this.raw(name) ?? fallback;
    const id = isObject(value) && isEmpty(field(value, 'config')) ? field(value, 'class_name') : value;
    const found = typeof id === 'string' ? activationNames.get(enumKey(id)) : undefined;
    if (found !== undefined) return found;
    this.#problems.unsupported(
      this.#where,
      `${name} = ${show(value)} is not a known activation`,
      `known are ${[...new Set(activationNames.values())].join(', ')}`,
    );
    return fallback;
  }

  /** The layer in field `name`; required. */
  layer(name: string): InnerLayer {
    return at(
      this.#once(name, () => [this.#readInner(this.raw(name), this.#where, name)]),
      0,
    );
  }

  /** The layers in the list `name`; required. */
  layers(name: string): readonly InnerLayer[] {
    return this.#once(name, () => {
      const value = this.raw(name);
      const list = isList(value) ? value : this.#wrong(name, value, 'a list of layers', []);
      return list.map((entry, index) => this.#readInner(entry, this.#where, `${name} ${index}`));
    });
  }

  /** Accepts only `value` (or absence) for a field that the layer's rule does not cover otherwise. */
  only(name: string, value: boolean | number | string, advice?: string): void {
    const found = this.raw(name) ?? value;
    const same =
      typeof found === 'string' && typeof value === 'string' ? enumKey(found) === enumKey(value) : found === value;
    if (!same) this.unsupported(`${name} = ${show(found)} is not supported`, advice);
  }

  /** Names fields that matter in training alone. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  /** Records that the config cannot be right. */
  invalid(what: string, advice?: string): void {
    this.#problems.invalid(this.#where, what, advice);
  }

  /** Records that there is no rule for what the config says. */
  unsupported(what: string, advice?: string): void {
    this.#problems.unsupported(this.#where, what, advice);
  }

  /**
   * Records every field that nobody has read: what it means is not known, so it cannot be left out silently. A rule has
   * no use for it.
   */
  static finish(config: ConfigReader): void {
    config.#finish();
  }

  #finish(): void {
    for (const [key, value] of Object.entries(this.#config)) {
      const name = snakeCase(key);
      if (this.#read.has(name) || value === null || value === false) continue;
      if (neutralFields.has(name) || neutralEndings.some((ending) => name.endsWith(ending))) continue;
      this.unsupported(`the field ${key} = ${show(value)} is not known for this layer`);
    }
    const dtype = this.raw('dtype');
    const policy = isObject(dtype) ? field(isObject(dtype.config) ? dtype.config : {}, 'name') : dtype;
    if (policy !== undefined && !['float32', 'int32', 'bool'].includes(String(policy))) {
      this.unsupported(`dtype = ${show(dtype)} is not supported`, 'save the model in float32');
    }
  }

  #once(key: string, read: () => readonly InnerLayer[]): readonly InnerLayer[] {
    const layers = this.#inner.get(key) ?? read();
    this.#inner.set(key, layers);
    return layers;
  }

  #wrong<T>(name: string, value: unknown, wanted: string, stand_in: T): T {
    const found = value === undefined ? 'is missing' : `= ${show(value)} is not possible`;
    this.#problems.invalid(this.#where, `${name} ${found}: ${wanted} is needed`);
    return stand_in;
  }
}

/** Where channels are: the last axis, or the first after the batch. */
export type DataFormat = 'channels_last' | 'channels_first';

function isInt(value: unknown, least = Number.MIN_SAFE_INTEGER): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (isObject(value) && Object.keys(value).length === 0);
}
