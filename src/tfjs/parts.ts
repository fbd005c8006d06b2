import { tf } from './tf.js';

/** An initializer or a regularizer, which tfjs names and configures alike. */
export type Initializer = ReturnType<typeof tf.initializers.zeros>;
export type Regularizer = ReturnType<typeof tf.regularizers.l1>;

/** What a saved config holds in its place. */
export interface SerializedPart {
  readonly className: string;
  readonly config: tf.serialization.ConfigDict;
}

/**
 * The initializer or regularizer that a layer argument gives, as an object or as a saved config, from the registry that
 * tfjs's own layers use. (The functions by which tfjs does this are not in its public interface.)
 */
export function readPart<T extends tf.serialization.Serializable>(
  spec: T | SerializedPart | null | undefined,
  fallback: T,
): T;
export function readPart<T extends tf.serialization.Serializable>(
  spec: T | SerializedPart | null | undefined,
): T | undefined;
export function readPart<T extends tf.serialization.Serializable>(
  spec: T | SerializedPart | null | undefined,
  fallback?: T,
): T | undefined {
  if (spec === undefined || spec === null) return fallback;
  if (!isSerialized(spec)) return spec;
  const entry = tf.serialization.SerializationMap.getMap().classNameMap[spec.className];
  if (!entry) throw new Error(`unknown initializer or regularizer '${spec.className}'`);
  // The registry knows classes by name alone; that a config names a class of the right kind is the file's promise.
  return entry[1](entry[0], spec.config) as T;
}

export function writePart(part: tf.serialization.Serializable | undefined): tf.serialization.ConfigDict | null {
  return part ? { className: part.getClassName(), config: part.getConfig() } : null;
}

function isSerialized(value: object): value is SerializedPart {
  return 'className' in value && 'config' in value;
}
