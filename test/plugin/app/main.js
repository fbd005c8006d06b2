import model from './a model/model.json?swanc&target=webgpu&mode=dynamic';

// Values that a test can compare: no typed arrays, no functions.
globalThis.facts = () => ({
  ...model,
  load: undefined,
  ModelError: undefined,
  url: String(new URL(model.url, location.href)),
});
globalThis.run = async (values, options) => {
  const loaded = await model.load({ onWarning: () => undefined, ...options });
  const [input] = loaded.inputs;
  const results = await loaded.run({ [input.name]: Float32Array.from(values) });
  const { device, precision } = loaded;
  await loaded.release();
  return { device, precision, outputs: Object.values(results).map(({ data }) => [...data]) };
};
