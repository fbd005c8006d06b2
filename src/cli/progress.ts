import type { Progress } from '../compiler/options.js';
import type { Terminal } from './terminal.js';

const labels: Readonly<Record<Progress['stage'], string>> = {
  import: 'reading the model',
  prepare: 'preparing',
  profile: 'profiling gates',
  optimize: 'optimizing',
  rank: 'ranking units',
  prune: 'removing within the budget',
  verify: 'verifying',
  plan: 'measuring plans',
  measure: 'measuring',
  write: 'writing',
};

/** Least time between two updates of the line, in milliseconds. */
const interval = 50;

/** Shows on one line how far `work` is, where errors go to a screen; the line is gone when the work ends. */
export async function withProgress<T>(
  terminal: Terminal,
  work: (onProgress: (progress: Progress) => void) => Promise<T>,
): Promise<T> {
  if (!terminal.showsProgress) return work(() => {});
  let stage = '';
  let shown = 0;
  try {
    return await work((progress) => {
      const now = performance.now();
      if (progress.stage === stage && now - shown < interval) return;
      stage = progress.stage;
      shown = now;
      terminal.err(`\r\u001b[2K${progressText(progress).slice(0, terminal.columns - 1)}`);
    });
  } finally {
    terminal.err('\r\u001b[2K');
  }
}

/** Such as `profiling gates 640/10000 (6 %)`. */
function progressText({ stage, done, total }: Progress): string {
  if (done === undefined) return `${labels[stage]} …`;
  if (total === undefined || total === 0) return `${labels[stage]} ${done}`;
  return `${labels[stage]} ${done}/${total} (${Math.floor((100 * done) / total)} %)`;
}
