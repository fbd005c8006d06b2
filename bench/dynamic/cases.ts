import type { GatedSpec } from '../networks/gated.js';
import type { Firing } from '../networks/gated-firing.js';

/** A layer and what reads it: what of it runs is up to the gates between the two. */
export type LayerPair = Omit<GatedSpec, 'firing'>;

/** The pairs that the plans were designed on. Gates cost little: those of convolutions are pooled, the others have 32 hidden units. */
export const layerPairs: Readonly<Record<string, LayerPair>> = {
  'conv 32-64-64 @28': { kind: 'conv', inputs: 32, width: 64, outputs: 64, size: 28 },
  'conv 128-256-256 @14': { kind: 'conv', inputs: 128, width: 256, outputs: 256, size: 14 },
  '1x1 64-384-64 @14': { kind: 'conv', inputs: 64, width: 384, outputs: 64, size: 14, kernel: 1 },
  'dense 784-512-256': { kind: 'dense', inputs: 784, width: 512, outputs: 256 },
  'dense 1024-4096-1024': { kind: 'dense', inputs: 1024, width: 4096, outputs: 1024 },
};

export const largeConv = 'conv 128-256-256 @14';
export const largeDense = 'dense 1024-4096-1024';

export const densities = [0.05, 0.1, 0.25, 0.5, 0.75, 1];

/** Ways of gates to fire, as the table names them. */
export const firings = ['4 modes', 'independent', 'block', 'modal'] as const;
export type FiringName = (typeof firings)[number];

export function gatedPair(pair: LayerPair, firing: FiringName, density: number): GatedSpec {
  const { width } = pair;
  const of: Readonly<Record<FiringName, { firing: Firing; groupSize?: number }>> = {
    '4 modes': { firing: { kind: 'modes', modes: 4, density } },
    independent: { firing: { kind: 'independent', density } },
    block: { firing: { kind: 'independent', density }, groupSize: width },
    modal: { firing: { kind: 'modal', modes: 4, density } },
  };
  return { ...pair, ...of[firing] };
}

/** A layer pair with gates that fire in one way. */
export interface Case {
  readonly name: string;
  readonly pair: LayerPair;
  readonly firing: FiringName;
  readonly density: number;
}

/** Every layer pair with every way to fire at every density. */
export function casesOf(ways: readonly FiringName[], parts: readonly number[]): readonly Case[] {
  return Object.entries(layerPairs).flatMap(([name, pair]) =>
    ways.flatMap((firing) => parts.map((density) => ({ name, pair, firing, density }))),
  );
}

/** What a case is called on the command line. */
export function nameOf({ name, firing, density }: Case): string {
  return `${name}, ${firing}, ${density}`;
}
