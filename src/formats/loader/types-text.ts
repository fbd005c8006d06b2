import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ElementType, elementTypes, formatType } from '../../ir/types.js';
import { packageFolder } from '../../support/version.js';
import type { LoadedModel, LoadedValue } from './loaded-model.js';

/** From the package's folder, as the parts of the module: it is delivered as it stands. */
const template = 'src/formats/loader/module/types.d.mts';
const endOfSample = '// What is the same for all models.\n';

/** The text of `model.d.mts`: the names, element types and sizes of the model, as types. */
export function typesText({ compiler, target, inputs, outputs, files }: LoadedModel): string {
  const [, rest] = readFileSync(join(packageFolder(), template), 'utf8').split(endOfSample);
  if (rest === undefined) throw new Error(`internal error: ${template} has no end of its sample`);
  const precisions = files.map(({ precision }) => quote(precision)).join(' | ');
  return [
    `// Types of model.mjs, which loads the model beside it. Made by ${compiler} for the target ${target}.`,
    '',
    '/** What a run takes, by the names of the inputs. */',
    'export interface Feeds {',
    ...inputs.flatMap((value) => member(value, feedOf(value))),
    '}',
    '',
    '/** What a run gives, by the names of the outputs. */',
    'export interface Results {',
    ...outputs.flatMap((value) => member(value, resultOf(value))),
    '}',
    '',
    "/** The model's inputs, in order; sizes that are open have names. */",
    `export declare const inputs: readonly [${inputs.map(signature).join(', ')}];`,
    '',
    "/** The model's outputs, in order. */",
    `export declare const outputs: readonly [${outputs.map(signature).join(', ')}];`,
    '',
    `export type Precision = ${precisions};`,
    rest,
  ].join('\n');
}

/** Names of sizes may be anything, also what would end the comment. */
function member(value: LoadedValue, type: string): readonly string[] {
  return [`  /** ${formatType(value).replaceAll('*/', '* /')} */`, `  readonly ${quote(value.name)}: ${type};`];
}

/** Data for one input: as many elements as its sizes say, row by row. Where more than one size is open, with sizes. */
function feedOf({ type, shape }: LoadedValue): string {
  const array = arrayOf(type);
  const open = shape.filter((dim) => typeof dim === 'string').length;
  const sized = `{ readonly data: ${array}; readonly dims: ${dimsOf(shape)} }`;
  return open > 1 ? sized : `${array} | ${sized}`;
}

function resultOf({ type, shape }: LoadedValue): string {
  return `Result<${quote(type)}, ${arrayOf(type)}, ${dimsOf(shape)}>`;
}

function signature({ name, type, shape }: LoadedValue): string {
  const dims = shape.map((dim) => (typeof dim === 'number' ? dim : quote(dim)));
  return `Signature<${quote(name)}, ${quote(type)}, readonly [${dims.join(', ')}]>`;
}

function dimsOf(shape: LoadedValue['shape']): string {
  return `readonly [${shape.map((dim) => (typeof dim === 'number' ? dim : 'number')).join(', ')}]`;
}

/** Half precision comes in a Float16Array where there is one, and as bits else. */
function arrayOf(type: ElementType): string {
  return type === 'float16' ? 'Uint16Array | HalfArray' : elementTypes[type].array.name;
}

const quote = (text: string): string => JSON.stringify(text);
