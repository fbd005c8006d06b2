import { absorbPadding } from '../../../passes/absorb-padding.js';
import { assumeConditions } from '../../../passes/assume-conditions.js';
import { batchSums } from '../../../passes/batch-sums.js';
import { checkTarget } from '../../../passes/check-target.js';
import { decideBranches } from '../../../passes/decide-branches.js';
import { exposeGates } from '../../../passes/expose-gates.js';
import { fixBatch } from '../../../passes/fix-batch.js';
import { foldAffine } from '../../../passes/fold-affine.js';
import { foldConstants } from '../../../passes/fold-constants.js';
import { foldScale } from '../../../passes/fold-scale.js';
import { foldShapes } from '../../../passes/fold-shapes.js';
import { foldShift } from '../../../passes/fold-shift.js';
import { fuseBranches } from '../../../passes/fuse-branches.js';

import { fuseScaleAndShift } from '../../../passes/fuse-scale-and-shift.js';
import { guardInterpolation } from '../../../passes/guard-interpolation.js';
import { guardPadding } from '../../../passes/guard-padding.js';
import { hoistCommonWork } from '../../../passes/hoist-common-work.js';
import { layChannelsLast } from '../../../passes/lay-channels-last.js';
import { lowerGates } from '../../../passes/lower-gates.js';
import { lowerMeans } from '../../../passes/lower-means.js';
import { lowerSgBlend } from '../../../passes/lower-sg-blend.js';
import { mergeBranches } from '../../../passes/merge-branches.js';
import { mergeDuplicateUnits } from '../../../passes/merge-duplicate-units.js';
import { mergeGates } from '../../../passes/merge-gates.js';
import { mergeNested } from '../../../passes/merge-nested.js';
import { mergeReshapes } from '../../../passes/merge-reshapes.js';
import { orderDecisions } from '../../../passes/order-decisions.js';
import { orderForMemory } from '../../../passes/order-for-memory.js';
import { orderUnits } from '../../../passes/order-units.js';
import { padInputChannels } from '../../../passes/pad-input-channels.js';
import { padWidths } from '../../../passes/pad-widths.js';
import { planGates } from '../../../passes/plan-gates.js';
import { quantize } from '../../../passes/quantize.js';
import { recognizeGates } from '../../../passes/recognize-gates.js';
import { removeAlwaysOnGates } from '../../../passes/remove-always-on-gates.js';
import { removeConstantUnits } from '../../../passes/remove-constant-units.js';
import { removeDeadUnits } from '../../../passes/remove-dead-units.js';
import { removeIdentities } from '../../../passes/remove-identities.js';
import { removeWeakUnits } from '../../../passes/remove-weak-units.js';
import { runOnDevice } from '../../../passes/run-on-device.js';
import { selectShortBranches } from '../../../passes/select-short-branches.js';
import { separateEndPadding } from '../../../passes/separate-end-padding.js';
import { shareCommonSubexpressions } from '../../../passes/share-common-subexpressions.js';
import { sinkCommonWork } from '../../../passes/sink-common-work.js';
import { sinkIntoBranches } from '../../../passes/sink-into-branches.js';
import { sinkTransposes } from '../../../passes/sink-transposes.js';
import { splitNormalization } from '../../../passes/split-normalization.js';
import { toFloat16 } from '../../../passes/to-float16.js';
import type { Pass } from '../../passkit/pass.js';

/**
 * The order of all passes: preparation, then the gates' statistics are collected, then compaction, then one of the forms
 * that are written.
 */

/** What is evaluated, merged and dropped after any rewrite. */
const tidy: readonly Pass[] = [mergeNested, foldConstants, removeIdentities, shareCommonSubexpressions];

/** Makes choices as few as they can be, and leaves in branches what is not done anyway. Exact. */
const branches: readonly Pass[] = [assumeConditions, fuseBranches, hoistCommonWork, sinkCommonWork, mergeBranches];

/** Brings any imported model into the form that the other passes work on. Exact. */
export const preparation: readonly Pass[] = [
  ...tidy,
  ...branches,
  recognizeGates,
  sinkTransposes,
  mergeReshapes,
  absorbPadding,
  guardPadding,
  ...tidy,
  foldAffine,
  ...tidy,
  guardInterpolation,
];

/** Lowers activations, and folds the constants that this leaves into the weights before and behind. Exact. */
const activations: readonly Pass[] = [
  lowerSgBlend,
  splitNormalization,
  ...tidy,
  foldShift,
  foldScale,
  ...tidy,
  // What a factor that went stood behind.
  foldShift,
  foldAffine,
  ...tidy,
];

/** Leaves plain ONNX operators that the target runs. Exact. */
const lowering: readonly Pass[] = [
  fixBatch,
  foldShapes,
  fuseScaleAndShift,
  lowerGates,
  lowerMeans,
  ...tidy,
  sinkIntoBranches,
  selectShortBranches,
  batchSums,
  guardPadding,
  guardInterpolation,
  separateEndPadding,
  padInputChannels,
  layChannelsLast,
  runOnDevice,
  orderDecisions,
  orderForMemory,
  checkTarget,
];

/** Removes what the gates' statistics and proofs say is never needed. */
export const removal: readonly Pass[] = [
  removeAlwaysOnGates,
  decideBranches,
  mergeBranches,
  mergeDuplicateUnits,
  removeConstantUnits,
  removeDeadUnits,
  ...tidy,
  foldAffine,
];

/** Between removal and settling, where there is a budget: removes what is in use but tells little. Approximate. */
export const pruning: readonly Pass[] = [removeWeakUnits, ...tidy, foldAffine];

/** Brings what removal left into its final shape. */
export const settling: readonly Pass[] = [mergeGates, ...tidy, ...activations, padWidths, ...tidy];

/** From a prepared graph: everything but what a budget allows. */
export const compaction: readonly Pass[] = [...removal, ...settling];

/** Every gate a mask, nothing removed: from a prepared graph. */
export const masking: readonly Pass[] = [...activations, ...lowering];

/** From a compacted graph. */
export const densifying: readonly Pass[] = [exposeGates, ...lowering];

/** From a compacted graph: skips at run time what this input does not need. */
export const dynamicGating: readonly Pass[] = [orderUnits, exposeGates, planGates, ...tidy, ...lowering];

/** From a form in fp32: to integers of 8 bits. Approximate. */
export const quantizing: readonly Pass[] = [quantize];

/** From a form in fp32: to float16. Approximate. */
export const halving: readonly Pass[] = [toFloat16];

/** From the form in a lower precision that is written: what was added has changed how much each order takes. Exact. */
export const finishing: readonly Pass[] = [orderForMemory, checkTarget];
