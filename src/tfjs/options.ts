import type { tf } from './tf.js';

/** What tfjs takes for any layer. */
export type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/** `customObjects` is what tfjs adds to the config of every layer that it loads. */
const ofAnyLayer: ReadonlySet<string> = new Set([
  ...Object.keys({
    name: true,
    trainable: true,
    inputShape: true,
    batchInputShape: true,
    batchSize: true,
    dtype: true,
    inputDType: true,
    weights: true,
  } satisfies Readonly<Record<keyof LayerArgs, true>>),
  'customObjects',
]);

/**
 * Refuses options that there are not: one that is misspelt would otherwise do nothing, unseen.
 *
 * @param own the names of the options that the layer has besides those of any layer
 */
export function checkKnown(layer: tf.layers.Layer, args: object, own: readonly string[]): void {
  const unknown = Object.keys(args).filter((key) => !ofAnyLayer.has(key) && !own.includes(key));
  if (unknown.length === 0) return;
  const named = unknown.map((key) => `'${key}'`).join(', ');
  throw new Error(`${layer.getClassName()} '${layer.name}': no option is called ${named}; it has ${own.join(', ')}`);
}
