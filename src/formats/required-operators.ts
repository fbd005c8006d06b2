import { type ElementType, elementTypeNames, elementTypes } from '../ir/types.js';
import { modelBytes } from '../onnx/write.js';
import type { Optimization } from '../runtime/types.js';
import { problem } from '../support/errors.js';
import { installEngine } from '../support/install.js';
import type { Format, FormatInput } from './format.js';
import { FlatBufferError, numberOf, readFlatBuffer, type Table, tableOf, tablesOf, textOf } from './ort/flatbuffer.js';
import { inferenceSession, ortIdentifier } from './ort/schema.js';

/**
 * `required_operators.config`: what a build of ONNX Runtime with `--include_ops_by_config` must have to run every file of
 * the target. Asked of ONNX Runtime itself, which knows the versions of its kernels: of each model as it stands, and after
 * each step of what it does when it loads an .onnx file, for that puts operators of its own in the place of ours. The types
 * of elements that are listed count only with `--enable_reduced_operator_type_support`.
 */
export const requiredOperators: Format = {
  name: 'required-operators',
  problem: ({ target, runtime }) =>
    runtime.writesOrtFormat
      ? undefined
      : problem(`target ${target.name}`, `${runtime.name} cannot list its kernels`, installEngine),
  files: async (input) => {
    const path = configPath(input.target.name);
    try {
      const content = Buffer.from(configOf(await kernelsOf(input)));
      return [{ path, bytes: content.length, content: [content], role: 'build' }];
    } catch (error) {
      if (!(error instanceof FlatBufferError)) throw error;
      const { name, version } = input.runtime;
      const why = `${name} ${version} writes a form of the ORT format that swanc does not know (${error.message})`;
      input.warn(`${path} is not written: ${why}, so its operators cannot be listed`);
      return [];
    }
  },
  paths: (target) => [configPath(target)],
};

/** What ONNX Runtime may do to a graph that it loads, as its caller chooses. */
const steps: readonly Optimization[] = ['none', 'basic', 'extended', 'all'];

const configPath = (target: string): string => `${target}/required_operators.config`;

/** Kernels that run models. */
interface Kernels {
  /** Names of operators by domain and version, such as `ai.onnx;13`. */
  readonly operators: Map<string, Set<string>>;
  /** Numbers of element types, as in ONNX. */
  readonly types: Set<number>;
}

async function kernelsOf({ models, runtime }: FormatInput): Promise<Kernels> {
  const kernels: Kernels = { operators: new Map(), types: new Set() };
  for (const model of models) {
    const bytes = modelBytes(model.graph, model.writing);
    for (const optimization of steps) {
      collect(graphOf(await runtime.toOrtFormat(bytes, optimization)), kernels);
    }
  }
  return kernels;
}

/** @throws FlatBufferError for a file in a version of the format that is not known. */
function graphOf(bytes: Uint8Array): Table {
  const model = tableOf(readFlatBuffer(bytes, ortIdentifier, inferenceSession), 'model');
  const table = model === undefined ? undefined : tableOf(model, 'graph');
  if (table === undefined) throw new FlatBufferError('it holds no graph');
  return table;
}

/** Adds the nodes of a graph, and of those nested in it. */
function collect(graph: Table, kernels: Kernels): void {
  for (const value of tablesOf(graph, 'node_args')) {
    const info = tableOf(value, 'type');
    const tensor = info === undefined ? undefined : tableOf(info, 'value');
    if (tensor !== undefined) kernels.types.add(numberOf(tensor, 'elem_type'));
  }
  for (const node of tablesOf(graph, 'nodes')) {
    const set = `${textOf(node, 'domain') || 'ai.onnx'};${numberOf(node, 'since_version')}`;
    const names = kernels.operators.get(set) ?? new Set();
    kernels.operators.set(set, names.add(textOf(node, 'op_type')));
    for (const attribute of tablesOf(node, 'attributes')) {
      const nested = tableOf(attribute, 'g');
      if (nested !== undefined) collect(nested, kernels);
    }
  }
}

function configOf({ operators, types }: Kernels): string {
  const sets = [...operators].map(([set, names]) => {
    const [domain = '', version = ''] = set.split(';');
    return { domain, version: Number(version), names: [...names].sort() };
  });
  sets.sort((left, right) => {
    if (left.domain === right.domain) return left.version - right.version;
    return left.domain < right.domain ? -1 : 1;
  });
  const named = elementTypeNames.filter((name) => types.has(elementTypes[name].onnx)).map((name) => cppTypes[name]);
  return [
    "# For ONNX Runtime's build.sh --include_ops_by_config: all that the models of this folder run.",
    ...sets.map(({ domain, version, names }) => `${domain};${version};${names.join(',')}`),
    ...(named.length === 0 ? [] : [`!globally_allowed_types;${named.sort().join(',')}`]),
    '',
  ].join('\n');
}

/** ONNX Runtime's names of element types. */
const cppTypes: Readonly<Record<ElementType, string>> = {
  float32: 'float',
  float64: 'double',
  float16: 'MLFloat16',
  int8: 'int8_t',
  uint8: 'uint8_t',
  int16: 'int16_t',
  uint16: 'uint16_t',
  int32: 'int32_t',
  uint32: 'uint32_t',
  int64: 'int64_t',
  uint64: 'uint64_t',
  bool: 'bool',
};
