import { load } from './a model/model.json?swanc&target=cpu';

export async function run(values) {
  const loaded = await load();
  const results = await loaded.run({ [loaded.inputs[0].name]: Float32Array.from(values) });
  await loaded.release();
  return Object.values(results).flatMap(({ data }) => [...data]);
}
