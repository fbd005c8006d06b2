import { allLive, type Features, type NetworkForm } from './features.js';
import { type Network, NetworkWriter } from './writer.js';

interface UNetSizes {
  readonly image: number;
  /** Channels of the first level; each level has twice as many as the one above. */
  readonly width: number;
  readonly levels: number;
  readonly classes: number;
}

/**
 * Two convolutions a level, down by pooling, up by transposed convolutions and by Resize in turns, with what was on the
 * way down concatenated on the way up (arXiv 1505.04597). Units are planted in every convolution but the last, those that
 * are read twice included.
 */
export function buildUNet(form: NetworkForm, { image, width, levels, classes }: UNetSizes, seed: number): Network {
  const writer = new NetworkWriter('unet', form, seed);
  let x = writer.image(image);
  const skips: Features[] = [];
  for (let level = 0; level < levels; level++) {
    x = gatedConv(writer, x, width * 2 ** level, `down${level}_first`);
    x = gatedConv(writer, x, width * 2 ** level, `down${level}_second`);
    if (level === levels - 1) continue;
    skips.push(x);
    x = writer.window('MaxPool', x, 2, 2);
  }
  for (const [index, skip] of skips.toReversed().entries()) {
    x = writer.concat([skip, index % 2 === 0 ? transposed(writer, x, `up${index}`) : writer.enlarge(x)]);
    x = gatedConv(writer, x, skip.size, `up${index}_first`);
    x = gatedConv(writer, x, skip.size, `up${index}_second`);
  }
  return writer.network(writer.conv(x, allLive(classes)));
}

function gatedConv(writer: NetworkWriter, x: Features, channels: number, name: string): Features {
  const units = writer.plant(channels);
  return writer.reluGate(writer.convNorm(x, units, { kernel: 3 }), units, name);
}

function transposed(writer: NetworkWriter, x: Features, name: string): Features {
  const units = writer.plant(x.size / 2);
  return writer.gate(writer.convTranspose(x, units), units, name);
}
