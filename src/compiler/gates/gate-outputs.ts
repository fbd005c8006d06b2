import { z } from 'zod';
import { Tensor } from '../../ir/tensor.js';
import type { GateOutput } from '../../passkit/pass.js';
import type { Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { readRecord } from '../files/file-record.js';
import type { GateState } from './gate-states.js';

/**
 * The outputs of a compiled file that tell what its gates decide, as they stand in its metadata: verification compares them
 * with the gates of the original, which has no such outputs.
 */
const key = 'swanc.gates';

const recordSchema = z.array(
  z.strictObject({ gate: z.string(), output: z.string(), units: z.array(z.int().nonnegative()) }),
);

/** Metadata properties for a file with these outputs. */
export function gateOutputMetadata(outputs: readonly GateOutput[]): Readonly<Record<string, string>> {
  return outputs.length === 0 ? {} : { [key]: JSON.stringify(outputs) };
}

/** The outputs that a file's metadata name; none if it was compiled without. */
export function readGateOutputs(metadata: ReadonlyMap<string, string>, path: string): readonly GateOutput[] {
  return readRecord(key, recordSchema, metadata, path) ?? [];
}

/**
 * What is expected of a model with such outputs: `expected` of the original, and what the original's gates decide. Rows
 * beyond the samples are padding, which nothing is compared with.
 */
export function withGateOutputs(
  expected: Tensors,
  outputs: readonly GateOutput[],
  firing: GateState['firing'],
): Tensors {
  if (outputs.length === 0) return expected;
  const rows = Object.values(expected)[0]?.dims[0] ?? 0;
  const added = outputs.map(({ gate, output, units }): [string, Tensor] => {
    const state = defined(firing.get(gate), `what gate '${gate}' decides`);
    const samples = state.fires.length / state.units;
    const fires = new Float32Array(rows * units.length);
    for (let sample = 0; sample < Math.min(rows, samples); sample++) {
      for (const [column, unit] of units.entries()) {
        fires[sample * units.length + column] = at(state.fires, sample * state.units + unit);
      }
    }
    return [output, new Tensor('float32', [rows, units.length], fires)];
  });
  return { ...expected, ...Object.fromEntries(added) };
}
