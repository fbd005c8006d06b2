import type { Deployment } from '../src/formats/format.js';
import { onnx } from '../src/formats/onnx.js';
import { ort } from '../src/formats/ort.js';
import { requiredOperators } from '../src/formats/required-operators.js';
import { cpu } from './cpu.js';

/** Small devices: phones, single-board computers, reduced builds of ONNX Runtime, old versions of it. */
export const edge = {
  ...cpu,
  name: 'edge',
  description: 'small devices: reduced and old builds of ONNX Runtime',
  defaultOpset: 13,
  batch: 'fixed',
  savesMemory: true,
  precisions: ['fp32', 'int8'],
  formats: [onnx, ort, requiredOperators],
} satisfies Deployment;
