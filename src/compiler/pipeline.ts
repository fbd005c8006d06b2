import { checkTarget } from '../../passes/check-target.js';
import { foldAffine } from '../../passes/fold-affine.js';
import { foldConstants } from '../../passes/fold-constants.js';
import { foldShift } from '../../passes/fold-shift.js';
import { gatherGatedUnits } from '../../passes/gather-gated-units.js';
import { lowerGates } from '../../passes/lower-gates.js';
import { lowerSgBlend } from '../../passes/lower-sg-blend.js';
import { mergeBranches } from '../../passes/merge-branches.js';
import { mergeGates } from '../../passes/merge-gates.js';
import { recognizeGates } from '../../passes/recognize-gates.js';
import { removeAlwaysOnGates } from '../../passes/remove-always-on-gates.js';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import { removeIdentities } from '../../passes/remove-identities.js';
import { shareCommonSubexpressions } from '../../passes/share-common-subexpressions.js';
import { sinkTransposes } from '../../passes/sink-transposes.js';
import type { Pass } from '../passkit/pass.js';

/** The order of all passes, in three stages. Between the first two the gates' statistics are collected. */

/** What is evaluated, merged and dropped after any rewrite. */
const tidy: readonly Pass[] = [foldConstants, removeIdentities, shareCommonSubexpressions];

/** Brings any imported model into the form that the other passes work on. Exact. */
export const preparation: readonly Pass[] = [
  ...tidy,
  mergeBranches,
  recognizeGates,
  sinkTransposes,
  ...tidy,
  foldAffine,
  ...tidy,
];

/** Removes what the gates' statistics and proofs say is never needed. */
export const compaction: readonly Pass[] = [
  removeAlwaysOnGates,
  removeDeadUnits,
  ...tidy,
  foldAffine,
  mergeGates,
  ...tidy,
];

/** Skips work at run time that some inputs need and others do not. */
export const dynamicGating: readonly Pass[] = [gatherGatedUnits];

/** Leaves plain ONNX operators that the target runs. Exact. */
export const lowering: readonly Pass[] = [
  lowerSgBlend,
  ...tidy,
  foldShift,
  foldAffine,
  lowerGates,
  ...tidy,
  checkTarget,
];
