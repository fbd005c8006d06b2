import { measure } from './measure.mjs';

/** A network of the demo in all its forms, loaded on one device. */
export class Network {
  #models;
  #gates;

  constructor(models, gates) {
    this.#models = models;
    this.#gates = gates;
  }

  /**
   * Loads the forms one after the other: their modules share one ONNX Runtime.
   * @throws the loader's ModelError.
   */
  static async open({ forms, gates }, device, { signal, onWarning, onProgress }) {
    const models = new Map();
    const names = Object.keys(forms).filter((name) => !forms[name].isSame);
    try {
      for (const name of names) {
        onProgress(models.size, names.length);
        const { load } = await import(forms[name].module);
        models.set(name, await load({ device, signal, onWarning }));
      }
    } catch (error) {
      for (const model of models.values()) await model.release();
      throw error;
    }
    return new Network(models, gates);
  }

  get #main() {
    return this.#models.get('gates');
  }

  get device() {
    return this.#main.device;
  }

  get deviceReason() {
    return this.#main.deviceReason;
  }

  get threads() {
    return this.#main.threads;
  }

  /** The probabilities of the classes, and for each gate which of its units fire, in the order of its `units`. */
  async look(image) {
    const [first] = this.#main.outputs;
    const results = await this.#main.run(feedsOf(this.#main, image));
    const layers = this.#gates.map(({ output, units, alwaysOn }) => {
      const fires = output === null ? undefined : results[output].data;
      return units.map(({ column }) => {
        if (fires !== undefined) return column < 0 ? 'gone' : fires[column] === 1 ? 'on' : 'off';
        return alwaysOn ? 'on' : 'gone';
      });
    });
    return { probabilities: [...results[first.name].data], layers };
  }

  /** Median milliseconds of a run of each form that is compared, by its name; see {@link measure}. */
  async time(image, options) {
    const compared = [...this.#models].filter(([name]) => name !== 'gates');
    const runs = compared.map(([, model]) => {
      const feeds = feedsOf(model, image);
      return () => model.run(feeds);
    });
    const { medians, ...rest } = await measure(runs, options);
    return { medians: new Map(compared.map(([name], index) => [name, medians[index]])), ...rest };
  }

  async close() {
    for (const model of this.#models.values()) await model.release();
  }
}

function feedsOf({ inputs: [input] }, image) {
  return { [input.name]: image };
}
