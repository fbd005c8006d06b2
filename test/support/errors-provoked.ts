import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { Deployment, Format } from '../../src/formats/format.js';
import { compile, mergeProfiles, type Profile, profile, profileToJson } from '../../src/index.js';
import { proto } from '../../src/onnx/proto.js';
import { requireFits } from '../../src/onnx/write.js';
import { parseRequest } from '../../src/plugin/request.js';
import { settingsOf } from '../../src/plugin/settings.js';
import type { ErrorCode } from '../../src/support/errors.js';
import { halfToNumber, numberToHalf } from '../../src/support/float16.js';
import { swanc, trap } from '../cli/support.js';
import { layer } from '../frontends/handmade.js';
import { denseWeights, gatedWeights, printedBy, type Scene, toldBy, weight } from './errors-scene.js';

/** Makes an error happen, and gives what is printed. */
export type Provocation = (scene: Scene) => Promise<string>;

const compiled = (...args: readonly string[]): Promise<string> => printedBy(['compile', ...args]);

/** Errors of calls: exit codes 1, 2 and 5. */
export const usage: Partial<Record<ErrorCode, Provocation>> = {
  SWC1001: async () => {
    const out = (): void => {
      throw new Error("Cannot read properties of undefined (reading 'shape')");
    };
    return (await swanc(['inspect', 'model.json'], { out })).stderr.trim();
  },
  SWC1002: () => toldBy(() => compile({ model: 'model.json', signal: AbortSignal.abort() })),
  SWC2001: () => compiled('model.json', '--sample', '100'),
  SWC2002: () => compiled('model.json', '--target', 'edge', '--no-verify', '--verify-each'),
  SWC2003: (scene) => {
    scene.file('build', 'a file');
    return compiled('model.json', '-o', 'build');
  },
  SWC2004: (scene) => {
    scene.file('my-layers.mjs', 'export const rules = [];');
    return compiled('model.json', '--plugin', 'my-layers.mjs');
  },
  SWC2005: () => compiled('model.json', '--calibration', 'samples.npy', '--samples', '10', '--max-drop', '0.5%'),
  SWC2006: (scene) => {
    scene.file('swanc.config.json', '{ "taget": "cpu" }');
    return compiled('model.json');
  },
  SWC2007: () =>
    toldBy(() => {
      const request = parseRequest('./model.json?swanc&taget=webgpu') ?? { path: '', texts: {} };
      return settingsOf(request, {}, { root: '.', config: undefined });
    }),
  SWC2008: () => compiled('model.json', '--precision', 'int8'),
  SWC2009: (scene) => {
    scene.model('own', { first: { units: 8 }, layers: [layer('Scale', 'scale', { batch_input_shape: [null, 4] })] });
    scene.file(
      'scale.mjs',
      "export default ({ registerLayer }) => registerLayer({ className: 'Scale', import: (ctx) => ctx.scaled.x });",
    );
    return compiled('own', '--plugin', 'scale.mjs');
  },
  SWC5001: () => compiled('model.json', '--budget-flash', '200'),
};

/** Errors of models that are read. */
export const models: Partial<Record<ErrorCode, Provocation>> = {
  SWC3001: () => compiled('modle.json'),
  SWC3002: (scene) => {
    scene.file('text/model.json', '<!DOCTYPE html><html></html>');
    return compiled('text/model.json');
  },
  SWC3003: (scene) => {
    rmSync(join(scene.folder, 'weights.bin'));
    return compiled('model.json');
  },
  SWC3004: (scene) => {
    scene.model('.', { first: { units: -8 } });
    return compiled('model.json');
  },
  SWC3005: (scene) => {
    scene.model('.', { first: { activation: 'my_relu', sparsity: 0.5 } });
    return compiled('model.json');
  },
  SWC3006: (scene) => {
    scene.file('model.onnx', 'version https://git-lfs.github.com/spec/v1');
    return compiled('model.onnx');
  },
  SWC3007: (scene) => {
    scene.file('model.onnx', onnxFile({ opset: 99, reads: 'x' }));
    return compiled('model.onnx');
  },
  SWC3008: (scene) => {
    scene.file('model.onnx', onnxFile({ opset: 17, reads: 'hidden' }));
    return compiled('model.onnx');
  },
  SWC3009: (scene) => {
    const layers = [layer('RepeatVector', 'repeat', { n: 1e12, batch_input_shape: [null, 4] })];
    scene.model('large', { layers, weights: [] });
    return compiled('large');
  },
  SWC3012: (scene) => {
    scene.onnx('model.onnx', 'g (float[N, 4] x) => (float[N, 4] y) { y = com.microsoft.Gelu (x) }');
    return compiled('model.onnx', '--target', 'webgpu');
  },
  SWC3013: async (scene) => {
    scene.onnx(
      'model.onnx',
      `g (float[1, 1, 2, 3] x) => (float[1, 1, 3, 5] y) <int64[4] sizes = {1, 1, 3, 5}> {
        y = Resize <coordinate_transformation_mode: string = "half_pixel_symmetric"> (x, , , sizes)
      }`,
    );
    return compiled('model.onnx', '--opset', '17');
  },
  SWC3014: (scene) => {
    scene.model('plain', { layers: [layer('ReLU', 'relu', { batch_input_shape: [null, 4] })], weights: [] });
    return compiled('plain', '--calibration', 'samples.npy', '--precision', 'int8');
  },
  SWC3015: (scene) => {
    scene.model('.', { layers: [layer('Lambda', 'scale', { batch_input_shape: [null, 4] })], weights: [] });
    return compiled('model.json');
  },
  SWC3016: (scene) => {
    scene.file('model.keras', 'PK\u0003\u0004');
    return compiled('model.keras');
  },
  SWC3017: (scene) => {
    const input = { ...layer('InputLayer', 'in', { batch_input_shape: [null, 4] }), inbound_nodes: [] };
    const relu = { ...layer('ReLU', 'relu'), inbound_nodes: [{ args: [], kwargs: {} }] };
    const config = { name: 'classifier', layers: [input, relu], input_layers: [], output_layers: [] };
    scene.file('model.json', JSON.stringify({ modelTopology: { class_name: 'Functional', config } }));
    return compiled('model.json');
  },
  SWC3018: (scene) => {
    scene.file('model.json', JSON.stringify({ format: 'graph-model', modelTopology: { node: [] } }));
    return compiled('model.json');
  },
  SWC3020: () =>
    toldBy(async () => {
      const { Graph } = await import('../../src/ir/graph.js');
      requireFits(new Graph('classifier'), 3e9, 2 ** 31 - 1, 'compile with --external-data');
    }),
  SWC3021: (scene) => {
    scene.edit('.', (text) => text.replace('"weights.bin"', '"../weights.bin"'));
    return compiled('model.json');
  },
  SWC3022: (scene) => {
    scene.model('.', { first: { units: 16 } });
    return compiled('model.json');
  },
  SWC3023: (scene) => {
    const [kernel, ...others] = denseWeights;
    scene.model('.', {
      weights: [{ ...(kernel ?? weight('hidden/kernel', [4, 8])), values: Array(32).fill(Number.NaN) }, ...others],
    });
    return compiled('model.json');
  },
  SWC3024: (scene) => {
    scene.edit('.', (text) => text.replace('"dtype":"float32"', '"dtype":"float99"'));
    return compiled('model.json');
  },
  SWC3031: (scene) => {
    const node = (name: string, from: string) => ({
      ...layer('ReLU', name),
      name,
      inbound_nodes: [[[from, 0, 0, {}]]],
    });
    const input = { ...layer('InputLayer', 'in', { batch_input_shape: [null, 4] }), name: 'in', inbound_nodes: [] };
    const layers = [input, node('a', 'b'), node('b', 'a')];
    const config = { name: 'classifier', layers, input_layers: [['in', 0, 0]], output_layers: [['b', 0, 0]] };
    scene.file('model.json', JSON.stringify({ modelTopology: { class_name: 'Functional', config } }));
    return compiled('model.json');
  },
  SWC3032: (scene) => {
    scene.model('.', { first: { batch_input_shape: undefined } });
    return compiled('model.json');
  },
  SWC3033: (scene) => {
    scene.onnx(
      'model.onnx',
      `g (float[N, 1] x) => (float[N, 1, 2] y) <float far = {1000.0}, float[2, 2] table = {1.0, 2.0, 3.0, 4.0}> {
        f = Mul (x, far)
        i = Cast <to: int = 7> (f)
        y = Gather (table, i)
      }`,
    );
    return compiled('model.onnx');
  },
};

/** Errors of calibration data, profiles, costs and compiled files. */
export const files: Partial<Record<ErrorCode, Provocation>> = {
  SWC3101: () => compiled('model.json', '--calibration', 'sample.npy'),
  SWC3102: (scene) => {
    scene.file('samples.npy', scene.read('samples.npy').subarray(0, 400));
    return compiled('model.json', '--calibration', 'samples.npy');
  },
  SWC3103: (scene) => {
    scene.samples('samples.npy', [40, 5]);
    return compiled('model.json', '--calibration', 'samples.npy');
  },
  SWC3104: (scene) => {
    scene.samples('samples.npy', [40, 4], (index) => (index === 12 ? Number.NaN : 0));
    return compiled('model.json', '--calibration', 'samples.npy');
  },
  SWC3105: (scene) => {
    scene.samples('samples.npy', [50, 4]);
    return compiled('model.json', '--calibration', 'samples.npy', '--labels', 'labels.npy');
  },
  SWC3106: (scene) => {
    scene.gated('gated', [weight('hidden/kernel', [4, 8], 3e38), ...gatedWeights.slice(1)]);
    scene.samples('large.npy', [40, 4], (index) => 100 * Math.sin(index + 1));
    return compiled('gated', '--calibration', 'large.npy');
  },
  SWC3107: (scene) => {
    const header = "{'descr': '|O', 'fortran_order': False, 'shape': (40, 4), }".padEnd(117);
    scene.file(
      'samples.npy',
      Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]), Buffer.from(`${header}\n`)]),
    );
    return compiled('model.json', '--calibration', 'samples.npy');
  },
  SWC3108: () => compiled('model.json', '--calibration', 'samples.npy', '--input-range', '0,1'),
  SWC3109: (scene) => {
    scene.samples('samples.npy', [0, 4]);
    return compiled('model.json', '--calibration', 'samples.npy');
  },
  SWC3201: (scene) => {
    scene.file('profile.json', '{"format": "swanc-profile", "version": 0}');
    return compiled('model.json', '--profile', 'profile.json');
  },
  SWC3202: async (scene) => {
    scene.gated('first');
    scene.gated('second', [...gatedWeights.slice(0, 5), weight('classes/bias', [3], 0.25)]);
    for (const name of ['first', 'second']) {
      scene.file(`${name}.json`, profileToJson(await profile({ model: name, calibration: 'samples.npy' })));
    }
    return printedBy(['profile', 'merge', 'first.json', 'second.json', '-o', 'all.json']);
  },
  SWC3203: async (scene) => {
    scene.gated('first');
    scene.gated('second', [...gatedWeights.slice(0, 5), weight('classes/bias', [3], 0.25)]);
    scene.file('profile.json', profileToJson(await profile({ model: 'first', calibration: 'samples.npy' })));
    return compiled('second', '--profile', 'profile.json');
  },
  SWC3204: async (scene) => {
    scene.gated('first');
    const one = await profile({ model: 'first', calibration: 'samples.npy' });
    const many: Profile = { ...one, samples: Number.MAX_SAFE_INTEGER };
    return toldBy(() => mergeProfiles([many, many]));
  },
  SWC3301: (scene) => {
    scene.file('costs.json', '{"format": "swanc-costs", "version": 0}');
    return compiled('model.json', '--tuned-costs', 'costs.json');
  },
  SWC3401: (scene) => {
    scene.file('build/cpu/notes.txt', '');
    return printedBy(['verify', 'model.json', 'build']);
  },
  SWC3402: (scene) => {
    scene.onnx('build/model.onnx', 'g (float[N, 4] x) => (float[N, 4] y) { y = Relu (x) }');
    return printedBy(['verify', 'model.json', 'build/model.onnx']);
  },
  SWC3403: async (scene) => {
    await swanc(['compile', 'model.json', '-o', 'build']);
    const model = proto.ModelProto.decode(scene.read('build/cpu/model.onnx'));
    model.metadataProps.push({ key: 'swanc.removed', value: 'everything' });
    scene.file('build/cpu/model.onnx', proto.ModelProto.encode(model).finish());
    return printedBy(['verify', 'model.json', 'build/cpu/model.onnx']);
  },
  SWC3404: (scene) => {
    scene.file('build/cpu/model.onnx', '');
    return printedBy(['report', 'build', '-o', 'report.html']);
  },
  SWC3011: (scene) => {
    scene.onnx('original.onnx', 'g (float[N, 4] x) => (float[N, 4] y) { y = Relu (x) }');
    scene.onnx('build.onnx', 'g (float[N, 4] x) => (float[N, 4] y) { y = com.acme.Sharpen (x) }');
    return printedBy(['verify', 'original.onnx', 'build.onnx']);
  },
};

/** Errors of results. */
export const results: Partial<Record<ErrorCode, Provocation>> = {
  SWC4001: async (scene) => {
    await swanc(['compile', 'model.json', '-o', 'build']);
    scene.model('other', { weights: [...denseWeights.slice(0, 3), weight('classes/bias', [3], 2)] });
    return printedBy(['verify', 'other', 'build/cpu/model.onnx']);
  },
  SWC4002: (scene) => {
    cpSync(trap('score-on-the-threshold'), join(scene.folder, 'trap'), { recursive: true });
    return compiled('trap');
  },
  SWC4003: () => {
    const precision = ['--precision', 'int8', '--max-error', '1e-9'];
    return compiled('model.json', '--calibration', 'samples.npy', ...precision);
  },
  SWC4005: async (scene) => {
    scene.samples('many.npy', [400, 4]);
    await swanc(['compile', 'model.json', '--calibration', 'many.npy', '--max-error', '20%', '-o', 'build']);
    scene.samples('other.npy', [400, 4], (index) => 30 * Math.sin(index * index));
    return printedBy(['verify', 'model.json', 'build/cpu/model.onnx', '--calibration', 'other.npy']);
  },
  SWC4006: async (scene) => {
    const half = ['--target', 'webgpu', '--precision', 'fp16', '-o', 'build'];
    await swanc(['compile', 'model.json', '--calibration', 'samples.npy', ...half]);
    scene.file('build/webgpu/model.fp16.onnx', withOtherWeights(scene.read('build/webgpu/model.fp16.onnx')));
    return printedBy(['verify', 'model.json', 'build/webgpu/model.fp16.onnx', '--calibration', 'samples.npy']);
  },
};

/** What is provoked with other modules in the place of some: all are loaded anew, so these come last. */
export const otherwise: Partial<Record<ErrorCode, Provocation>> = {
  SWC3010: () => without(['onnxruntime-node', 'onnxruntime-web'], ({ compile: run }) => run({ model: 'model.json' })),
  SWC3019: () => without(['onnxruntime-node'], ({ compile: run }) => run({ model: 'model.json', targets: ['edge'] })),
  SWC4004: () =>
    instead('../../targets/index.js', wrongTargets, ({ compile: run }) =>
      run({ model: 'model.json', targets: ['wrong'] }),
    ),
};

type Library = typeof import('../../src/index.js');

/** What a call tells in an installation that lacks packages. */
async function without(packages: readonly string[], call: (library: Library) => Promise<unknown>): Promise<string> {
  for (const name of packages) {
    vi.doMock(name, () => ({
      get env() {
        throw new Error(`Cannot find package '${name}'`);
      },
    }));
  }
  return anew(packages, call);
}

/** What a call tells where another module takes the place of one. */
async function instead(
  path: string,
  make: () => Promise<object>,
  call: (library: Library) => Promise<unknown>,
): Promise<string> {
  vi.doMock(path, make);
  return anew([path], call);
}

async function anew(mocked: readonly string[], call: (library: Library) => Promise<unknown>): Promise<string> {
  vi.resetModules();
  try {
    const library = await import('../../src/index.js');
    return await toldBy(() => call(library));
  } finally {
    for (const name of mocked) vi.doUnmock(name);
    vi.resetModules();
  }
}

/** A target whose format writes files that are not what they should be. */
async function wrongTargets(): Promise<object> {
  const { edge } = await import('../../targets/edge.js');
  const format: Format = {
    name: 'wrong',
    files: () => [],
    paths: () => [],
    check: async () => [{ where: 'wrong/model.c', what: "output 'classes' element 0 is 0.25, expected 0.5" }],
  };
  const wrong: Deployment = { ...edge, name: 'wrong', formats: [format] };
  return { targets: { wrong } };
}

/** The model with its largest float16 weights multiplied. */
function withOtherWeights(bytes: Uint8Array): Uint8Array {
  const model = proto.ModelProto.decode(bytes);
  const [largest] = (model.graph?.initializer ?? [])
    .filter(({ dataType }) => dataType === proto.TensorProto.DataType.FLOAT16)
    .toSorted((left, right) => (right.rawData?.length ?? 0) - (left.rawData?.length ?? 0));
  const raw = largest?.rawData ?? new Uint8Array();
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let place = 0; place < raw.length; place += 2) {
    view.setUint16(place, numberToHalf(1.5 * halfToNumber(view.getUint16(place, true))), true);
  }
  return proto.ModelProto.encode(model).finish();
}

/** A file with one Relu that reads the value `reads`; its input is `x`. */
function onnxFile({ opset, reads }: { readonly opset: number; readonly reads: string }): Uint8Array {
  const type = { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'N' }, { dimValue: 4 }] } } };
  return proto.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: 'classifier',
      node: [{ name: 'relu', opType: 'Relu', input: [reads], output: ['y'] }],
      input: [{ name: 'x', type }],
      output: [{ name: 'y', type }],
    },
  }).finish();
}
