import { allLive, type Features, type NetworkForm } from './features.js';
import { type Network, NetworkWriter } from './writer.js';

interface DenseNetSizes {
  readonly image: number;
  /** Channels that each layer adds. */
  readonly growth: number;
  /** Layers of each block. */
  readonly depths: readonly number[];
  readonly classes: number;
}

/**
 * Layers that read all layers before them (arXiv 1608.06993): BatchNormalization, 1x1 and 3x3 convolutions, Concat.
 * Units are planted in both convolutions. What the second adds is read through the BatchNormalization of every layer
 * behind it, so off units are another constant in each.
 */
export function buildDenseNet(form: NetworkForm, { image, growth, depths, classes }: DenseNetSizes, seed: number) {
  const writer = new NetworkWriter('densenet', form, seed);
  const stem = writer.plant(2 * growth);
  let x = writer.convNorm(writer.image(image), stem, { kernel: 7, stride: 2 });
  x = writer.window('MaxPool', writer.reluGate(x, stem, 'stem'), 3, 2, 1);
  for (const [block, depth] of depths.entries()) {
    for (let layer = 0; layer < depth; layer++) x = denseLayer(writer, x, growth, `block${block}_layer${layer}`);
    if (block < depths.length - 1) x = transition(writer, x, `transition${block}`);
  }
  const network: Network = writer.network(
    writer.dense(writer.pooled(writer.relu(writer.batchNorm(x))), allLive(classes)),
  );
  return network;
}

function denseLayer(writer: NetworkWriter, x: Features, growth: number, name: string): Features {
  const [narrow, added] = [writer.plant(4 * growth), writer.plant(growth)];
  const read = writer.relu(writer.batchNorm(x));
  const reduced = writer.reluGate(writer.convNorm(read, narrow), narrow, `${name}_reduce`);
  return writer.concat([x, writer.gate(writer.conv(reduced, added, { kernel: 3 }), added, `${name}_add`)]);
}

/** Half the channels, height and width. */
function transition(writer: NetworkWriter, x: Features, name: string): Features {
  const units = writer.plant(Math.floor(x.size / 2));
  const halved = writer.conv(writer.relu(writer.batchNorm(x)), units);
  return writer.window('AveragePool', writer.gate(halved, units, name), 2, 2);
}
