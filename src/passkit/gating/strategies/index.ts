import type { Region } from '../regions/region.js';
import type { Strategy } from '../strategy.js';
import { block } from './block.js';
import { coreTail } from './core-tail.js';
import { dispatch } from './dispatch.js';
import { gather } from './gather.js';
import { grouping } from './grouping.js';
import { mask } from './mask.js';
import { perSample } from './per-sample.js';

/** The fallback first. */
const forUnits: readonly Strategy[] = [mask, gather, dispatch, coreTail, perSample, grouping];
const forBlocks: readonly Strategy[] = [mask, block];

/** Every strategy that may have plans for a region, the fallback first. */
export function strategiesFor({ off }: Region): readonly Strategy[] {
  return off === undefined ? forUnits : forBlocks;
}
