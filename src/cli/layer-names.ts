import type { Inspection } from '../compiler/inspect.js';
import { problem, SwancError } from '../support/errors.js';
import { nearest } from '../support/nearest.js';

/** Names that are listed where none is near. */
const listed = 8;

/**
 * Refuses names of layers and gates that a model does not have, with the ones that were most likely meant.
 * @throws SwancError `usage`
 */
export function requireLayers(wanted: readonly string[], { inputs, layers, gates }: Inspection): void {
  const names = [...new Set([...inputs, ...layers, ...gates].map(({ name }) => name))];
  const problems = wanted
    .filter((name) => !names.includes(name))
    .map((name) => problem(name, 'there is no such layer or gate', advice(name, names)));
  if (problems.length > 0) throw new SwancError('SWC2002', 'the options do not fit the model', problems);
}

function advice(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  const within = names.filter((other) => other !== near && other.toLowerCase().includes(name.toLowerCase()));
  const meant = [...(near === undefined ? [] : [near]), ...within].slice(0, listed);
  if (meant.length > 0) return `did you mean ${meant.join(', ')}?`;
  return `there are ${names.slice(0, listed).join(', ')}${names.length > listed ? ', …: "swanc inspect" lists all' : ''}`;
}
