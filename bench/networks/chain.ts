import { allLive, type NetworkForm } from './features.js';
import { type Network, NetworkWriter } from './writer.js';

interface ChainSizes {
  readonly blocks: number;
  /** Gated units of each block. */
  readonly units: number;
}

/** Channels of the stream: few, so that a unit has few weights. */
const stream = 4;

/**
 * Residual blocks of many units with few weights: 1x1 convolution, a gate, a depthwise convolution, 1x1 convolution.
 * There to measure how the time of planning grows with units and nodes.
 */
export function buildChain(form: NetworkForm, { blocks, units }: ChainSizes, seed: number): Network {
  const writer = new NetworkWriter('chain', form, seed);
  let x = writer.image(4);
  x = writer.conv(x, allLive(stream));
  for (let block = 0; block < blocks; block++) {
    const plan = writer.plant(units);
    const gated = writer.reluGate(writer.conv(x, plan), plan, `block${block}`);
    x = writer.add(x, writer.conv(writer.relu(writer.batchNorm(writer.depthwise(gated))), allLive(stream)));
  }
  return writer.network(writer.dense(writer.pooled(x), allLive(2)));
}
