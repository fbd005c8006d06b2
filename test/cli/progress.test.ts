import { describe, expect, it } from 'vitest';
import { type Clock, withProgress } from '../../src/cli/progress.js';
import type { Terminal } from '../../src/cli/terminal.js';
import type { Progress } from '../../src/compiler/options.js';
import { displayWidth } from '../../src/report/layout.js';

/** A clock that tests move. */
class FakeClock implements Clock {
  time = 0;
  readonly #ticks = new Set<{ readonly every: number; readonly tick: () => void; last: number }>();

  now(): number {
    return this.time;
  }

  every(milliseconds: number, tick: () => void): () => void {
    const entry = { every: milliseconds, tick, last: this.time };
    this.#ticks.add(entry);
    return () => this.#ticks.delete(entry);
  }

  get ticking(): number {
    return this.#ticks.size;
  }

  pass(milliseconds: number): void {
    const end = this.time + milliseconds;
    while (this.time < end) {
      this.time = Math.min(end, this.time + 20);
      for (const entry of this.#ticks) {
        if (this.time - entry.last < entry.every) continue;
        entry.last = this.time;
        entry.tick();
      }
    }
  }
}

interface Shown {
  readonly text: string;
  readonly clock: FakeClock;
}

/** Runs work on a terminal of this kind and returns all that it was sent. */
async function show(
  kind: Partial<Terminal>,
  work: (report: (progress: Progress) => void, clock: FakeClock) => void,
): Promise<Shown> {
  const clock = new FakeClock();
  let text = '';
  const terminal: Terminal = {
    out: () => {},
    err: (own) => {
      text += own;
    },
    outColors: false,
    errColors: false,
    showsProgress: false,
    logsProgress: false,
    columns: 80,
    outColumns: 80,
    debug: false,
    signal: new AbortController().signal,
    ...kind,
  };
  await withProgress(terminal, async (report) => work(report, clock), clock);
  return { text, clock };
}

const clear = '\r\u001b[2K';
const drawn = ({ text }: Shown): string[] => text.split(clear).filter((line) => line !== '');

describe('progress on a screen', () => {
  it('is one line with a bar, what is done, the time and what is left, and is gone at the end', async () => {
    const shown = await show({ showsProgress: true }, (report, clock) => {
      report({ stage: 'import' });
      clock.pass(500);
      for (let done = 0; done <= 50; done += 10) {
        report({ stage: 'profile', done, total: 100 });
        clock.pass(1000);
      }
    });
    const lines = drawn(shown);
    expect(lines[0]).toBe('reading the model …  0 s');
    expect(lines).toContain(`profiling gates  ${bar(24, 0.3)}  30/100  4 s, 7 s left`);
    expect(shown.text).not.toContain('\n');
    expect(shown.text.endsWith(clear)).toBe(true);
    expect(shown.clock.ticking).toBe(0);
  });

  it('moves while the work says nothing, and not more often than eyes see', async () => {
    const shown = await show({ showsProgress: true }, (report, clock) => {
      report({ stage: 'optimize' });
      clock.pass(10_000);
      for (let done = 0; done < 1000; done++) report({ stage: 'plan', done });
    });
    expect(drawn(shown)).toContain('optimizing …  9 s');
    expect(drawn(shown).length).toBeLessThan(130);
  });

  it('never reaches the last column', async () => {
    for (const columns of [1, 2, 5, 20, 40, 63, 80, 300]) {
      const shown = await show({ showsProgress: true, columns }, (report, clock) => {
        for (let done = 0; done <= 1_000_000; done += 250_000) {
          report({ stage: 'prune', done, total: 1_000_000 });
          clock.pass(2000);
        }
      });
      for (const line of drawn(shown)) expect(displayWidth(line)).toBeLessThan(columns);
    }
  });

  it('is gone when the work fails', async () => {
    let text = '';
    const err = (own: string): void => {
      text += own;
    };
    const terminal: Partial<Terminal> = { showsProgress: true, err };
    const failing = show(terminal, (report) => {
      report({ stage: 'verify' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(text.endsWith(clear)).toBe(true);
  });

  it('leaves the cursor on a line of its own when the user interrupts', async () => {
    const interrupt = new AbortController();
    const shown = await show({ showsProgress: true, signal: interrupt.signal }, (report, clock) => {
      report({ stage: 'verify' });
      interrupt.abort();
      clock.pass(5000);
      report({ stage: 'measure' });
    });
    expect(shown.text.endsWith(`${clear}stopping … (Ctrl-C again ends at once)\n`)).toBe(true);
  });
});

describe('progress in a log', () => {
  it('says nothing of short work', async () => {
    const { text } = await show({ logsProgress: true }, (report, clock) => {
      for (const stage of ['import', 'prepare', 'profile', 'optimize', 'write'] as const) {
        report({ stage });
        clock.pass(1500);
      }
    });
    expect(text).toBe('');
  });

  it('says rarely how far long work is', async () => {
    const shown = await show({ logsProgress: true }, (report, clock) => {
      report({ stage: 'import' });
      clock.pass(15_000);
      for (let done = 0; done <= 600; done++) {
        report({ stage: 'profile', done, total: 600 });
        clock.pass(200);
      }
      clock.pass(2000);
      report({ stage: 'write' });
    });
    expect(shown.text.split('\n')).toEqual([
      '[10 s] reading the model',
      '[15 s] profiling gates',
      '[45 s] profiling gates: 149 of 600 (24 %), 1 min 31 s left',
      '[1 min 15 s] profiling gates: 299 of 600 (49 %), 1 min left',
      '[1 min 45 s] profiling gates: 449 of 600 (74 %), 30 s left',
      '[2 min 15 s] profiling gates: 599 of 600 (99 %), 0 s left',
      '[2 min 17 s] writing',
      '',
    ]);
    expect(shown.clock.ticking).toBe(0);
  });
});

it('is not shown where nobody wants it', async () => {
  const { text } = await show({}, (report, clock) => {
    report({ stage: 'import' });
    clock.pass(100_000);
  });
  expect(text).toBe('');
});

function bar(cells: number, part: number): string {
  const halves = Math.round(2 * cells * part);
  const full = '━'.repeat(Math.floor(halves / 2));
  const half = halves % 2 === 1 ? '╸' : '';
  return `${full}${half}`.padEnd(cells, '─');
}
