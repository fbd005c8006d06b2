import { test } from 'vitest';
import { execSync } from 'node:child_process';
import { readModel } from '../../src/onnx/read.js';
test('neg', () => {
 for (const f of execSync('find /tmp/gen -name "*.onnx"').toString().trim().split('\n')) { try {
  const g = readModel(f);
  for (const n of g.allNodes()) for (const o of n.outputs) if (o.shape?.some((d) => typeof d === 'number' && (d < 0 || !Number.isSafeInteger(d)))) { console.log(f, n.op, JSON.stringify(o.shape), n.inputs.map((i) => JSON.stringify(i?.shape) + i?.name + (i?.constant ? i.constant.numbers().slice(0,5) : '')), JSON.stringify(n.attributes)); break; }
 } catch {} }
});
