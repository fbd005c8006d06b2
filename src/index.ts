/** The library: everything that the command line does, typed, with progress events and without output of its own. */
export { type CompileResult, compile } from './compiler/compile.js';
export { type GateInspection, type Inspection, inspect, type LayerInspection } from './compiler/inspect.js';
export type { UnitEnd, UnitGroupInspection } from './compiler/inspect-units.js';
export {
  type CommonOptions,
  type CompileOptions,
  type InspectOptions,
  type Mode,
  modes,
  type Precision,
  type ProfileOptions,
  type Progress,
  precisions,
  type Tuning,
  tunings,
  type VerifyOptions,
} from './compiler/options.js';
export { profile } from './compiler/profile.js';
export {
  type BudgetReport,
  type GateReport,
  type LowerPrecisionReport,
  type MemoryReport,
  type PlacementReport,
  type Planning,
  type RegionReport,
  type Report,
  reportSchema,
  type SizeReport,
  type TargetReport,
  type TradeOffPoint,
  type VerificationReport,
} from './compiler/report.js';
export type { Machine, MeasuredCosts } from './compiler/tuning/costs/costs-file.js';
export { type TuneOptions, type TuneResult, tune } from './compiler/tuning/costs/tune.js';
export { verify } from './compiler/verify.js';
export type {
  Builder,
  ConfigReader,
  InnerLayer,
  LayerContext,
  LayerRule,
  Masked,
  Plugin,
  PluginApi,
  Value,
} from './frontends/index.js';
export { profileFromJson, profileToJson } from './runtime/profile/json.js';
export { mergeProfiles } from './runtime/profile/merge.js';
export type { GateProfile, Profile } from './runtime/profile/types.js';
export { type ErrorKind, exitCodes, type Problem, SwancError } from './support/errors.js';
