/** What programs of documents go on from, and what is done behind them: the text around them explains it. */
export interface Prelude {
  readonly path: string;
  /** Text of the program that it is for. */
  readonly has: string;
  /** A command that the text has told of before, without a block of its own. */
  readonly command?: string;
  readonly before?: string;
  readonly after?: string;
  /** Text that only a page can run, and what is run for it. */
  readonly instead?: readonly [string, string];
}

/** In Node there is no graphics device, and `fetch` reads no files: docs/deploying.md tells what `load` is given there. */
const pixels = 'const pixels = new Float32Array(784);';
const inNode = [
  'load()',
  "load({ ort: await import('onnxruntime-node'), fetch: async (url) => new Response(await (await import('node:fs/promises')).readFile(url)) })",
] as const;

/** The samples of a document as .npy, too, with what the model says of them as their labels. */
const npyFiles = `
const npy = (type, { shape }, data) => {
  const header = \`{'descr': '\${type}', 'fortran_order': False, 'shape': (\${shape},)}\`.padEnd(117) + '\\n';
  return Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]), Buffer.from(header), Buffer.from(data.buffer)]);
};
const labels = model.predict(x).argMax(-1);
writeFileSync('samples.npy', npy('<f4', x, x.dataSync()));
writeFileSync('labels.npy', npy('<i4', labels, labels.dataSync()));`;

export const preludes: readonly Prelude[] = [
  {
    path: 'README.md',
    has: "'samples.json', JSON.stringify(x.arraySync())",
    before: "const x = (await import('@tensorflow/tfjs')).randomNormal([400, 16]);",
    after: npyFiles,
  },
  {
    path: 'README.md',
    has: "'./build/webgpu/model.mjs'",
    command: 'npx swanc compile model.json --target webgpu -o build',
    before: pixels,
    instead: inNode,
  },
  { path: 'docs/guide.md', has: "'./web/webgpu/model.mjs'", before: pixels, instead: inNode },
  {
    path: 'docs/deploying.md',
    has: "'./webgpu/model.mjs'",
    command: 'npx swanc compile model.json --target webgpu -o .',
    before: pixels,
    instead: inNode,
  },
];

/** Builds a program that imports models, as a bundler with the plugin does. */
export const bundling = (name: string): string => `
import { build } from 'esbuild';
import swanc from 'swanc/plugin';
const packages = ['onnxruntime-web', 'onnxruntime-node'];
await build({ entryPoints: ['${name}'], bundle: true, format: 'esm', outdir: 'bundled', platform: 'node', external: packages, plugins: [swanc.esbuild()] });
`;
