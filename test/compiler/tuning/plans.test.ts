import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type GatedModel, type GatedSpec, writeGated } from '../../../bench/networks/gated.js';
import { dynamicForms } from '../../../src/compiler/forms/compile-forms.js';
import { bytesOfForm, compileForm, type Form, reduced, settled } from '../../../src/compiler/forms/forms.js';
import { passContext } from '../../../src/compiler/model/context.js';
import { openWithOriginal } from '../../../src/compiler/model/source.js';
import { collectProfile } from '../../../src/compiler/samples/collect-profile.js';
import { openSamples } from '../../../src/compiler/samples/samples.js';
import { timedRuns } from '../../../src/compiler/samples/timed-samples.js';
import { CompiledTrials, type TrialOptions } from '../../../src/compiler/tuning/trials.js';
import { runReference } from '../../../src/compiler/verification/verification.js';
import { type CompileOptions, compile, type Planning, type TargetReport } from '../../../src/index.js';
import { openRuntime } from '../../../src/runtime/session.js';
import type { LoadedModel, LoadOptions, Runtime } from '../../../src/runtime/types.js';
import { at, defined } from '../../../src/support/assert.js';
import { temporaryFolder } from '../support.js';

const runtime = await openRuntime();
let row: GatedModel;

beforeAll(async () => {
  const firing = { kind: 'modes', modes: 3, density: 0.25 } as const;
  row = await writeGated(
    { kind: 'conv', inputs: 16, width: 96, outputs: 16, size: 10, depth: 2, firing },
    await temporaryFolder(),
    64,
  );
});

async function compiled(options: Partial<CompileOptions>): Promise<TargetReport> {
  const { report } = await compile({ model: row.path, calibration: row.calibration, dead: 'proved', ...options });
  return at(report.targets, 0);
}

/** What must hold whatever was faster. */
function expectConsistent(planning: Planning, { mode, passes }: TargetReport): void {
  for (const { considered, chosen, reason, gates } of planning.regions) {
    expect(considered[0]?.plan).toBe('mask');
    expect(considered.map(({ plan }) => plan)).toContain(chosen);
    expect(reason).not.toBe('');
    expect(gates.length).toBeGreaterThan(0);
  }
  const planned = planning.regions.filter(({ chosen }) => chosen !== 'mask');
  const gates = planned.flatMap((region) => region.gates);
  expect(new Set(gates).size).toBe(gates.length);
  expect(planned.length > 0).toBe(mode === 'dynamic');
  const done = passes.filter(({ pass }) => pass === 'plan-gates').flatMap(({ findings }) => findings);
  expect(done.filter((finding) => finding.done).map(({ where }) => where)).toEqual(
    mode === 'dynamic' ? planned.map(({ region }) => region) : [],
  );
}

describe('compiling with measured plans', () => {
  it('reports what was considered and measured for every region, and writes what equals the original', async () => {
    const target = await compiled({ mode: 'auto' });
    const planning = defined(target.planning, 'planning');
    expect(planning).toMatchObject({ tune: 'measured', batch: 1, unplanned: [], costs: { file: null } });
    expect(planning.regions.map(({ region }) => region)).toEqual(['gate0', 'gate1', 'gate0 + gate1']);
    expectConsistent(planning, target);
    const measured = planning.regions.flatMap(({ considered }) => considered.flatMap((plan) => plan.measured ?? []));
    expect(measured.length).toBeGreaterThan(0);
    expect(measured.every(({ microseconds, masks }) => microseconds > 0 && masks > 0)).toBe(true);
    expect(target.latency?.batch).toBe(1);
    expect(target.verification?.clear).toBeGreaterThan(0);
  });

  it('plans and measures for runs of several samples', async () => {
    const target = await compiled({ mode: 'dynamic', batch: 4, verifyEach: true });
    expect(target.planning?.batch).toBe(4);
    expect(target.latency?.batch).toBe(4);
    expectConsistent(defined(target.planning, 'planning'), target);
  });

  it('predicts where it is told to, and where there are no samples', async () => {
    const predicted = await compiled({ tune: 'predicted' });
    expect(predicted.planning?.tune).toBe('predicted');
    expectConsistent(defined(predicted.planning, 'planning'), predicted);
    const target = await compiled({ calibration: undefined });
    expect(target.planning).toMatchObject({ tune: 'predicted' });
    expect(target.mode).toBe('dense');
    expect(target.planning?.regions.every(({ chosen, density }) => chosen === 'mask' && density === null)).toBe(true);
  });

  it('warns of a dynamic form that was predicted only', async () => {
    const out = await temporaryFolder();
    await compiled({ mode: 'dense', out });
    const options = { model: row.path, profile: join(out, 'profile.json'), dead: 'proved' } as const;
    const { report } = await compile(options);
    expect(at(report.targets, 0)).toMatchObject({ mode: 'dynamic', latency: null });
    expect(report.warnings.join()).toMatch(/cpu: the dynamic form is only predicted to be faster/);
    const dense = await compile({ ...options, mode: 'dense' });
    expect(dense.report.warnings.join()).not.toMatch(/predicted/);
  });

  it('tells of samples that are too few', async () => {
    const { report } = await compile({ model: row.path, calibration: row.calibration, samples: 16, batch: 16 });
    expect(report.warnings.join()).toMatch(
      /they make 1 of at least 8 different runs: give more .*, or a smaller --batch/,
    );
    expect(at(report.targets, 0)).toMatchObject({
      mode: 'dense',
      modeReason: expect.stringMatching(/^too few samples/),
    });
  });

  it('plans nothing where the dense form is asked for', async () => {
    expect((await compiled({ mode: 'dense' })).planning).toBeNull();
  });

  it('refuses options that do not fit', async () => {
    await expect(compiled({ tune: 'measured', calibration: undefined })).rejects.toThrow(/measuring takes samples/);
    await expect(compiled({ batch: 0 })).rejects.toThrow(/0 is not a number of samples/);
  });

  it('tells how far it is, and ends when it is told to', async () => {
    const interrupt = new AbortController();
    const seen: number[] = [];
    await expect(
      compiled({
        signal: interrupt.signal,
        onProgress: ({ stage, done = 0, total = 0 }) => {
          if (stage !== 'plan') return;
          expect(done).toBeLessThanOrEqual(total);
          seen.push(done);
          interrupt.abort();
        },
      }),
    ).rejects.toMatchObject({ kind: 'aborted' });
    expect(seen).toHaveLength(1);
  });
});

describe('every plan that is considered', () => {
  const firing = { kind: 'modes', modes: 3, density: 0.25 } as const;
  const specs: Readonly<Record<string, GatedSpec>> = {
    'of a row of convolutions': { kind: 'conv', inputs: 8, width: 64, outputs: 8, size: 6, depth: 2, firing },
    'of dense layers whose units fire on their own': {
      ...{ kind: 'dense', inputs: 32, width: 128, outputs: 32, depth: 2 },
      firing: { kind: 'independent', density: 0.3 },
    },
    'of residual blocks': { kind: 'conv', inputs: 16, width: 48, outputs: 16, size: 5, structure: 'residual', firing },
  };
  it.each(Object.entries(specs).flatMap(([name, spec]) => [1, 3].map((batch) => ({ name, spec, batch }))))(
    '$name at batch $batch can be had by its name, and equals masks',
    async ({ spec, batch }) => {
      const model = await writeGated(spec, await temporaryFolder(), 64);
      const bare = passContext(runtime, { dead: 'proved' });
      const source = await openWithOriginal(model.path, bare, {});
      const data = await openSamples(model.calibration, source);
      const context = { ...bare, batch, profile: await collectProfile(source, data, runtime, {}) };
      const start = await settled(await reduced(source.prepared, context), context);
      const forms = await dynamicForms(start, context);
      const trials = new CompiledTrials({
        compile: (plans) => forms.compile(plans, false),
        dense: await compileForm('dense', start, context),
        reference: await runReference({ source, data, samples: 12, runtime, signal: undefined }),
        samples: await timedRuns(data, batch, { samples: 3 * batch }),
        runtime,
        milliseconds: 1,
      });
      const { regions = [] } = await forms.regions();
      const plans = regions.flatMap(({ region, considered }) =>
        considered.slice(1).map(({ plan }) => new Map([[region, plan]])),
      );
      expect(plans.length).toBeGreaterThan(0);
      expect(await trials.compare(new Map(), plans)).toHaveLength(plans.length);
    },
  );
});

/** Counts the sessions that are open. */
class CountingRuntime implements Runtime {
  readonly name = runtime.name;
  readonly version = runtime.version;
  readonly writesOrtFormat = runtime.writesOrtFormat;
  open = 0;
  most = 0;

  toOrtFormat(...args: Parameters<Runtime['toOrtFormat']>): Promise<Uint8Array> {
    return runtime.toOrtFormat(...args);
  }

  async load(...args: [Parameters<Runtime['load']>[0], LoadOptions?]): Promise<LoadedModel> {
    const session = await runtime.load(...args);
    this.most = Math.max(this.most, ++this.open);
    return {
      inputs: session.inputs,
      outputs: session.outputs,
      inputTypes: session.inputTypes,
      outputTypes: session.outputTypes,
      run: (feeds, fetches) => session.run(feeds, fetches),
      close: async () => {
        this.open--;
        await session.close();
      },
    };
  }
}

describe('trials of plans', () => {
  let options: TrialOptions;
  let counting: CountingRuntime;
  let wrong: Form;

  beforeAll(async () => {
    const context = passContext(runtime, { dead: 'proved' });
    const source = await openWithOriginal(row.path, context, {});
    const start = await settled(await reduced(source.prepared, context), context);
    const dense = await compileForm('dense', start, context);
    wrong = await compileForm('dense', start, context);
    const [first] = wrong.graph.outputs;
    const output = defined(first, 'an output');
    const twice = wrong.graph.addNode({ op: 'Add', domain: '', inputs: [output, output] }).output;
    wrong.graph.setType(twice, output.type);
    wrong.graph.setOutputs([twice]);
    wrong.graph.swapNames(output, twice);
    counting = new CountingRuntime();
    options = {
      compile: async () => compileForm('dense', start, context),
      dense,
      reference: await runReference({ source, data: undefined, samples: 8, runtime, signal: undefined }),
      samples: row.samples(8).map(({ x }) => ({ [at(dense.graph.inputs, 0).name]: x })),
      runtime: counting,
      milliseconds: 1,
    };
    expect(bytesOfForm(dense).length).toBeGreaterThan(0);
  });

  it('hold four sessions at most, and none in the end', async () => {
    const trials = new CompiledTrials(options);
    const plans = Array.from({ length: 8 }, (_, index) => new Map([['gate0', `plan-${index}`]]));
    const times = await trials.compare(new Map(), plans);
    expect(times).toHaveLength(8);
    expect(counting.most).toBe(4);
    expect(counting.open).toBe(0);
  });

  it('refuse a graph that computes something else, and leave nothing open', async () => {
    const trials = new CompiledTrials({ ...options, compile: async () => wrong });
    await expect(trials.compare(new Map(), [new Map([['gate0', 'gather']])])).rejects.toMatchObject({
      kind: 'verification',
      message: expect.stringMatching(/the dynamic form with gate0: gather differs/),
    });
    expect(counting.open).toBe(0);
  });
});
