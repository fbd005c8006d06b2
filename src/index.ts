/** The library: everything that the command line does, typed, with progress events and without output of its own. */
export {
  type BenchedModel,
  type BenchOptions,
  type BenchResult,
  bench,
  type Latencies,
  type SpeedUp,
} from './compiler/bench.js';
export { type CompileResult, compile } from './compiler/compile.js';
export type { OneOutput, OutputDifference } from './compiler/diff/outputs.js';
export type { LayerDifference, ListDifference } from './compiler/diff/structure.js';
export type { ValueDifference, WeightDifference } from './compiler/diff/weights.js';
export { type DiffedModel, type DiffOptions, type DiffResult, diff } from './compiler/diff.js';
export type { ScoreLimit } from './compiler/gates/score-advice.js';
export { type GateInspection, type Inspection, inspect, type LayerInspection } from './compiler/inspect.js';
export type { UnitEnd, UnitGroupInspection } from './compiler/model/inspect-units.js';
export {
  type CommonOptions,
  type CompileOptions,
  type DataFormat,
  type DataOptions,
  type ImageChannels,
  type ImageCrop,
  type ImageLayout,
  type ImageResize,
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
  type CompiledLayer,
  type GateReport,
  type LayerReport,
  type LowerPrecisionReport,
  type MemoryReport,
  type PlacementReport,
  type Planning,
  type RegionReport,
  type Report,
  reportSchema,
  type SizeReport,
  type SourceLayer,
  type TargetReport,
  type TradeOffPoint,
  type VerificationReport,
} from './compiler/reporting/report.js';
export type { Machine, MeasuredCosts } from './compiler/tuning/costs/costs-file.js';
export { type TargetCosts, type TuneOptions, type TuneResult, tune } from './compiler/tuning/costs/tune.js';
export { verify } from './compiler/verify.js';
export { type Config, type ConfigExport, defineConfig } from './config/define.js';
export type {
  Attribute,
  AttributeMakers,
  Attributes,
  Builder,
  ConfigReader,
  DataFormat as ChannelOrder,
  Dim,
  ElementArrays,
  ElementType,
  Graph,
  InnerLayer,
  JsonObject,
  LayerContext,
  LayerInputs,
  LayerOutput,
  LayerRule,
  Masked,
  Node,
  NodeSpec,
  PlainLayerRule,
  Plugin,
  PluginApi,
  Shape,
  Tensor,
  Use,
  Value,
  ValueType,
  WeightForm,
  WeightPart,
} from './frontends/index.js';
export { renderMarkdown } from './report/markdown.js';
export { renderHtml } from './report/page/page.js';
export { profileFromJson, profileToJson } from './runtime/profile/json.js';
export { mergeProfiles } from './runtime/profile/merge.js';
export type { GateProfile, Profile } from './runtime/profile/types.js';
export {
  type CodedProblem,
  type ErrorCode,
  type ErrorKind,
  exitCodes,
  type Problem,
  SwancError,
} from './support/errors.js';
