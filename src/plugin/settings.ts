import { dirname } from 'node:path';
import type { CompileOptions } from '../compiler/options.js';
import {
  checkConfig,
  compileOptions,
  type Fields,
  type LoadedConfig,
  mergeOptions,
  nearest,
  parseOptions,
  relocate,
  targetNames,
} from '../config/index.js';
import { problem, SwancError } from '../support/errors.js';
import { ownOptions, type PluginOptions } from './options.js';
import type { ModelRequest } from './request.js';

/** What one import is compiled with. */
export interface Settings {
  /** Paths are absolute. There is one target, and no folder to write to. */
  readonly options: CompileOptions;
  readonly target: string;
}

/** What a build is to give is the same on every machine, so nothing is measured unless that is asked for. */
const defaults: Fields = { targets: ['cpu'], tune: 'predicted', tunedCosts: false };

/** What says where files go, or writes others: a bundler does that. */
const notHere = ['out', 'dumpIr'] as const;

/**
 * The options of an import: its query, then those of the plugin, then the config file, then what holds else. Paths in a query
 * start at the folder of the model, those of the plugin at `root`.
 * @throws SwancError SWC2007 with everything that is wrong with the query.
 */
export function settingsOf(
  request: ModelRequest,
  plugin: Fields,
  { root, config }: { readonly root: string; readonly config: LoadedConfig | undefined },
): Settings {
  const where = `${request.path}?swanc`;
  const query = parseOptions(request.texts, where);
  const problems = notHere
    .filter((key) => query[key] !== undefined)
    .map((key) => problem(`${where}: ${compileOptions[key].flag}`, 'the bundler writes the files', 'leave it out'));
  const { model: _, ...shared } = config?.options ?? {};
  const base = mergeOptions(defaults, without(shared));
  const given = mergeOptions(base, relocate(plugin, root));
  const options = mergeOptions(given, relocate(query, dirname(request.path)));
  const names = options.targets ?? [];
  const [target, ...others] = names;
  if (target === undefined || others.length > 0) {
    const what =
      target === undefined ? 'no target is given' : `a module is for one target, not for ${names.join(', ')}`;
    problems.push(problem(where, what, `say which in the import: ?swanc&target=${target ?? 'cpu'}`));
  } else if (!targetNames.some((name) => name === target)) {
    const near = nearest(target, targetNames);
    const advice = near === undefined ? `there are ${targetNames.join(', ')}` : `did you mean '${near}'?`;
    problems.push(problem(`${where}: target`, `there is no target '${target}'`, advice));
  }
  if (problems.length > 0 || target === undefined) throw unusable(problems);
  return { target, options: { ...options, model: request.path, targets: [target] } };
}

function without(options: Fields): Fields {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !notHere.some((name) => name === key)));
}

/**
 * The options of a compile among those of the plugin, checked.
 * @throws SwancError SWC2007 with everything that is wrong with them.
 */
export function checkPluginOptions(given: PluginOptions): Fields {
  const where = 'options of the plugin';
  const shared = Object.fromEntries(
    Object.entries(given).filter(([key, value]) => value !== undefined && !ownOptions.some((own) => own === key)),
  );
  const problems = notHere
    .filter((key) => shared[key] !== undefined)
    .map((key) => problem(`${where}: ${key}`, 'the bundler writes the files', 'leave it out'));
  for (const [key, allowed] of Object.entries(choices)) {
    const value: unknown = Reflect.get(given, key);
    if (value !== undefined && !allowed.some((one) => one === value)) {
      problems.push(problem(`${where}: ${key}`, `one of ${allowed.join(', ')} is expected`));
    }
  }
  try {
    const { model: _, ...options } = checkConfig(without(shared), where);
    if (problems.length === 0) return options;
  } catch (error) {
    if (!(error instanceof SwancError)) throw error;
    problems.push(...error.problems.map(({ where: place, what, advice }) => problem(place, what, advice)));
  }
  throw unusable(problems, 'the options of the plugin cannot be used');
}

const choices = { platform: ['browser', 'node'], onnxRuntime: ['bundle', 'external'] } as const;

function unusable(problems: readonly ReturnType<typeof problem>[], summary?: string): SwancError {
  return new SwancError('SWC2007', summary ?? 'the import of a model cannot be used', problems);
}
