import { runOrderOf } from '../../ir/run-order.js';
import { isBranch } from '../../ops/control-flow.js';
import { at } from '../../support/assert.js';
import { MinHeap } from '../../support/heap.js';
import { peakStep, type Schedule } from './schedule.js';

/**
 * Orders of nodes that take little memory. The engine runs nodes in an order of its own, which that of the file only guides
 * (see `src/ir/run-order.ts`), so orders of the file are judged by what the engine makes of them. Numbers are those of the
 * schedule's nodes.
 */

/** An order of the file. */
export interface FileOrder {
  readonly nodes: readonly number[];
  /** Most bytes in use at once when the engine runs it. */
  readonly bytes: number;
}

export interface BestOrder {
  readonly order: FileOrder;
  /** The order that the file has. */
  readonly before: FileOrder;
  /** No order whatever takes less than this; undefined where there are too many to know. */
  readonly least: number | undefined;
}

/** The best order of the file that was found, which is never worse than the one it has. */
export function bestOrder(schedule: Schedule): BestOrder {
  const before = judged(
    schedule,
    schedule.nodes.map((_, index) => index),
  );
  const planner = new Planner(schedule);
  const exact = planner.exact();
  const start = judged(schedule, fileFor(schedule, exact?.nodes ?? planner.greedy()));
  let best = start.bytes < before.bytes ? start : before;
  const least = exact?.bytes;
  if (best.bytes !== least) best = improved(schedule, best, least);
  return { order: best, before, least };
}

/** Nodes of all orders that are tried to improve one: enough for all moves of a hundred nodes, several times. */
const mostTried = 200_000;

/** Moves single nodes to run as early, or as late, as they can, as long as that helps. */
function improved(schedule: Schedule, start: FileOrder, least: number | undefined): FileOrder {
  let best = start;
  let tried = 0;
  for (let isBetter = true; isBetter && tried < mostTried; ) {
    isBetter = false;
    const run = engineOrder(schedule, best.nodes);
    for (const node of run) {
      const others = run.filter((other) => other !== node);
      for (const wanted of [
        [node, ...others],
        [...others, node],
      ]) {
        const found = judged(schedule, fileFor(schedule, wanted));
        tried += run.length;
        if (found.bytes >= best.bytes) continue;
        best = found;
        isBetter = true;
      }
      if (best.bytes === least || isBetter || tried >= mostTried) break;
    }
    if (best.bytes === least) break;
  }
  return best;
}

function judged(schedule: Schedule, nodes: readonly number[]): FileOrder {
  return { nodes, bytes: peakStep(schedule, engineOrder(schedule, nodes)).bytes };
}

/** What the engine makes of an order of the file. */
function engineOrder({ inputs }: Schedule, file: readonly number[]): number[] {
  const places = new Array<number>(file.length);
  for (const [place, node] of file.entries()) places[node] = place;
  const moved = file.map((node) => at(inputs, node).map((input) => at(places, input)));
  for (const own of moved) own.sort((left, right) => left - right);
  const isRead = new Set(moved.flat());
  const leaves = [...file.keys()].filter((place) => !isRead.has(place));
  return runOrderOf(moved, leaves).map((place) => at(file, place));
}

/**
 * An order of the file that the engine runs much as `wanted`: of what could be next, the one that is to run last comes first,
 * for the engine takes what comes last in the file first.
 */
function fileFor({ inputs }: Schedule, wanted: readonly number[]): number[] {
  const rank = new Array<number>(wanted.length);
  for (const [place, node] of wanted.entries()) rank[node] = place;
  const missing = inputs.map((own) => own.length);
  const readers = inputs.map((): number[] => []);
  for (const [node, own] of inputs.entries()) for (const input of own) at(readers, input).push(node);
  const ready = new MinHeap<number>();
  const free = (node: number): void => ready.push(-at(rank, node), node);
  for (const [node, count] of missing.entries()) if (count === 0) free(node);
  const file: number[] = [];
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    file.push(node);
    for (const reader of at(readers, node)) {
      const left = at(missing, reader) - 1;
      missing[reader] = left;
      if (left === 0) free(reader);
    }
  }
  return file;
}

/** Values of all sets of nodes that the search for the best order may look at. */
const mostLooked = 500_000;

/** Orders of a schedule by themselves, whatever the engine can be made to run. A set of nodes is a number of one bit each. */
class Planner {
  readonly #schedule: Schedule;
  readonly #needs: readonly bigint[];
  readonly #readers: readonly bigint[];
  readonly #given: number[];

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#needs = schedule.inputs.map(setOf);
    this.#readers = schedule.buffers.map(({ readers }) => setOf(readers));
    this.#given = new Array<number>(schedule.nodes.length).fill(0);
    for (const { producer, bytes } of schedule.buffers) {
      if (producer >= 0) this.#given[producer] = at(this.#given, producer) + bytes;
    }
  }

  /**
   * The order that takes least, found by going from set to set of nodes that have run, always on from the one that has taken
   * least so far. Undefined where that would be too many sets.
   */
  exact(): FileOrder | undefined {
    const all = setOf([...this.#schedule.nodes.keys()]);
    const open = new MinHeap<{ readonly ran: bigint; readonly bytes: number; readonly path: Path | undefined }>();
    const done = new Set<bigint>();
    const most = mostLooked / (this.#schedule.buffers.length + 1);
    open.push(0, { ran: 0n, bytes: 0, path: undefined });
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { ran, bytes, path } = next;
      if (ran === all) return { nodes: nodesOf(path), bytes };
      if (done.has(ran)) continue;
      done.add(ran);
      if (done.size > most) return undefined;
      const live = this.#liveAfter(ran);
      for (const node of this.#ready(ran)) {
        const after = Math.max(bytes, live + this.#during(node));
        const state = { ran: ran | (1n << BigInt(node)), bytes: after, path: { node, before: path } };
        if (!done.has(state.ran)) open.push(after, state);
      }
    }
    return undefined;
  }

  /** Always what leaves least in use, of what takes least while it runs. */
  greedy(): number[] {
    const { inputs, buffers } = this.#schedule;
    const missing = inputs.map((own) => own.length);
    const next = inputs.map((): number[] => []);
    for (const [node, own] of inputs.entries()) for (const input of own) at(next, input).push(node);
    const unread = buffers.map(({ readers }) => new Set(readers));
    const touched = inputs.map((): number[] => []);
    for (const [index, { producer, readers }] of buffers.entries()) {
      for (const node of new Set([...(producer < 0 ? [] : [producer]), ...readers])) at(touched, node).push(index);
    }
    // Bytes that are given back once the node has run, less those that it leaves.
    const freedBy = (node: number): number =>
      at(touched, node).reduce((sum, index) => {
        const { bytes, producer, staysToEnd } = at(buffers, index);
        const isLast = !staysToEnd && [...at(unread, index)].every((reader) => reader === node);
        return sum + (isLast ? bytes : 0) - (producer === node ? bytes : 0);
      }, 0);
    const ready = new Set([...inputs.keys()].filter((node) => missing[node] === 0));
    const order: number[] = [];
    while (ready.size > 0) {
      const choices = [...ready].map((node) => ({ node, freed: freedBy(node), during: this.#during(node) }));
      choices.sort((left, right) => right.freed - left.freed || left.during - right.during || left.node - right.node);
      const { node } = at(choices, 0);
      order.push(node);
      ready.delete(node);
      for (const index of at(touched, node)) at(unread, index).delete(node);
      for (const reader of at(next, node)) {
        const left = at(missing, reader) - 1;
        missing[reader] = left;
        if (left === 0) ready.add(reader);
      }
    }
    return order;
  }

  /** Nodes that could run next. */
  #ready(ran: bigint): number[] {
    return this.#needs.flatMap((needs, node) =>
      ((ran >> BigInt(node)) & 1n) === 0n && (needs & ran) === needs ? [node] : [],
    );
  }

  /** Bytes in use between two nodes. */
  #liveAfter(ran: bigint): number {
    let bytes = 0;
    for (const [index, { producer, staysToEnd, bytes: own }] of this.#schedule.buffers.entries()) {
      if (producer >= 0 && ((ran >> BigInt(producer)) & 1n) === 0n) continue;
      const readers = at(this.#readers, index);
      if (staysToEnd || (readers & ran) !== readers) bytes += own;
    }
    return bytes;
  }

  /** Bytes that a node needs while it runs, besides those in use before. */
  #during(node: number): number {
    const [given, inner] = [at(this.#given, node), this.#schedule.inner[node]?.bytes ?? 0];
    return isBranch(at(this.#schedule.nodes, node)) ? Math.max(given, inner) : given + inner;
  }
}

/** Nodes that ran, the last one first. */
interface Path {
  readonly node: number;
  readonly before: Path | undefined;
}

function nodesOf(path: Path | undefined): number[] {
  const nodes: number[] = [];
  for (let step = path; step !== undefined; step = step.before) nodes.push(step.node);
  return nodes.reverse();
}

function setOf(nodes: readonly number[]): bigint {
  return nodes.reduce((set, node) => set | (1n << BigInt(node)), 0n);
}
