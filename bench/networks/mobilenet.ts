import { allLive, type Features, type NetworkForm, type Plan } from './features.js';
import { type Network, NetworkWriter } from './writer.js';

interface MobileNetSizes {
  readonly image: number;
  /** Channels of the stem. */
  readonly stem: number;
  /** Factor by which blocks expand their input. */
  readonly expansion: number;
  /** Channels, blocks and stride of the first block, of each stage. */
  readonly stages: readonly (readonly [channels: number, blocks: number, stride: number])[];
  readonly head: number;
  readonly classes: number;
}

/**
 * Inverted residuals as in MobileNetV2 (arXiv 1801.04381): expand, depthwise, project. Planted units are expanded
 * channels; their gate stands, by turns, behind the expansion (off units come as constants out of the depthwise
 * convolution and its BatchNormalization), behind the depthwise convolution, before a squeeze-and-excitation of the gated
 * channels, and behind one that the block's input decides.
 */
export function buildMobileNet(form: NetworkForm, sizes: MobileNetSizes, seed: number): Network {
  const writer = new NetworkWriter('mobilenet', form, seed);
  let x = writer.relu6(writer.convNorm(writer.image(sizes.image), allLive(sizes.stem), { kernel: 3, stride: 2 }));
  let index = 0;
  for (const [channels, blocks, firstStride] of sizes.stages) {
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? firstStride : 1;
      const projected = invertedResidual(writer, x, { channels, stride, expansion: sizes.expansion, index });
      x = stride === 1 && x.size === channels ? writer.add(x, projected) : projected;
      index++;
    }
  }
  const head = writer.plant(sizes.head);
  const last = writer.gate(writer.relu6(writer.convNorm(x, head)), head, 'head');
  return writer.network(writer.dense(writer.pooled(last), allLive(sizes.classes)));
}

interface Block {
  readonly channels: number;
  readonly stride: number;
  readonly expansion: number;
  readonly index: number;
}

function invertedResidual(writer: NetworkWriter, x: Features, { channels, stride, expansion, index }: Block): Features {
  const units = writer.plant(x.size * expansion);
  const place = index % 4;
  const gate = (features: Features): Features => writer.gate(features, units, `block${index}`);
  let inner = writer.relu6(writer.convNorm(x, units));
  if (place === 0) inner = gate(inner);
  inner = writer.relu6(writer.batchNorm(writer.depthwise(inner, { stride })));
  if (place === 1) inner = gate(inner);
  if (place === 2) {
    inner = gate(inner);
    inner = excite(writer, inner, inner, units);
  }
  if (place === 3) inner = gate(excite(writer, inner, x, units));
  return writer.convNorm(inner, allLive(channels));
}

/** `x` times a factor for each channel that the means of `source` tell: squeeze-and-excitation (arXiv 1709.01507). */
function excite(writer: NetworkWriter, x: Features, source: Features, units: Plan): Features {
  const squeezed = writer.relu(writer.dense(writer.pooled(source), allLive(Math.max(2, Math.round(units.size / 16)))));
  const rows = writer.sigmoid(writer.dense(squeezed, units));
  const factors = { ...rows, value: writer.builder.unsqueeze(rows.value, [2, 3]), rank: 4 };
  return writer.multiply(x, factors);
}
