/** Timings of every run: fewer where they would take too long, but so many at least. */
const most = 31;
const fewest = 7;
/** Milliseconds: of all timings together, beyond which there are no more than the fewest, and of one, for clocks are coarse. */
const budget = 3000;
const shortest = 2;

/**
 * Times runs in turns, so that whatever else the machine does meets all alike: in every round each is timed once, and they
 * take turns in being first. A timing is of so many runs in a row that it takes 2 ms or more. Gives the medians in
 * milliseconds of a run. Between rounds the page is given time to answer.
 * @throws the reason of the signal.
 */
export async function measure(runs, { signal, onProgress, now = () => performance.now() }) {
  let repeats = 1;
  // Also warms up: the first runs are slower.
  for (let round = 0; round < 3; round++) {
    for (const run of runs) {
      const took = await time(run, repeats, now);
      const wanted = took <= 0 ? repeats * 8 : Math.ceil((shortest / took) * repeats);
      repeats = Math.min(64, Math.max(repeats, wanted));
    }
    await rest(signal);
  }
  const times = runs.map(() => []);
  const start = now();
  let rounds = 0;
  while (rounds < fewest || (rounds < most && now() - start < budget)) {
    for (let turn = 0; turn < runs.length; turn++) {
      const which = (rounds + turn) % runs.length;
      times[which].push((await time(runs[which], repeats, now)) / repeats);
    }
    rounds++;
    onProgress?.(Math.max(Math.min(rounds / most, 1), Math.min((now() - start) / budget, rounds / fewest)));
    await rest(signal);
  }
  return { medians: times.map(median), rounds, repeats };
}

async function time(run, repeats, now) {
  const start = now();
  for (let repeat = 0; repeat < repeats; repeat++) await run();
  return now() - start;
}

async function rest(signal) {
  await new Promise((done) => setTimeout(done, 0));
  signal?.throwIfAborted();
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
