import { invalid } from '../../support/errors.js';
import { dataEndings } from '../names.js';
import { NpyArray } from '../npy.js';
import { npyMagic } from '../npy-header.js';
import { beginsWith, type Format } from './format.js';
import { savezAdvice } from './npz.js';

/** One array of NumPy: for a single input. */
export const npy: Format = {
  name: 'npy',
  extensions: dataEndings.npy,
  matches: (head) => beginsWith(head, npyMagic),
  async open(source, where, { inputs }) {
    const [input, ...others] = inputs;
    if (input === undefined) throw invalid('SWC3103', where, 'the model has no inputs');
    if (others.length > 0) {
      const names = inputs.map(({ name }) => name);
      const advice = `${savezAdvice(names)}, or give a file for each input: ${names.map((name) => `${name}=…`).join(' ')}`;
      throw invalid('SWC3103', where, `is one array, the model has the inputs ${names.join(', ')}`, advice);
    }
    const array = await NpyArray.open(source, where);
    const arrays = new Map([[input.name, array]]);
    const release = async (): Promise<void> => {
      array.release();
      await source.release();
    };
    return { where, count: array.dims[0] ?? 0, arrays, labels: undefined, notes: [], release };
  },
};
