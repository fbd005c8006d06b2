import { allLive, type Features, type NetworkForm, type Plan } from './features.js';
import { type Network, NetworkWriter } from './writer.js';

interface ResNetSizes {
  /** Height and width of images. */
  readonly image: number;
  /** Channels of the first stage's bottlenecks; each stage has twice as many as the one before. */
  readonly width: number;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  readonly classes: number;
}

/**
 * Bottleneck blocks with residual sums, as ResNet-50 has them (arXiv 1512.03385). Planted units: in both inner layers of
 * every block, in the stem, and in the stream of each stage, where all blocks must agree. Behind every other block's
 * 3x3 convolution the gate comes before the activation, SG-Blend, so that off units are constants.
 */
export function buildResNet(form: NetworkForm, sizes: ResNetSizes, seed: number): Network {
  const writer = new NetworkWriter('resnet', form, seed);
  const stem = writer.plant(sizes.width);
  let x = writer.convNorm(writer.image(sizes.image), stem, { kernel: 7, stride: 2 });
  x = writer.window('MaxPool', writer.reluGate(x, stem, 'stem'), 3, 2, 1);
  for (const [stage, depth] of sizes.depths.entries()) {
    const width = sizes.width * 2 ** stage;
    const stream = writer.plant(4 * width);
    for (let block = 0; block < depth; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = bottleneck(writer, x, stream, { name: `stage${stage}_block${block}`, width, stride, isFirst: block === 0 });
    }
  }
  return writer.network(writer.dense(writer.pooled(x), allLive(sizes.classes)));
}

interface Block {
  readonly name: string;
  readonly width: number;
  readonly stride: number;
  readonly isFirst: boolean;
}

function bottleneck(writer: NetworkWriter, x: Features, stream: Plan, { name, width, stride, isFirst }: Block) {
  const [narrow, wide] = [writer.plant(width), writer.plant(width)];
  const reduced = writer.reluGate(writer.convNorm(x, narrow), narrow, `${name}_reduce`);
  const spatial = writer.convNorm(reduced, wide, { kernel: 3, stride });
  const gated = name.endsWith('1')
    ? writer.gateBlend(spatial, wide, `${name}_spatial`)
    : writer.reluGate(spatial, wide, `${name}_spatial`);
  const branch = writer.convNorm(gated, stream);
  const shortcut = isFirst ? writer.convNorm(x, stream, { stride }) : x;
  return writer.reluGate(writer.add(branch, shortcut), stream, `${name}_stream`);
}
