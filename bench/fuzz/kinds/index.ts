import type { Kind } from '../kind.js';
import { dataKinds } from './data.js';
import { compiles, models, weights } from './models.js';
import { onnx, onnxCompiles, ort, verified } from './onnx.js';
import { configs, costedCompiles, costs, profiledCompiles, profiles, reports } from './records.js';

/** All kinds of input. */
export const kinds: readonly Kind[] = [
  ...[models, weights, compiles, onnx, onnxCompiles, verified, ort],
  ...[profiles, profiledCompiles, costs, costedCompiles, reports, configs, ...dataKinds],
];

export function kindOf(name: string): Kind {
  const found = kinds.find((kind) => kind.name === name);
  if (found === undefined)
    throw new Error(`there is no kind ${name}; there are ${kinds.map((own) => own.name).join(', ')}`);
  return found;
}
