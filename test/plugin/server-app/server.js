import model from './a model/model.json?swanc&target=cpu&precision=int8&calibration=../samples.npy';

// Prints what a test compares.
const values = JSON.parse(process.argv[2] ?? '[]');
const warnings = [];
const loaded = await model.load({ onWarning: (text) => warnings.push(text), precision: 'fp32' });
const results = await loaded.run({ [loaded.inputs[0].name]: Float32Array.from(values) });
await loaded.release();
console.log(
  JSON.stringify({
    url: model.url,
    device: loaded.device,
    reason: loaded.deviceReason,
    outputs: Object.values(results).map(({ data }) => [...data]),
    files: model.files.map(({ precision }) => precision),
    warnings,
  }),
);
