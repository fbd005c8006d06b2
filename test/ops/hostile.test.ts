import { describe, expect, it } from 'vitest';
import type { Attribute } from '../../src/ir/attribute.js';
import { Tensor } from '../../src/ir/tensor.js';
import { boundsOfNode, flopsOf, operators, relationsOf } from '../../src/ops/index.js';
import { portsOf, portValue } from '../../src/ops/relations.js';
import { SwancError } from '../../src/support/errors.js';
import type { Random } from '../../src/support/random.js';
import { type Case, type CaseInput, graphOf, holds } from './case.js';
import { casesOf } from './generators/index.js';

/** Nodes that no operator can take are refused with the node's name, or get types that make sense. */
describe('broken nodes', () => {
  for (const operator of operators) {
    it(`of ${operator.op} are refused or understood`, async () => {
      await holds(casesOf(operator), 40, async (single, random) => {
        const broken = breakIn(single, random);
        try {
          const { node } = graphOf(broken);
          for (const output of node.outputs) {
            for (const dim of output.shape ?? []) {
              if (typeof dim === 'number')
                expect(Number.isSafeInteger(dim) && dim >= 0, `[${output.shape}]`).toBe(true);
            }
          }
          expect(flopsOf(node)).toBeGreaterThanOrEqual(0);
          for (const relation of relationsOf(node)) {
            for (const port of portsOf(relation)) {
              expect(port.axis).toBeLessThan(portValue(node, port)?.shape?.length ?? Number.POSITIVE_INFINITY);
            }
          }
          boundsOfNode(
            node,
            node.inputs.map(() => undefined),
          );
        } catch (error) {
          if (!(error instanceof SwancError)) throw error;
          expect(error.problems[0]?.where).toBe('node');
        }
      });
    });
  }
});

const strange = [0, 1, -1, 2, 7, -7, 1000, 2 ** 40, -(2 ** 40)];

/** Changes one attribute or one input into something else of its kind. */
function breakIn(single: Case, random: Random): Case {
  const number = (): number => strange[random.integer(strange.length)] ?? 0;
  const list = (): number[] => Array.from({ length: random.integer(4) }, number);
  const names = Object.keys(single.attributes ?? {}).filter((name) => single.attributes?.[name]?.kind !== 'graph');
  const kind = random.integer(3);
  if (kind === 0 && names.length > 0) {
    const name = names[random.integer(names.length)] ?? '';
    const replaced: Record<string, Attribute> = {
      int: { kind: 'int', value: number() },
      ints: { kind: 'ints', value: list() },
      string: { kind: 'string', value: 'strange' },
      float: { kind: 'float', value: number() },
    };
    const changed = random.integer(5) === 0 ? replaced.ints : replaced[single.attributes?.[name]?.kind ?? ''];
    return changed === undefined ? single : { ...single, attributes: { ...single.attributes, [name]: changed } };
  }
  const index = random.integer(Math.max(1, single.inputs.length));
  if (kind === 1) return { ...single, inputs: single.inputs.map((given, i) => (i === index ? undefined : given)) };
  const change = (given: CaseInput | undefined): CaseInput | undefined => {
    if (given === undefined) return undefined;
    if (given.constant === true) {
      const values = list();
      return { tensor: Tensor.int64([values.length], values), constant: true };
    }
    const dims = Array.from({ length: random.integer(5) }, () => random.integer(4));
    return { tensor: Tensor.floats(dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1))) };
  };
  return { ...single, inputs: single.inputs.map((given, i) => (i === index ? change(given) : given)) };
}
