// Runs in the page: see loader-page.ts. Models that are loaded have numbers.

const models = [];

async function orError(step) {
  try {
    return await step();
  } catch (error) {
    return { error: { name: error.name, code: error.code, message: error.message } };
  }
}

globalThis.loadModel = (url, options) =>
  orError(async () => {
    const module = await import(url);
    const model = await module.load({ ...options, onWarning: () => undefined });
    const { device, deviceReason, precision, threads, warnings } = model;
    const names = (values) => values.map(({ name }) => name);
    const facts = {
      device,
      deviceReason,
      precision,
      threads,
      warnings,
      inputs: names(model.inputs),
      outputs: names(model.outputs),
    };
    return { ...facts, number: models.push(model) - 1 };
  });

globalThis.runModel = (number, feeds) =>
  orError(async () => {
    const given = Object.entries(feeds).map(([name, values]) => [name, Float32Array.from(values)]);
    const results = await models[number].run(Object.fromEntries(given));
    const plain = Object.entries(results).map(([name, { type, dims, data }]) => [
      name,
      { type, dims, data: [...data] },
    ]);
    return { results: Object.fromEntries(plain) };
  });

globalThis.releaseModel = (number) => orError(async () => ({ released: (await models[number].release()) ?? true }));
