import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../support/version.js';
import type { LoadedFile, LoadedModel, LoadedPart } from './loaded-model.js';

/** From the package's folder. These are no sources of the build, they are delivered as they stand. */
const folder = 'src/formats/loader/module';
const parts = ['load.mjs', 'model.mjs', 'feeds.mjs', 'errors.mjs'];
const surroundings = 'surroundings.mjs';

/** What the module exports; the parts also export to each other. */
const exported = new Set(['load', 'inputs', 'outputs', 'ModelError']);

/** A sample of what is written for each model. With it in the folder, the parts can be checked. */
const sample = { file: 'sample.mjs', declares: 'const model = ' };

/** What a bundler puts in where `model.mjs` stands by itself. */
export interface ModuleSurroundings {
  /** An expression for the address of a file, as a URL. */
  readonly addressOf: (path: string) => string;
  /** What declares `surroundings`, in place of surroundings.mjs: as an object of the same members. */
  readonly surroundings: string;
}

/** The text of `model.mjs`: what it loads, and then the parts that all of them have, in one file. */
export function moduleText(model: LoadedModel, own: ModuleSurroundings = besideModule()): string {
  return [head(model, own), ...parts.map(partOfModule), own.surroundings].join('\n');
}

/** Bundlers know an address that is written out like this: they take the file along, and put in where it comes to lie. */
function besideModule(): ModuleSurroundings {
  return {
    addressOf: (path) => `new URL(${JSON.stringify(`./${path}`)}, import.meta.url)`,
    surroundings: partOfModule(surroundings),
  };
}

/** A part without what it takes from the others and gives to them. */
function partOfModule(name: string): string {
  return readFileSync(join(packageFolder(), folder, name), 'utf8')
    .replaceAll(/^import .* from '\.\/.*';\n|^\/\*\* @import .* \*\/\n/gm, '')
    .replaceAll(/^export (?=(?:async )?(?:const|function|class) (\w+))/gm, (text, declared: string) =>
      exported.has(declared) ? text : '',
    )
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimStart();
}

function head({ compiler, target, inputs, outputs, files }: LoadedModel, { addressOf }: ModuleSurroundings): string {
  const addressed = (part: LoadedPart): string => partText(part, addressOf(part.path));
  const [declared = ''] = partOfModule(sample.file).split(sample.declares);
  return `// Loads the model beside it. Made by ${compiler} for the target ${target}; model.d.mts has the types.

${declared}${sample.declares}{
  inputs: [${inputs.map(item).join('')}
  ],
  outputs: [${outputs.map(item).join('')}
  ],
  files: [${files.map((file) => fileText(file, addressed)).join('')}
  ],
};
`;
}

const item = (value: object): string => `\n    ${JSON.stringify(value)},`;

function fileText(
  { precision, devices, feature, graph, data }: LoadedFile,
  addressed: (part: LoadedPart) => string,
): string {
  return `
    {
      precision: ${JSON.stringify(precision)},
      devices: ${JSON.stringify(devices)},
      feature: ${JSON.stringify(feature)},
      graph: ${addressed(graph)},
      data: ${data === null ? null : addressed(data)},
    },`;
}

function partText({ path, bytes, sha256 }: LoadedPart, address: string): string {
  return `{
        path: ${JSON.stringify(path)},
        bytes: ${bytes},
        sha256: ${JSON.stringify(sha256)},
        url: () => ${address},
      }`;
}
