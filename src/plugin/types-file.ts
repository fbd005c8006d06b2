import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { LoadedModel } from '../formats/loader/loaded-model.js';
import { typesText } from '../formats/loader/types-text.js';
import { replaceFile } from '../support/replace-file.js';
import { packageFolder } from '../support/version.js';

/** Where exact types are written, unless another file is named. */
const usualFile = 'swanc-env.d.ts';
const packageTypes = 'src/plugin/client.d.ts';

const heading = `// Types of the models that this project imports, written by the plugin of swanc as it meets them: what is imported no more
// stays until this file is removed. It stands in place of "swanc/client".
`;

/** Exact types of imported models, in one file of the project. */
export class TypesFile {
  readonly path: string;
  #last: Promise<void> = Promise.resolve();

  constructor(root: string, given: true | string) {
    this.path = given === true ? join(root, usualFile) : resolve(root, given);
  }

  /**
   * Writes the types of a model for an import as it stands in the code. Entries of other imports stay.
   * @throws SwancError `usage` where the file cannot be written.
   */
  add(source: string, model: LoadedModel): Promise<void> {
    const done = this.#last.then(() => this.#write(patternOf(source), model));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #write(pattern: string, model: LoadedModel): Promise<void> {
    const before = await readFile(this.path, 'utf8').catch(() => '');
    const entries = new Map(entriesIn(before));
    entries.set(pattern, moduleTypes(pattern, model));
    // Of patterns that fit the first counts: longer ones say more, and those for any model come last.
    const sorted = [...entries].toSorted(([left], [right]) => right.length - left.length || (left < right ? -1 : 1));
    const others = await readFile(join(packageFolder(), packageTypes), 'utf8');
    const any = others.replaceAll(/^\/\/.*\n/gm, '').trim();
    const text = `${[heading, ...sorted.map(([, entry]) => entry), `${anyModel}\n${any}`].join('\n')}\n`;
    if (text !== before) await replaceFile(this.path, text);
  }
}

/** Imports are relative to where they stand, so what is before the folders' names is left open. */
function patternOf(source: string): string {
  return `*${source.replace(/^(?:\.{1,2}\/|[@~#]\/|\/)+/, '/')}`;
}

const begin = /^\/\/ import (".*")$/gm;
const anyModel = '// Any other model.';

function entriesIn(text: string): (readonly [string, string])[] {
  const [own = ''] = text.split(`${anyModel}\n`);
  const starts = [...own.matchAll(begin)];
  return starts.map((match, index) => {
    const pattern: unknown = JSON.parse(match[1] ?? '""');
    return [
      String(pattern),
      own
        .slice(match.index, starts[index + 1]?.index)
        .trimEnd()
        .concat('\n'),
    ];
  });
}

/** The types of the loader as those of a module, where everything is declared as it is. */
function moduleTypes(pattern: string, model: LoadedModel): string {
  const body = typesText(model)
    .replace(/^\/\/ .*\n\n?/, '')
    .replaceAll(/^export declare /gm, 'export ')
    .replaceAll(/^(?=.)/gm, '  ')
    .trimEnd();
  return `// import ${JSON.stringify(pattern)}
declare module ${JSON.stringify(pattern)} {
${body}

  const model: import('swanc/plugin/model').ModelModule<typeof load, typeof inputs, typeof outputs>;
  export default model;
}
`;
}
