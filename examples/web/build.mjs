// Compiles the demo's networks for browsers and writes the page with all that it needs:
//
//     npm run build && node examples/web/build.mjs [folder] [networks…]
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const fixtures = join(here, '..', '..', 'fixtures');
const pixels = 28 * 28;

/** The networks, by the folders of their fixtures. */
const networks = [
  {
    id: 'mnist-resnet',
    title: 'Residual',
    text: 'Three residual blocks. Every channel between their convolutions has a gate, and one more switches the whole last branch.',
  },
  {
    id: 'mnist-mlp',
    title: 'Perceptron',
    text: 'Two dense layers of 512 and 256 units. Each unit has its own gate.',
    isFlat: true,
  },
  {
    id: 'mnist-wide-coherent',
    title: 'Wide',
    text: 'One wide residual block. Its 256 gates were trained to fire together.',
  },
  {
    id: 'mnist-wide-modal',
    title: 'Modal',
    text: 'The same wide block. Its gate chooses one of four masks that were learned.',
  },
];

/**
 * The forms that are compared. Only what is proved is removed from the first: it computes every unit and multiplies by the
 * gates. `gates` is the dense form once more, with the gates' states as outputs: apart, for copying them out takes time.
 */
const forms = {
  mask: { mode: 'dense', dead: 'proved' },
  dense: { mode: 'dense' },
  dynamic: { mode: 'dynamic' },
  gates: { mode: 'dense', gateOutputs: true },
};

/** Test images of each digit to choose from. */
const samplesPerDigit = 12;

/** What the browser loads of ONNX Runtime: with WebGPU, and the smaller build without. */
const runtimeFiles = [
  'ort.webgpu.bundle.min.mjs',
  'ort-wasm-simd-threaded.asyncify.wasm',
  'ort.wasm.bundle.min.mjs',
  'ort-wasm-simd-threaded.wasm',
];

/** What is wrong with names of networks; undefined if nothing is. */
function problemOf(names) {
  const known = networks.map(({ id }) => id);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return undefined;
  return `no networks of the demo: ${unknown.join(', ')}; there are ${known.join(', ')}`;
}

export async function build({ compile, readMnist, writeImages, out, only, images = 2000, onProgress = () => {} }) {
  const chosen = networks.filter(({ id }) => only === undefined || only.includes(id));
  const problem = problemOf(only ?? []);
  if (problem !== undefined) throw new Error(problem);
  await rm(join(out, 'models'), { recursive: true, force: true });
  await cp(join(here, 'page'), out, { recursive: true, filter: (path) => !path.endsWith('.d.mts') });
  await copyRuntime(join(out, 'ort'));
  const work = await mkdtemp(join(tmpdir(), 'swanc-demo-'));
  const described = [];
  try {
    const train = readMnist('train');
    for (const network of chosen) {
      const calibration = join(work, `${network.id}.npy`);
      await writeImages(calibration, train, images, network.isFlat === true);
      described.push(await buildNetwork(network, { compile, calibration, out, onProgress }));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  await writeFile(join(out, 'samples.bin'), samplesOf(readMnist('test')));
  const demo = { samplesPerDigit, networks: described };
  await writeFile(join(out, 'demo.json'), `${JSON.stringify(demo)}\n`);
}

async function copyRuntime(folder) {
  const dist = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web')));
  await mkdir(folder, { recursive: true });
  for (const name of runtimeFiles) await cp(join(dist, name), join(folder, name));
}

/** Compiles a network in all forms and returns what the page has to know of it. */
async function buildNetwork({ id, title, text }, { compile, calibration, out, onProgress }) {
  const files = {};
  let gates = [];
  for (const [form, options] of Object.entries(forms)) {
    onProgress(`${id}: ${form}`);
    const folder = join('models', id, form);
    const model = join(fixtures, id);
    const result = await compile({ model, calibration, targets: ['webgpu'], out: join(out, folder), ...options });
    const [target] = result.report.targets;
    const { bytes, flops } = target.size;
    // A form dynamic that has nothing to skip is the dense one.
    const isSame = form === 'dynamic' && target.mode !== 'dynamic';
    files[form] = { module: `./${folder}/webgpu/model.mjs`.replaceAll('\\', '/'), bytes, flops, isSame };
    if (form === 'gates') gates = target.gates.map((gate) => gateOf(gate, result.profile));
  }
  return { id, title, text, forms: files, gates };
}

/**
 * The units of a gate, those first that fired most often on the calibration images: for each its share of images, and its
 * column in the gate's output, -1 for those that are gone because they never fire.
 */
function gateOf({ name, output, removedOn }, profile) {
  const { fired, events } = profile.gates.find((gate) => gate.name === name);
  const columns = new Map((output?.units ?? []).map((unit, column) => [unit, column]));
  const units = fired
    .map((count, unit) => ({ density: count / events, column: columns.get(unit) ?? -1, unit }))
    .sort((left, right) => right.density - left.density || left.unit - right.unit)
    .map(({ density, column }) => ({ density: Number(density.toFixed(4)), column }));
  return { name, output: output?.name ?? null, alwaysOn: removedOn.proved + removedOn.observed > 0, units };
}

/** The first test images of each digit, a byte for a pixel. */
function samplesOf({ images, labels }) {
  const bytes = Buffer.alloc(10 * samplesPerDigit * pixels);
  const found = Array.from({ length: 10 }, () => 0);
  for (const [index, label] of labels.entries()) {
    if (found[label] === samplesPerDigit) continue;
    const start = (label * samplesPerDigit + found[label]++) * pixels;
    for (let pixel = 0; pixel < pixels; pixel++) {
      bytes[start + pixel] = Math.round(255 * images[index * pixels + pixel]);
    }
  }
  return bytes;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [, , out = 'out/web', ...only] = process.argv;
  const problem = problemOf(only);
  if (problem !== undefined) {
    console.error(problem);
    process.exit(2);
  }
  const { compile } = await import('swanc');
  const { readMnist, writeImages } = await import('../../dist/fixtures/mnist.js');
  const options = only.length === 0 ? {} : { only };
  await build({ compile, readMnist, writeImages, out, onProgress: (text) => console.log(text), ...options });
  console.log(`wrote ${out}: node examples/web/serve.mjs ${out}`);
}
