import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { assembleGraph } from '../ir/assemble.js';
import type { Graph } from '../ir/graph.js';
import { inferTypes, operatorOf } from '../ops/index.js';
import { swanDomain } from '../ops/operator.js';
import { commonCode, type ErrorCode, invalid, type Problem, problem, SwancError } from '../support/errors.js';
import { Decoder, domainOf } from './decode.js';
import { externalDataIn, noExternalData } from './external.js';
import { type onnx, proto } from './proto.js';
import { maxMessageBytes } from './rope.js';
import { scanModel } from './scan.js';
import type { ExternalReader } from './tensors.js';
import { newestReadOpset, oldestReadOpset, upgradeGraph } from './upgrade.js';

/**
 * Reads an ONNX model, as bytes or from a file (which external data lies beside), as a graph at the internal opset.
 * Constant nodes become constants, functions of swanc's own domain become its operators again, nodes get their origin
 * from their names, and types are inferred. Dimensions without a size or name get a symbol each. Metadata, training
 * information and documentation are dropped.
 * @throws SwancError 'invalid' for files that are damaged or contradict themselves, 'unsupported' for models with
 *   parts that the IR does not have, each with the list of all that was found.
 */
export function readModel(source: Uint8Array | string): Graph {
  if (typeof source === 'string') return read(readFile(source), source, externalDataIn(dirname(source)));
  return read(source, 'the ONNX model', noExternalData);
}

function readFile(path: string): Uint8Array {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw invalid('SWC3001', path, 'there is no such file');
  if (!stats.isFile()) throw invalid('SWC3006', path, 'this is not a file');
  if (stats.size > maxMessageBytes)
    throw invalid('SWC3006', path, `${stats.size} bytes are more than an ONNX file can have`);
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalid('SWC3006', path, `it cannot be read: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function read(bytes: Uint8Array, where: string, readExternal: ExternalReader): Graph {
  const model = decode(bytes, where);
  if (!model.graph) throw invalid('SWC3006', where, 'it holds no graph');
  const opset = opsetOf(model, where);
  const decoder = new Decoder(model, readExternal);
  const source = decoder.graph(model.graph, where);
  throwProblems('SWC3006', 'this ONNX model is damaged', decoder.problems.invalid);
  throwProblems('SWC3007', 'this ONNX model has parts that swanc does not support', decoder.problems.unsupported);
  const graph = assembleGraph(source);
  throwProblems('SWC3007', `operators that cannot be brought to a newer opset`, upgradeGraph(graph, opset));
  throwProblems('SWC3007', 'operators that swanc does not know', unknownOwnOperators(graph));
  inferTypes(graph);
  return graph;
}

function decode(bytes: Uint8Array, where: string): onnx.ModelProto {
  scanModel(bytes, where);
  try {
    return proto.ModelProto.decode(bytes);
  } catch (error) {
    throw invalid('SWC3006', where, `this is no ONNX model that can be read: ${messageOf(error)}`);
  }
}

/** The version of ONNX's own operator set that the model is written for. */
function opsetOf(model: onnx.IModelProto, where: string): number {
  const versions = model.opsetImport ?? [];
  const own = versions.find(({ domain }) => domainOf(domain) === '');
  if (own === undefined) throw invalid('SWC3006', where, 'it does not say which ONNX operator set it uses');
  const version = Number(own.version ?? 0);
  if (version >= oldestReadOpset && version <= newestReadOpset) return version;
  throw new SwancError('SWC3007', 'this ONNX operator set is not supported', [
    problem(where, `opset ${version}`, `Export the model at an opset from ${oldestReadOpset} to ${newestReadOpset}.`),
  ]);
}

function unknownOwnOperators(graph: Graph): Problem[] {
  return [...graph.allNodes()]
    .filter((node) => node.domain === swanDomain && operatorOf(node) === undefined)
    .map((node) =>
      problem(node.label, `${node.domain}.${node.op}`, 'The file may come from a newer version of swanc.'),
    );
}

/** One error of all; its code is that of the problems where all have the same one of their own. */
function throwProblems(code: ErrorCode, summary: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw new SwancError(commonCode(problems, code), summary, problems);
}
