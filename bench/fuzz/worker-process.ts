import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Case } from './case.js';
import { kindOf } from './kinds/index.js';
import type { Outcome } from './outcome.js';
import type { Order, Reply } from './worker.js';

export interface Result {
  /** Undefined where the process ended before it had made the case. */
  readonly made: Case | undefined;
  readonly outcome: Outcome;
  readonly milliseconds: number;
}

/** Longest time of a case. */
const longest = 10_000;
/** To start, and to make what cases are made from. */
const longestStart = 180_000;
const heapMegabytes = 2048;
const watchEvery = 200;
/** Cases of one process, and the memory from which on the next case gets a new one, in parts of what it may have. */
const mostCases = 1000;
const worn = 0.6;

/** Runs cases in a process of their own, which is ended where one takes too long or too much memory. */
export class WorkerProcess {
  #child: ChildProcess | undefined;
  #cases = 0;
  #memory = 0;

  async run(order: Order): Promise<Result> {
    const limit = kindOf(order.kind).memory;
    if (this.#cases >= mostCases || this.#memory > worn * limit) await this.close();
    this.#cases++;
    const child = this.#child ?? this.#start();
    this.#child = child;
    return new Promise((resolve) => {
      let made: Case | undefined;
      let stderr = '';
      let ended: Outcome | undefined;
      const end = (outcome: Outcome): void => {
        ended ??= outcome;
        child.kill('SIGKILL');
      };
      const stop = (code: string): void => end({ class: 'hang', code, message: `it takes longer than ${code}` });
      let clock = setTimeout(() => stop('start'), longestStart);
      const watch = setInterval(() => {
        const now = residentMegabytes(child.pid);
        if (now > 2 * limit) end({ class: 'memory', code: 'ended', message: `${Math.round(now)} MiB` });
      }, watchEvery);
      const onText = (text: Buffer): void => {
        stderr = `${stderr}${text.toString()}`.slice(-4000);
      };
      const finish = (outcome: Outcome, milliseconds: number): void => {
        clearTimeout(clock);
        clearInterval(watch);
        child.off('message', onMessage);
        child.off('exit', onExit);
        child.stderr?.off('data', onText);
        resolve({ made, outcome, milliseconds });
      };
      const onMessage = (reply: Reply): void => {
        if ('ready' in reply) {
          made = reply.ready;
          clearTimeout(clock);
          clock = setTimeout(() => stop('10 s'), longest);
        } else {
          this.#memory = reply.memory;
          finish(reply.outcome, reply.milliseconds);
        }
      };
      const onExit = (code: number | null, signal: string | null): void => {
        this.#forget();
        const isFull = /heap out of memory|Array buffer allocation failed|bad_alloc/.test(stderr);
        const crash: Outcome = { class: isFull ? 'memory' : 'crash', code: `${signal ?? code}`, message: stderr };
        finish(ended ?? crash, 0);
      };
      child.on('message', onMessage);
      child.once('exit', onExit);
      child.stderr?.on('data', onText);
      child.send(order);
    });
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#forget();
    if (child === undefined || child.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.disconnect();
    });
  }

  #forget(): void {
    this.#child = undefined;
    this.#cases = 0;
    this.#memory = 0;
  }

  #start(): ChildProcess {
    return fork(fileURLToPath(new URL('worker.js', import.meta.url)), {
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
  }
}

/** Memory of a process now; 0 where that cannot be told. */
function residentMegabytes(pid: number | undefined): number {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 2 ** 20;
  } catch {
    return 0;
  }
}
