import { z } from 'zod';
import { removalBases } from '../../passkit/pass.js';
import { precisions } from '../../passkit/target.js';
import { budgetSchema, lossSchema, verdicts } from '../budget/approximation.js';
import { tunings } from '../options.js';

/** What `report.json` holds: everything that a compile did and found. The schema is published as `docs/report.schema.json`. */

const count = z.int().nonnegative();

const sizeSchema = z.strictObject({
  nodes: count.describe('operators, nested graphs included'),
  parameters: count.describe('elements of float constants'),
  flops: z
    .number()
    .nonnegative()
    .describe(
      'floating-point operations for one sample, at most: where the input decides what runs, as if all units fired that it asks for, and of branches those of the one that has most',
    ),
  bytes: count.describe('bytes of the file, and of its weights if they are beside it'),
});

const differenceSchema = z.strictObject({ absolute: z.number().nullable(), relative: z.number().nullable() });

const referenceKinds = ['tfjs-node', 'tfjs-wasm', 'tfjs-cpu', 'onnxruntime'] as const;

const verificationSchema = z.strictObject({
  reference: z.enum(referenceKinds).describe('what ran the original'),
  caveats: z.array(z.string()).describe('what makes the comparison say less than it seems to'),
  randomInputs: z.boolean().describe('true if there was no data, so seeded random samples were compared'),
  samples: count,
  available: count.nullable().describe('samples in the calibration data; null for random ones'),
  clear: count.describe('samples whose decisions rounding cannot change'),
  boundary: count.describe(
    'samples with a score within rounding of a threshold, or two modes of a gate within rounding of each other: counted, not compared',
  ),
  outsideProfile: count.describe('samples in which a gate acts otherwise than the profile saw: counted, not compared'),
  maxDifference: z.number().describe('largest absolute difference of clear samples'),
  maxRelative: z.number().describe("the same in parts of the output's scale"),
  boundaryDifference: differenceSchema,
  outsideDifference: differenceSchema,
  beforeBudget: z
    .strictObject({
      reference: z.enum(referenceKinds),
      clear: count,
      maxDifference: z.number(),
      maxRelative: z.number(),
    })
    .nullable()
    .describe(
      'of a compile within a budget: the model before those removals against the original; the rest of this compares what is written with the graph that they left',
    ),
  approximation: z
    .strictObject({
      precision: z.enum(precisions),
      budget: budgetSchema
        .nullable()
        .describe('null: none was stated; float16 is judged by its rounding then, int8 by `measured`'),
      measured: lossSchema.nullable().describe('when it was compiled; null where there were no data'),
      loss: lossSchema.describe('on these samples'),
      verdict: z
        .enum(verdicts)
        .describe(
          'chance: beyond the budget, or what was measured, by no more than samples may differ (95 %); unknown: there are no labels, or no data',
        ),
    })
    .nullable()
    .describe(
      'of a file that was compiled within a budget or in less than float32, and verified by itself; it is not equal',
    ),
});

const tradeOffSchema = z.strictObject({
  items: count.describe('of the ranking: units and masks that are gone'),
  units: count,
  masks: count.describe('gates whose mask went, their features passing as they are'),
  parameters: count,
  flops: z.number().nonnegative(),
  accuracy: z.number().nullable().describe('on held-out samples; null where labels were not asked for'),
  drop: z.number().nullable().describe('accuracy of the original less this one'),
  relativeChange: lossSchema.shape.relativeChange,
  latency: z
    .strictObject({ microseconds: z.number(), unpruned: z.number() })
    .nullable()
    .describe('of a run, as in `latency`, in turns with the model without these removals'),
});

const budgetReportSchema = z.strictObject({
  budget: budgetSchema.describe(
    "accuracy: the limit is in parts of all samples; error: in parts of the outputs' root mean square",
  ),
  share: z
    .number()
    .describe(
      'part of the budget that was asked for: the rest is for integers of 8 bits, which come after these removals',
    ),
  met: z.boolean().describe('false if the loss is beyond it before anything more is removed: then nothing was'),
  rankedOn: count.describe('samples that units were ranked on'),
  heldOut: count.describe('samples that losses were measured on'),
  chosen: count.describe('position among the points of the one that is written'),
  points: z.array(tradeOffSchema).describe('everything that was tried, by number of items'),
});

const shapeSchema = z
  .array(z.union([count, z.string()]))
  .nullable()
  .describe('of what it gives; a text stands for a size that is open; null where it is not known');

const sourceLayerSchema = z.strictObject({
  name: z.string(),
  class: z.string().nullable().describe('in the framework that the model was made with; null where that is not known'),
  operators: z.array(z.string()).describe('what it was imported as, each once'),
  shape: shapeSchema,
  parameters: count,
  flops: z.number().nonnegative().describe('for one sample'),
  inputs: z.array(count).describe('positions in this list of the layers that it reads'),
  isOutput: z.boolean().describe('whether the model gives what it gives'),
});

const compiledLayerSchema = z.strictObject({
  operators: z
    .array(z.string())
    .describe('what is left of it in the file, each once; empty: it is part of others, or gone'),
  shape: shapeSchema.describe('in the order of axes that the layer had; of branches the largest'),
  parameters: count,
  isConditional: z.boolean().describe('whether some of it runs only for some inputs'),
});

/** What became of a unit of a gate, as one character. */
export const unitFates = {
  '.': 'its gate decides at run time',
  '=': 'it is taken to fire when another unit does, which decides',
  '1': 'always on: its gate is gone',
  '0': 'never on: it is gone',
  '-': 'gone, or without a gate, for another reason: a budget, or nobody needs it',
} as const;

export type UnitFate = keyof typeof unitFates;

const gateSchema = z.strictObject({
  name: z.string(),
  units: count,
  density: z.number().nullable().describe('mean fraction of units that fire; null without a profile'),
  removedOff: z.strictObject({ proved: count, observed: count }).describe('units removed because they never fire'),
  removedOn: z.strictObject({ proved: count, observed: count }).describe('units whose gate was removed: always on'),
  fates: z.string().describe(
    `what became of each unit, one character each: ${Object.entries(unitFates)
      .map(([fate, meaning]) => `'${fate}' ${meaning}`)
      .join('; ')}`,
  ),
  output: z
    .strictObject({
      name: z.string(),
      units: z.array(count).describe("for each column the unit's number in the source model"),
    })
    .nullable()
    .describe('the output that tells which units fire; null where none was asked for, or the gate is gone'),
});

const layerSchema = z.strictObject({
  name: z.string(),
  units: count.describe('output units before any were removed'),
  removed: z
    .strictObject({ proved: count, observed: count, approximate: count })
    .describe('for whatever reason: never firing, always the same, read by nobody, or little missed within a budget'),
});

const passSchema = z.strictObject({
  pass: z.string(),
  contract: z.enum(['exact', 'observed', 'approximate']),
  nodesBefore: count,
  nodesAfter: count,
  findings: z.array(z.strictObject({ where: z.string(), done: z.boolean(), what: z.string() })),
});

const regionSchema = z.strictObject({
  region: z.string().describe('the names of its gates'),
  gates: z.array(z.string()),
  density: z.number().nullable().describe('mean part of the units left that fire; null without a profile'),
  considered: z
    .array(
      z.strictObject({
        plan: z.string(),
        what: z.string(),
        predicted: z.number().describe('microseconds of a run of the region'),
        measured: z
          .strictObject({ microseconds: z.number(), masks: z.number() })
          .nullable()
          .describe('microseconds of a run of the whole model with this plan alone, and with masks only, in turns'),
      }),
    )
    .describe('mask first'),
  refused: z.array(z.strictObject({ strategy: z.string(), reason: z.string() })),
  chosen: z.string().describe('a plan; mask: all units are computed'),
  reason: z.string(),
});

const planningSchema = z.strictObject({
  tune: z.enum(tunings).describe('predicted: by the costs; measured: on samples, in the whole model'),
  batch: count.describe('samples of a run that plans are for; the result is right for any number'),
  costs: z.strictObject({
    file: z.string().nullable().describe('measured by swanc tune; null for those that swanc comes with'),
    values: z.record(z.string(), z.number()),
  }),
  regions: z.array(regionSchema).describe('of one gate or several in a row'),
  unplanned: z.array(z.strictObject({ gate: z.string(), reason: z.string() })).describe('gates without a region'),
});

const filesSchema = z.array(z.strictObject({ path: z.string(), bytes: count }));

const rangesSchema = z.strictObject({
  method: z.string().describe('how ranges are made of what was seen'),
  candidates: z
    .array(
      z.strictObject({
        method: z.string(),
        error: z.number().nullable().describe('change of the outputs with it, as in `loss`; null if infinite'),
      }),
    )
    .describe('what it was chosen from, with all layers on integers, the best first'),
});

const lowerPrecisionSchema = z.strictObject({
  precision: z.enum(precisions).exclude(['fp32']),
  files: filesSchema,
  size: sizeSchema,
  kept: z
    .array(z.strictObject({ where: z.string(), reason: z.string() }))
    .describe('layers and gates that stay in floats (for fp16: in fp32), as a whole or in part, with each reason once'),
  loss: lossSchema.nullable().describe('against the original, on held-out samples; null without data'),
  calibration: rangesSchema.nullable().describe('of the values that integers stand for; null for fp16'),
  removals: z
    .strictObject({ isPruned: z.boolean().describe('whether they are in these files'), reason: z.string() })
    .nullable()
    .describe('what became of the removals within the budget; null where nothing was decided'),
  verification: verificationSchema.nullable().describe('null if left out on request'),
  microseconds: z.number().nullable().describe('of a run, as in `latency`; null where nothing was measured'),
  passes: z.array(passSchema).describe('after those of the form in fp32'),
});

const memorySchema = z.strictObject({
  activations: count.describe(
    'bytes of values that are in use at once during a run, at most, in the order in which ONNX Runtime runs the nodes; of the lowest precision that is written',
  ),
  at: z.string().describe('the node that runs then'),
  weights: count.describe('bytes of constants'),
});

const placementSchema = z.strictObject({
  host: z
    .array(z.strictObject({ node: z.string(), operator: z.string() }))
    .describe('operators that the device has no kernel for'),
  readBacks: count.describe('values that the processor reads from the device in a run, at most, besides outputs'),
});

const targetSchema = z.strictObject({
  target: z.string(),
  mode: z.enum(['dense', 'dynamic']).describe('the form that was written'),
  modeReason: z.string(),
  opset: count,
  batch: count.nullable().describe('samples of a run, which the file is for; null: any number'),
  files: filesSchema.describe('of the model in fp32, and what is for all precisions'),
  size: sizeSchema,
  maskedSize: sizeSchema.describe('of the same model with every gate as a mask'),
  latency: z
    .strictObject({
      microseconds: z
        .record(z.string(), z.number())
        .describe('of a run, by form: for each sample the lower quartile of its runs, and the mean of these'),
      batch: count.describe('samples of a run'),
      runtime: z.string(),
    })
    .nullable()
    .describe('null where nothing was measured'),
  gates: z.array(gateSchema),
  planning: planningSchema
    .nullable()
    .describe('how the work of units that are off is skipped; null where nothing was planned'),
  layers: z.array(layerSchema).describe('layers that lost units of their sums of products'),
  compiledLayers: z
    .array(compiledLayerSchema)
    .nullable()
    .describe("what the file in fp32 has left of each of the model's layers, in their order; null without these"),
  budget: budgetReportSchema.nullable().describe('removals within a budget; null without one'),
  lowerPrecision: lowerPrecisionSchema.nullable().describe('the same model in the precision that was asked for'),
  memory: memorySchema.nullable().describe('null where sizes are open'),
  placement: placementSchema.nullable().describe('null where there is no device beside the processor'),
  passes: z.array(passSchema),
  verification: verificationSchema.nullable().describe('null if left out on request'),
});

/** What `report.json` must be, in terms of the library zod: for who reads such files. */
export const reportSchema = z.strictObject({
  format: z.literal('swanc-report'),
  version: z.literal(1),
  swanc: z.string().describe('version of swanc'),
  model: z.strictObject({
    path: z.string(),
    format: z.enum(['tfjs-layers', 'onnx']),
    sha256: z.string().nullable().describe('what profiles name the model by; null where none was used'),
    bytes: count,
    size: sizeSchema.omit({ bytes: true }),
    states: z
      .array(z.strictObject({ input: z.string(), output: z.string() }))
      .describe('what stateful layers keep: each output is the input of the next run'),
    layers: z
      .array(sourceLayerSchema)
      .nullable()
      .describe('as imported, the inputs first, in the order in which they run; null for a model of more than 2000'),
  }),
  calibration: z
    .strictObject({ samples: count, source: z.enum(['data', 'profile']) })
    .nullable()
    .describe('null if only what is proved could be removed'),
  dead: z.enum(removalBases),
  warnings: z.array(z.string()).describe('what the user should know before relying on the result'),
  targets: z.array(targetSchema),
});

/** Everything that a compile did and found: what `report.json` holds. Its fields are described in `docs/report.schema.json`. @useDeclaredType */
export type Report = z.infer<typeof reportSchema>;
/** What was made for one target. @useDeclaredType */
export type TargetReport = z.infer<typeof targetSchema>;
/** Removals of units that are in use, within a budget of accuracy or error. @useDeclaredType */
export type BudgetReport = z.infer<typeof budgetReportSchema>;
/** The same model in less than float32. @useDeclaredType */
export type LowerPrecisionReport = z.infer<typeof lowerPrecisionSchema>;
/** Memory of a run. @useDeclaredType */
export type MemoryReport = z.infer<typeof memorySchema>;
/** What of a model runs on the processor beside a device. @useDeclaredType */
export type PlacementReport = z.infer<typeof placementSchema>;
/** A point of the curve of removals against what they lose. @useDeclaredType */
export type TradeOffPoint = z.infer<typeof tradeOffSchema>;
/** Output units of a layer, and how many of them were removed. @useDeclaredType */
export type LayerReport = z.infer<typeof layerSchema>;
/** A layer of the model as it was read. @useDeclaredType */
export type SourceLayer = z.infer<typeof sourceLayerSchema>;
/** What is left of a layer in the compiled file. @useDeclaredType */
export type CompiledLayer = z.infer<typeof compiledLayerSchema>;
/** What became of the units of a gate. @useDeclaredType */
export type GateReport = z.infer<typeof gateSchema>;
/** How the work of units that are off is skipped. @useDeclaredType */
export type Planning = z.infer<typeof planningSchema>;
/** The plans that a region could have, and the one that it got. @useDeclaredType */
export type RegionReport = z.infer<typeof regionSchema>;
/** How the result compares with the original. @useDeclaredType */
export type VerificationReport = z.infer<typeof verificationSchema>;
/** Operators, parameters, work and bytes of a model. @useDeclaredType */
export type SizeReport = z.infer<typeof sizeSchema>;
