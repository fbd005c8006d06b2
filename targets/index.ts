import type { Deployment } from '../src/formats/format.js';
import { cpu } from './cpu.js';
import { edge } from './edge.js';
import { webgpu } from './webgpu.js';

/** Every target, by the name that `--target` takes. */
export const targets: Readonly<Record<string, Deployment>> = Object.fromEntries(
  [cpu, webgpu, edge].map((target) => [target.name, target]),
);
