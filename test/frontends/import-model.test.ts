import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importModel } from '../../src/frontends/index.js';
import { modelBytes } from '../../src/onnx/write.js';
import { layer, sequential, writeModel } from './handmade.js';
import { errorOf, withFolder } from './support.js';

const dense = sequential(layer('Dense', 'd', { batch_input_shape: [null, 2], units: 1, use_bias: false }));
const weights = [{ name: 'd/kernel', shape: [2, 1], values: [1, 2] }];

describe('importModel', () => {
  test('a folder or file of tfjs, and the ONNX file written from it', () =>
    withFolder(async (folder) => {
      writeModel(folder, dense, weights);
      const fromFolder = importModel(folder);
      const json = join(folder, 'model.json');
      expect(fromFolder).toMatchObject({ format: 'tfjs-layers', path: json });
      expect(importModel(json).sourceBytes).toBe(fromFolder.sourceBytes);
      const onnx = join(folder, 'd.onnx');
      const bytes = modelBytes(fromFolder.graph);
      writeFileSync(onnx, bytes);
      const again = importModel(onnx);
      expect(again).toMatchObject({ format: 'onnx', path: onnx, sourceBytes: bytes.length });
      expect(again.graph.nodes.map(({ op }) => op)).toEqual(['Gemm']);
    }));

  test('a folder of ONNX', () =>
    withFolder(async (folder) => {
      const source = join(folder, 'tfjs');
      writeModel(source, dense, weights);
      writeFileSync(join(folder, 'model.onnx'), modelBytes(importModel(source).graph));
      expect(importModel(folder).format).toBe('onnx');
    }));

  test('nothing there', () =>
    withFolder(async (folder) => {
      expect(errorOf(() => importModel(folder)).message).toContain('no model.json or model.onnx');
      expect(errorOf(() => importModel(join(folder, 'x.onnx'))).exitCode).toBe(3);
    }));
});
