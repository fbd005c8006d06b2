import type { GateReport, Report, SourceLayer, TargetReport } from '../../src/compiler/reporting/report.js';
import { CoFiring } from '../../src/runtime/profile/co-firing.js';
import type { GateProfile, Profile } from '../../src/runtime/profile/types.js';
import { seededRandom } from '../../src/support/random.js';

/** Reports of models that nobody compiled: with any names, and as large as is wanted. */

export interface MadeUp {
  /** Names of layers; every third is a gate. */
  readonly names: readonly string[];
  readonly units?: number;
  readonly targets?: number;
  readonly messages?: readonly string[];
}

const size = { nodes: 12, parameters: 3456, flops: 98_765, bytes: 43_210 };
const smaller = { nodes: 15, parameters: 1234, flops: 34_567, bytes: 12_345 };

const isGate = (index: number): boolean => index % 3 === 2;

export function madeUpReport({ names, units = 8, targets = 1, messages = [] }: MadeUp): Report {
  const layers = names.map((name, index): SourceLayer => {
    // Now and then a layer is read past the one behind it.
    const inputs = index === 0 ? [] : index % 7 === 6 ? [index - 4, index - 1] : [index - 1];
    const operators = index === 0 ? [] : ['Gemm'];
    const shape = ['batch', 4, 4, units];
    return {
      name,
      class: isGate(index) ? 'SwanGate' : 'Conv2D',
      operators,
      shape,
      parameters: 100,
      flops: 1000,
      inputs,
      isOutput: index === names.length - 1,
    };
  });
  const targetNames = ['cpu', 'webgpu', 'edge'];
  return {
    format: 'swanc-report',
    version: 1,
    swanc: '0.0.0',
    model: {
      path: `models/${names[0] ?? 'model.json'}`,
      format: 'tfjs-layers',
      sha256: 'f'.repeat(64),
      bytes: size.bytes,
      size,
      states: [],
      layers,
    },
    calibration: { samples: 500, source: 'data' },
    dead: 'observed',
    warnings: [...messages],
    targets: targetNames.slice(0, targets).map((name) => madeUpTarget(name, layers, units, messages)),
  };
}

function madeUpTarget(
  target: string,
  layers: readonly SourceLayer[],
  units: number,
  messages: readonly string[],
): TargetReport {
  const gates = layers.filter((_, index) => isGate(index)).map(({ name }) => madeUpGate(name, units));
  const message = messages[0] ?? 'it is so';
  const loss = { samples: 100, accuracy: { original: 0.99, model: 0.985 }, relativeChange: 0.02 };
  const point = (removed: number, drop: number) => ({
    ...{ items: removed, units: removed, masks: 0, parameters: 1000 - removed, flops: 9000 - 40 * removed },
    ...{ accuracy: 0.99 - drop, drop, relativeChange: drop * 3, latency: { microseconds: 80, unpruned: 100 } },
  });
  return {
    target,
    mode: 'dynamic',
    modeReason: message,
    opset: 18,
    batch: null,
    files: [{ path: `${target}/model.onnx`, bytes: smaller.bytes }],
    size: smaller,
    maskedSize: size,
    latency: { microseconds: { masked: 100, dense: 70, dynamic: 50 }, batch: 1, runtime: 'engine 1' },
    gates,
    planning: {
      tune: 'measured',
      batch: 1,
      costs: { file: null, values: {} },
      regions: gates.map(({ name }) => ({
        region: name,
        gates: [name],
        density: 0.5,
        considered: [
          { plan: 'mask', what: 'all units', predicted: 10, measured: null },
          { plan: 'gather', what: message, predicted: 6, measured: { microseconds: 55, masks: 60 } },
        ],
        refused: [{ strategy: 'block', reason: message }],
        chosen: 'gather',
        reason: message,
      })),
      unplanned: [],
    },
    layers: layers
      .slice(0, 40)
      .map(({ name }) => ({ name, units, removed: { proved: 1, observed: 1, approximate: 0 } })),
    compiledLayers: layers.map(({ operators }, index) => ({
      operators: index % 5 === 4 ? [] : operators,
      shape: ['batch', 4, 4, index === 0 ? units : units - 2],
      parameters: 50,
      isConditional: index % 4 === 3,
    })),
    budget: {
      budget: { kind: 'accuracy', limit: 0.005 },
      share: 1,
      met: true,
      rankedOn: 200,
      heldOut: 100,
      chosen: 1,
      points: [point(0, 0), point(20, 0.004), point(60, 0.02)],
    },
    lowerPrecision: {
      precision: 'int8',
      files: [{ path: `${target}/model.int8.onnx`, bytes: 4321 }],
      size: { ...smaller, bytes: 4321 },
      kept: layers.slice(0, 9).map(({ name }) => ({ where: name, reason: message })),
      loss,
      calibration: {
        method: 'range',
        candidates: [
          { method: 'range', error: 0.01 },
          { method: 'moments', error: null },
        ],
      },
      removals: { isPruned: true, reason: message },
      verification: madeUpVerification,
      microseconds: 40,
      passes: [],
    },
    memory: { activations: 5000, at: layers[0]?.name ?? '', weights: 6000 },
    placement: null,
    passes: [
      { pass: 'nothing-to-do', contract: 'exact', nodesBefore: 9, nodesAfter: 9, findings: [] },
      {
        pass: 'some-pass',
        contract: 'observed',
        nodesBefore: 9,
        nodesAfter: 8,
        findings: layers.flatMap(({ name }, index) => [
          { where: name, done: index % 2 === 0, what: messages[index % Math.max(messages.length, 1)] ?? 'folded' },
        ]),
      },
    ],
    verification: madeUpVerification,
  };
}

const madeUpVerification: NonNullable<TargetReport['verification']> = {
  reference: 'tfjs-node',
  caveats: [],
  randomInputs: false,
  samples: 64,
  available: 500,
  clear: 62,
  boundary: 1,
  outsideProfile: 1,
  maxDifference: 1e-6,
  maxRelative: 2e-6,
  boundaryDifference: { absolute: 0.1, relative: 0.2 },
  outsideDifference: { absolute: null, relative: null },
  beforeBudget: null,
  approximation: null,
};

function madeUpGate(name: string, units: number): GateReport {
  const fates = Array.from({ length: units }, (_, unit) =>
    unit % 8 === 0 ? '0' : unit % 8 === 1 ? '1' : unit % 8 === 2 ? '-' : '.',
  );
  const count = (fate: string): number => fates.filter((own) => own === fate).length;
  return {
    name,
    units,
    density: 0.4,
    removedOff: { proved: 0, observed: count('0') },
    removedOn: { proved: 0, observed: count('1') },
    fates: fates.join(''),
    output: null,
  };
}

/** Statistics of the gates of such a report: units in four groups, of which one fires, and some units at random. */
export function madeUpProfile(report: Report): Profile {
  const { samples = 0 } = report.calibration ?? {};
  const gates = report.targets[0]?.gates ?? [];
  return {
    format: 'swanc-profile',
    version: 2,
    model: report.model.sha256 ?? '',
    inputs: [],
    inputRanges: [],
    samples,
    gates: gates.map(({ name, units }, index) => madeUpStatistics(name, units, samples, index)),
  };
}

function madeUpStatistics(name: string, units: number, events: number, seed: number): GateProfile {
  const random = seededRandom(seed + 1);
  const pairs = new CoFiring(units);
  const fired = Array.from({ length: units }, () => 0);
  for (let event = 0; event < events; event++) {
    const group = Math.floor(4 * random.uniform());
    const firing = fired.flatMap((_, unit) => {
      const isOn = unit % 8 === 1 || (unit % 8 !== 0 && (unit % 4 === group || random.uniform() < 0.1));
      return isOn ? [unit] : [];
    });
    for (const unit of firing) fired[unit] = (fired[unit] ?? 0) + 1;
    pairs.add(Uint32Array.from(firing), firing.length);
  }
  return {
    name,
    units,
    threshold: 0,
    events,
    fired,
    scoreSum: fired.map(() => '0'),
    scoreMin: fired.map(() => -1),
    scoreMax: fired.map(() => 1),
    margins: [],
    density: [],
    coFiring: units <= 1024 ? pairs.totals() : null,
    patternsComplete: false,
    patterns: [],
    traces: [],
  };
}
