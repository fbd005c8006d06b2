import type { Target } from '../src/passkit/target.js';
import { cpu } from './cpu.js';

/** Every target, by the name that `--target` takes. */
export const targets: Readonly<Record<string, Target>> = { [cpu.name]: cpu };
