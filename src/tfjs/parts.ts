import { tf } from './tf.js';

/** An initializer. Regularizers are named and configured alike. */
export type Initializer = ReturnType<typeof tf.initializers.zeros>;
/** A regularizer. */
export type Regularizer = ReturnType<typeof tf.regularizers.l1>;

/** What a saved config holds in its place. */
export interface SerializedPart {
  readonly className: string;
  readonly config: tf.serialization.ConfigDict;
}

/**
 * What a layer argument may give: an object, a saved config, or an identifier, such as `'zeros'` or `'l1l2'`, which stands
 * for one with its defaults.
 */
export type PartSpec<T> = T | SerializedPart | string | null | undefined;

/** The identifiers of tfjs are the names of its classes in lower camel case, but for this one. */
const irregular: ReadonlyMap<string, string> = new Map([['l1l2', 'L1L2']]);

/**
 * The initializer or regularizer that a layer argument gives, from the registry that tfjs's own layers use. (The
 * functions by which tfjs does this are not in its public interface.)
 *
 * @throws Error where the spec names nothing that is registered, or a layer, or is no spec at all
 */
export function readPart<T extends tf.serialization.Serializable>(spec: PartSpec<T>, fallback: T): T;
export function readPart<T extends tf.serialization.Serializable>(spec: PartSpec<T>): T | undefined;
export function readPart<T extends tf.serialization.Serializable>(spec: PartSpec<T>, fallback?: T): T | undefined {
  if (spec === undefined || spec === null) return fallback;
  if (typeof spec === 'string') return fromRegistry<T>(spec, {});
  if (typeof spec === 'object' && isSerialized(spec)) return fromRegistry<T>(spec.className, spec.config);
  if (typeof spec === 'object' && 'getClassName' in spec) return spec;
  throw new Error(
    `${JSON.stringify(spec)} is no initializer or regularizer: give an object, an identifier or a config`,
  );
}

export function writePart(part: tf.serialization.Serializable | undefined): tf.serialization.ConfigDict | null {
  return part ? { className: part.getClassName(), config: part.getConfig() } : null;
}

function fromRegistry<T extends tf.serialization.Serializable>(name: string, config: tf.serialization.ConfigDict): T {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  const capitalized = irregular.get(name) ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const className = [name, capitalized].find((known) => Object.hasOwn(classNameMap, known));
  const entry = className === undefined ? undefined : classNameMap[className];
  if (!entry) throw new Error(`unknown initializer or regularizer '${name}'`);
  if (entry[0].prototype instanceof tf.layers.Layer) {
    throw new Error(`'${name}' is a layer, no initializer or regularizer`);
  }
  // The registry knows classes by name alone; that a name is of a class of the right kind is the caller's promise.
  return entry[1](entry[0], config) as T;
}

function isSerialized(value: object): value is SerializedPart {
  return 'className' in value && 'config' in value;
}
