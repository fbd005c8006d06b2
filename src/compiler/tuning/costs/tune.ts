import { targets } from '../../../../targets/index.js';
import type { TargetCosts } from '../../../passkit/target.js';
import { openRuntime } from '../../../runtime/session.js';
import type { Runtime, Session } from '../../../runtime/types.js';
import { at, defined } from '../../../support/assert.js';
import { problem, SwancError, throwIfAborted } from '../../../support/errors.js';
import { quantile, timeSamples } from '../../measure.js';
import type { CommonOptions } from '../../options.js';
import { costsPath, type MeasuredCosts, thisMachine, writeCosts } from './costs-file.js';
import { fitCosts, type Measurements, slope } from './fit.js';
import { allSeries, type Probe, type Series } from './probes.js';

export type { TargetCosts } from '../../../passkit/target.js';

/** How costs are measured. */
export interface TuneOptions extends Pick<CommonOptions, 'signal' | 'onProgress'> {
  /** File to write; by default that of this machine in the folder of caches, where `compile` looks for it. */
  readonly out?: string | undefined;
  /** For about how long is measured, not counting what loading the probes takes; 10 by default. */
  readonly seconds?: number | undefined;
}

/** The costs of this machine, where they were written, and what they replace. */
export interface TuneResult extends MeasuredCosts {
  readonly path: string;
  /** The costs that swanc comes with. */
  readonly before: TargetCosts;
}

/** The target whose models run on this machine. */
const tunedTarget = 'cpu';
const usualSeconds = 10;

/**
 * Measures on this machine what the costs of the target `cpu` say, and writes them to a file which `compile` uses from
 * then on.
 * @throws SwancError `usage` for a time that is none or a file that cannot be written, `aborted`.
 */
export async function tune(options: TuneOptions = {}): Promise<TuneResult> {
  const { signal, onProgress, seconds = usualSeconds } = options;
  if (!(seconds > 0 && Number.isFinite(seconds))) {
    throw new SwancError('SWC2002', 'nothing can be measured', [problem('seconds', `${seconds} is no length of time`)]);
  }
  const runtime = await openRuntime();
  const { costs: before } = defined(targets[tunedTarget], 'the target');
  const machine = thisMachine(runtime);
  const measured = await measureProbes(runtime, {
    seconds,
    signal,
    onSeries: (done, total) => onProgress?.({ stage: 'measure', done, total }),
  });
  const path = options.out ?? costsPath(machine, tunedTarget);
  const result: MeasuredCosts = { machine, target: tunedTarget, ...mutable(fitCosts(measured, before)) };
  await writeCosts(path, result);
  return { path, before, ...result };
}

const mutable = ({ costs, kept }: ReturnType<typeof fitCosts>): Pick<MeasuredCosts, 'costs' | 'kept'> => ({
  costs: { ...costs },
  kept: [...kept],
});

interface ProbeOptions {
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly onSeries: (done: number, total: number) => void;
}

/** Times all probes, the operators first: what others have of them is taken off their times. */
export async function measureProbes(
  runtime: Runtime,
  { seconds, signal, onSeries }: ProbeOptions,
): Promise<Measurements> {
  const found = new Map<keyof Measurements, readonly Timed[]>();
  let operator = 0;
  for (const [done, seriesOf] of allSeries.entries()) {
    onSeries(done, allSeries.length);
    throwIfAborted(signal);
    const series = seriesOf();
    const milliseconds = (1000 * seconds) / allSeries.length / series.probes.length;
    const times = await timeSeries(series, runtime, milliseconds, signal);
    const timed = series.probes.map(({ count, operators, runs }, index) => {
      return { count, runs: runs ?? 0, time: at(times, index) - operators * operator };
    });
    found.set(series.name, timed);
    if (series.name === 'operators') operator = Math.max(0, slope(timed));
  }
  const of = (name: keyof Measurements): readonly Timed[] => found.get(name) ?? [];
  return {
    operators: of('operators'),
    branches: of('branches'),
    selects: of('selects'),
    selectedElements: of('selectedElements'),
    elements: of('elements'),
    addedElements: of('addedElements'),
    constantFlops: of('constantFlops'),
    runtimeFlops: of('runtimeFlops'),
    weightBytes: of('weightBytes'),
    gathers: of('gathers').map(({ count, runs, time }) => ({ bytes: count, runs, time })),
  };
}

/** What else the machine does only makes runs longer: the shorter ones tell what they cost. */
const undisturbed = (times: readonly number[]): number => quantile(times, 0.2);

interface Timed {
  readonly count: number;
  readonly runs: number;
  readonly time: number;
}

/** Microseconds of a run of each probe. */
async function timeSeries(
  { probes, isAlone }: Series,
  runtime: Runtime,
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const times: number[] = [];
  for (const group of isAlone === true ? probes.map((probe) => [probe]) : [probes]) {
    const sessions: Session[] = [];
    try {
      for (const probe of group) {
        throwIfAborted(signal);
        sessions.push(fed(await runtime.load(probe.graph), probe));
      }
      times.push(
        ...(await timeSamples(sessions, [{}], { signal, milliseconds, summary: undisturbed })).map((own) => at(own, 0)),
      );
    } finally {
      for (const session of sessions) await session.close();
    }
  }
  return times;
}

/** A session that always runs on the probe's own inputs: they differ from probe to probe. */
function fed(session: Session, { feeds }: Probe): Session {
  const { inputs, outputs } = session;
  return { inputs, outputs, run: () => session.run(feeds), close: () => session.close() };
}
