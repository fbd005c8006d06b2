import { tf } from './tf.js';

/**
 * An IOHandler for a `model.json` on disk, for TensorFlow.js without tfjs-node (whose `file://` it replaces): loads any
 * layers model with its weight shards, and saves as tfjs-node does, `model.json` beside one `weights.bin`.
 *
 *     await model.save(fileHandler('out/model.json'));
 *     const model = await tf.loadLayersModel(fileHandler('out/model.json'));
 */
export function fileHandler(modelJsonPath: string): tf.io.IOHandler {
  return { load: () => load(modelJsonPath), save: (artifacts) => save(modelJsonPath, artifacts) };
}

async function load(modelJsonPath: string): Promise<tf.io.ModelArtifacts> {
  const { readFile } = await import('node:fs/promises');
  const { dirname, join } = await import('node:path');
  const json: unknown = JSON.parse(await readFile(modelJsonPath, 'utf8'));
  if (!isModelJson(json)) throw new Error(`${modelJsonPath} is not the model.json of a layers model`);
  return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
    const folder = dirname(modelJsonPath);
    const shards = await Promise.all(
      manifest.flatMap((group) => group.paths.map((path) => readFile(join(folder, path)))),
    );
    return [manifest.flatMap((group) => group.weights), shards.map(toArrayBuffer)];
  });
}

async function save(modelJsonPath: string, artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> {
  const { mkdir, writeFile } = await import('node:fs/promises');
  const { dirname, join } = await import('node:path');
  const weights = Buffer.from(tf.io.CompositeArrayBuffer.join(artifacts.weightData));
  const { modelTopology, format, generatedBy, convertedBy, trainingConfig, userDefinedMetadata } = artifacts;
  const json = {
    modelTopology,
    format,
    generatedBy,
    convertedBy,
    trainingConfig,
    userDefinedMetadata,
    weightsManifest: [{ paths: ['weights.bin'], weights: artifacts.weightSpecs ?? [] }],
  };
  const folder = dirname(modelJsonPath);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'weights.bin'), weights);
  await writeFile(modelJsonPath, JSON.stringify(json));
  return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
}

/** tfjs checks what is inside; this only tells a model.json from any other JSON. */
function isModelJson(value: unknown): value is tf.io.ModelJSON {
  return typeof value === 'object' && value !== null && 'modelTopology' in value;
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
