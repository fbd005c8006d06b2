import { buildDenseNet } from './densenet.js';
import type { NetworkForm } from './features.js';
import { buildLstm } from './lstm.js';
import { buildMobileNet } from './mobilenet.js';
import { buildResNet } from './resnet.js';
import { buildTransformer } from './transformer.js';
import { buildUNet } from './unet.js';
import type { Network } from './writer.js';

/** A kind of network, at the size that is measured and at one that tests afford. */
export interface NetworkKind {
  build(form: NetworkForm): Network;
  buildSmall(form: NetworkForm, seed: number): Network;
}

const seed = 11;

/** All networks with planted dead units, by name. */
export const networks: Readonly<Record<string, NetworkKind>> = {
  'resnet-50': {
    build: (form) => buildResNet(form, { image: 64, width: 64, depths: [3, 4, 6, 3], classes: 1000 }, seed),
    buildSmall: (form, seed) => buildResNet(form, { image: 16, width: 6, depths: [2, 2], classes: 3 }, seed),
  },
  'mobilenet-v2': {
    build: (form) =>
      buildMobileNet(
        form,
        {
          image: 96,
          stem: 32,
          expansion: 6,
          stages: [
            [24, 2, 2],
            [32, 3, 2],
            [64, 4, 2],
            [96, 3, 1],
            [160, 3, 2],
            [320, 1, 1],
          ],
          head: 1280,
          classes: 1000,
        },
        seed,
      ),
    buildSmall: (form, seed) =>
      buildMobileNet(
        form,
        {
          image: 16,
          stem: 4,
          expansion: 3,
          stages: [
            [4, 3, 1],
            [5, 2, 2],
          ],
          head: 8,
          classes: 3,
        },
        seed,
      ),
  },
  unet: {
    build: (form) => buildUNet(form, { image: 96, width: 32, levels: 4, classes: 2 }, seed),
    buildSmall: (form, seed) => buildUNet(form, { image: 8, width: 6, levels: 3, classes: 2 }, seed),
  },
  densenet: {
    build: (form) => buildDenseNet(form, { image: 64, growth: 32, depths: [6, 12, 24, 16], classes: 1000 }, seed),
    buildSmall: (form, seed) => buildDenseNet(form, { image: 16, growth: 4, depths: [2, 2], classes: 3 }, seed),
  },
  transformer: {
    build: (form) =>
      buildTransformer(
        form,
        { length: 64, width: 384, heads: 12, headWidth: 32, hidden: 1536, blocks: 4, classes: 100 },
        seed,
      ),
    buildSmall: (form, seed) =>
      buildTransformer(form, { length: 5, width: 6, heads: 4, headWidth: 3, hidden: 10, blocks: 2, classes: 3 }, seed),
  },
  lstm: {
    build: (form) =>
      buildLstm(form, { length: 50, width: 64, projected: 256, hidden: 256, layers: 2, classes: 10 }, seed),
    buildSmall: (form, seed) =>
      buildLstm(form, { length: 5, width: 4, projected: 6, hidden: 6, layers: 2, classes: 3 }, seed),
  },
};

/**
 * Networks that Torch-Pruning can be given, too: with marked units and no gates. In a DenseNet, units that are zero are
 * other constants behind the BatchNormalization of each reader, so there is one more in which they stay zero.
 */
export const markedNetworks: readonly (readonly [name: string, form: NetworkForm])[] = [
  ['resnet-50', 'marked'],
  ['densenet', 'marked'],
  ['densenet', 'zeroed'],
  ['unet', 'marked'],
];
