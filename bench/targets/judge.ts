import type { Digits } from '../../fixtures/mnist.js';
import { readRemovals } from '../../src/compiler/files/removal-record.js';
import { measure, median } from '../../src/compiler/measure.js';
import { passContext } from '../../src/compiler/model/context.js';
import { openWithOriginal } from '../../src/compiler/model/source.js';
import { openSamples } from '../../src/compiler/samples/samples.js';
import { compareWith, type Reference, runReference } from '../../src/compiler/verification/verification.js';
import { readMetadata } from '../../src/onnx/metadata.js';
import { openRuntime } from '../../src/runtime/session.js';
import type { Session, Tensors } from '../../src/runtime/types.js';
import { at, defined } from '../../src/support/assert.js';
import { accuracyOf, imagesOf } from '../digits.js';
import { DeviceSession } from './browser.js';
import type { Cell, Compiled } from './cells.js';
import type { Engines } from './engines.js';

const timedImages = 64;
/** Images compared with tfjs, and those of them in software rendering, where a run takes a hundred times as long. */
const comparedImages = 1_000;
const comparedOnDevice = 200;
const judgedOnDevice = 500;

/** The rows of the table. Everything that runs in this process is timed in turns. */
export async function judgeCells(compiled: Compiled, engines: Engines, test: Digits): Promise<string[][]> {
  const { cells, input, isFlat } = compiled;
  const sessions: Session[] = [];
  try {
    for (const cell of cells) sessions.push(await engines.load(cell));
    const references = {
      here: await referenceOf(compiled, comparedImages),
      device: await referenceOf(compiled, comparedOnDevice),
    };
    const timed = Array.from({ length: timedImages }, (_, index) => ({ [input]: imagesOf(test, index, 1, isFlat) }));
    const times = await timesOf(cells, sessions, timed);
    const rows: string[][] = [];
    for (const [index, cell] of cells.entries()) {
      const session = at(sessions, index);
      const size = [cell.bytes.toLocaleString('en'), `${(cell.bytes / cell.wholeBytes).toFixed(3)}x`];
      const isDevice = session instanceof DeviceSession;
      const accuracy = await accuracyText(session, compiled, isDevice ? first(test, judgedOnDevice) : test);
      const difference = await differenceText(session, cell, cells, isDevice ? references.device : references.here);
      rows.push([
        cell.name,
        isDevice || cell.engine === 'wasm' ? cell.engine : 'node',
        accuracy,
        difference,
        ...size,
        `${times.get(cell)?.toFixed(0)} µs`,
      ]);
    }
    return rows;
  } finally {
    for (const session of sessions) await session.close();
  }
}

/** The original in tfjs on test images, one by one. */
async function referenceOf({ model, held }: Compiled, samples: number): Promise<Reference> {
  const runtime = await openRuntime();
  const source = await openWithOriginal(model, passContext(runtime, {}), {});
  const data = await openSamples(held, source);
  const { plain: _, ...reference } = await runReference({
    source,
    data,
    samples,
    batch: 1,
    runtime,
    signal: undefined,
  });
  return reference;
}

/** Microseconds of a run: those in this process in turns, a device by the clock of its page. */
async function timesOf(
  cells: readonly Cell[],
  sessions: readonly Session[],
  timed: readonly Tensors[],
): Promise<ReadonlyMap<Cell, number>> {
  const times = new Map<Cell, number>();
  const here: { readonly cell: Cell; readonly session: Session }[] = [];
  for (const [index, cell] of cells.entries()) {
    const session = at(sessions, index);
    if (session instanceof DeviceSession) {
      for (const feeds of timed) await session.run(feeds);
      times.set(cell, 1000 * median(session.times));
    } else here.push({ cell, session });
  }
  const own = here.map(({ session }) => session);
  for (const [index, time] of (await measure(own, timed)).entries()) times.set(at(here, index).cell, time);
  return times;
}

async function accuracyText(session: Session, { input, isFlat }: Compiled, test: Digits): Promise<string> {
  const accuracy = await accuracyOf(
    async (start, count) => {
      const [output] = Object.values(await session.run({ [input]: imagesOf(test, start, count, isFlat) }));
      return defined(output, 'an output').floats();
    },
    test,
    1,
  );
  const few = test.count < 10_000 ? ` of ${test.count}` : '';
  return `${(100 * accuracy).toFixed(2)} %${few}`;
}

function first({ images, labels }: Digits, count: number): Digits {
  return { count, images, labels: labels.subarray(0, count) };
}

/** The largest difference from tfjs in samples whose gates decide clearly, and how many that leaves out. */
async function differenceText(
  session: Session,
  { path }: Cell,
  cells: readonly Cell[],
  reference: Reference,
): Promise<string> {
  // A file in another format rests on what the .onnx file beside it says.
  const model = path.endsWith('.ort') ? path.replace(/\.ort$/, '.onnx') : path;
  const record = cells.some((cell) => cell.path === model) ? readMetadata(model).metadata : new Map<string, string>();
  const { comparison } = await compareWith(reference, session, { removed: readRemovals(record, model) });
  const left = comparison.boundary + comparison.outsideProfile;
  const few = left === 0 ? '' : ` (${left} of ${comparison.samples} left out)`;
  return `${comparison.maxDifference.toExponential(1)}${few}`;
}
