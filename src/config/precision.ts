import { type CompileOptions, type Precision, precisions } from '../compiler/options.js';
import { type Kind, ValueError } from './kind.js';

type Precisions = Exclude<CompileOptions['precision'], undefined>;

const names = precisions.join(', ');

/** One precision for all targets, or one for each by its name: `fp16`, or `webgpu=fp16,edge=int8`. */
export const precision: Kind<Precisions> = {
  expected: `One of ${names}, or one for each target`,
  parse: (text) => {
    if (!text.includes('=')) return precisionOf(text);
    const pairs = text.split(',').map((pair): [string, Precision] => {
      const [target = '', type = '', ...others] = pair.split('=').map((part) => part.trim());
      if (target === '' || others.length > 0) throw new ValueError('Pairs such as webgpu=fp16,edge=int8 are expected.');
      return [target, precisionOf(type)];
    });
    const twice = pairs.find(([target], index) => pairs.findIndex(([other]) => other === target) !== index);
    if (twice !== undefined) throw new ValueError(`The target ${twice[0]} is given twice.`);
    return Object.fromEntries(pairs);
  },
  print: (value) => {
    if (typeof value === 'string') return value;
    return Object.entries(value)
      .map(([target, type]) => `${target}=${type}`)
      .join(',');
  },
  schema: (z) => {
    const each = z.enum(precisions, { error: `One of ${names} is expected.` });
    return z.union([each, z.record(z.string(), each)], {
      error: `One of ${names}, or an object with one for each target, is expected.`,
    });
  },
  choices: precisions,
};

function precisionOf(text: string): Precision {
  const found = precisions.find((name) => name === text);
  if (found === undefined) throw new ValueError(`Allowed choices are ${names}.`);
  return found;
}
