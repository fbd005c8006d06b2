import { removeConstantUnits } from '../passes/remove-constant-units.js';
import { passContext } from '../src/compiler/model/context.js';
import { gatesOf } from '../src/passkit/gates.js';
import { countNodes, PassManager } from '../src/passkit/manager.js';
import { Removal } from '../src/passkit/removal/removal.js';
import { FixedSlots } from '../src/passkit/units/fixed-slots.js';
import { UnitGroups } from '../src/passkit/units/units.js';
import type { Runtime } from '../src/runtime/types.js';
import { defined } from '../src/support/assert.js';
import { buildChain } from './networks/chain.js';
import { printTable } from './table.js';

/** Gated units of a block, and blocks: 65 thousand units, a quarter of a million, a million. */
const unitsPerBlock = 4096;
const blocks = [16, 64, 256];

interface Planning {
  readonly units: number;
  readonly nodes: number;
  readonly removed: number;
  /** Seconds that each step takes. */
  readonly grouping: number;
  readonly planning: number;
  readonly pass: number;
}

/**
 * Prints how long removal is planned for, for networks of 1, 4 and 16 times as many units and nodes: grouping alone, a
 * plan for all planted units (grouping included), and the whole pass that proves half of them dead and removes these.
 */
export async function benchPlanning(runtime: Runtime): Promise<void> {
  // The first graph pays for what the engine compiles meanwhile.
  await plan(1, 256, runtime);
  const rows: Planning[] = [];
  for (const count of blocks) rows.push(await plan(count, unitsPerBlock, runtime));
  const perUnit = (seconds: number, units: number): string => `${((seconds * 1e6) / units).toFixed(2)} µs`;
  console.log('planning');
  printTable(
    ['gated units', 'nodes', 'planned to go', 'grouping', 'plan', 'a unit', 'proof and removal', 'a unit'],
    rows.map(({ units, nodes, removed, grouping, planning, pass }) => [
      units.toLocaleString('en'),
      nodes.toLocaleString('en'),
      removed.toLocaleString('en'),
      `${grouping.toFixed(2)} s`,
      `${planning.toFixed(2)} s`,
      perUnit(planning, units),
      `${pass.toFixed(2)} s`,
      perUnit(pass, units),
    ]),
  );
  console.log();
}

async function plan(blocks: number, units: number, runtime: Runtime): Promise<Planning> {
  const { graph, planted } = buildChain('gated', { blocks, units }, 7);
  const context = passContext(runtime, {});
  const fixed = new FixedSlots();
  for (const { name, node, axis } of gatesOf(graph)) {
    for (const unit of defined(planted.get(name), name).dead.keys()) fixed.set(node.output, axis, unit, 0);
  }
  const [grouping] = await secondsOf(() => new UnitGroups(graph));
  const [planning, removal] = await secondsOf(() => Removal.plan(graph, fixed, context));
  const nodes = countNodes(graph);
  const manager = new PassManager(graph, context, ['gates', 'layout']);
  const [pass] = await secondsOf(() => manager.run([removeConstantUnits]));
  return { units: blocks * units, nodes, removed: removal.size, grouping, planning, pass };
}

async function secondsOf<T>(work: () => T | Promise<T>): Promise<readonly [seconds: number, result: T]> {
  const start = performance.now();
  const result = await work();
  return [(performance.now() - start) / 1000, result];
}
