import type { Target } from '../../../passkit/target.js';
import type { Runtime } from '../../../runtime/types.js';
import { invalid } from '../../../support/errors.js';
import { costsPath, readCosts, thisMachine } from './costs-file.js';

/** A target with the costs that plans are made with. */
export interface CostedTarget {
  readonly target: Target;
  /** The file that they are from; undefined for those that swanc comes with. */
  readonly costsFile: string | undefined;
}

/**
 * The target with costs that were measured: those of `file`, by default those of this machine if `tune` was run on it,
 * with false none.
 * @throws SwancError `invalid` for a damaged file, and for one that is named and missing.
 */
export async function withMeasuredCosts(
  target: Target,
  file: string | false | undefined,
  runtime: Pick<Runtime, 'name' | 'version'>,
): Promise<CostedTarget> {
  if (file === false) return { target, costsFile: undefined };
  const path = file ?? costsPath(thisMachine(runtime), target.name);
  const measured = await readCosts(path, target.name, file !== undefined);
  if (measured !== undefined) return { target: { ...target, costs: measured.costs }, costsFile: path };
  if (file !== undefined)
    throw invalid('SWC3301', path, 'there is no such file', `write it with "swanc tune --out ${path}"`);
  return { target, costsFile: undefined };
}
