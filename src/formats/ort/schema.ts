import type { FieldType, ScalarName, TableType } from './flatbuffer.js';

/**
 * Tables of ONNX Runtime's ORT format, by the numbers of their fields: `onnxruntime/core/flatbuffers/schema/ort.fbs` as of
 * version 6 of the format. What files of ours never hold is left out, and refused where it is met: sparse weights, sequences
 * and maps, training, optimisations put off to the device.
 */

/** The four letters that every file has. */
export const ortIdentifier = 'ORTM';

const scalar = (name: ScalarName): FieldType => ({ kind: 'scalar', scalar: name });
const text: FieldType = { kind: 'text' };
const table = (of: () => TableType): FieldType => ({ kind: 'table', of });
const list = (of: FieldType): FieldType => ({ kind: 'list', of });
const plain = (element: number, align = element): FieldType => ({ kind: 'plain', element, align });

const dimensionValue: TableType = {
  name: 'DimensionValue',
  fields: [
    ['dim_type', scalar('i8')],
    ['dim_value', scalar('i64')],
    ['dim_param', text],
  ],
};

const dimension: TableType = {
  name: 'Dimension',
  fields: [
    ['value', table(() => dimensionValue)],
    ['denotation', text],
  ],
};

const shape: TableType = { name: 'Shape', fields: [['dim', list(table(() => dimension))]] };

const tensorType: TableType = {
  name: 'TensorTypeAndShape',
  fields: [
    ['elem_type', scalar('i32')],
    ['shape', table(() => shape)],
  ],
};

const typeInfo: TableType = {
  name: 'TypeInfo',
  fields: [
    ['denotation', text],
    ['value_type', scalar('u8')],
    ['value', { kind: 'union', tag: 'value_type', of: () => [undefined, tensorType] }],
  ],
};

const valueInfo: TableType = {
  name: 'ValueInfo',
  fields: [
    ['name', text],
    ['doc_string', text],
    ['type', table(() => typeInfo)],
  ],
};

const tensor: TableType = {
  name: 'Tensor',
  fields: [
    ['name', text],
    ['doc_string', text],
    ['dims', plain(8)],
    ['data_type', scalar('i32')],
    ['raw_data', { kind: 'plain', element: 1, align: 8, isLate: true }],
    ['string_data', list(text)],
    ['external_data_offset', scalar('i64')],
  ],
};

const attribute: TableType = {
  name: 'Attribute',
  fields: [
    ['name', text],
    ['doc_string', text],
    ['type', scalar('i32')],
    ['f', scalar('f32')],
    ['i', scalar('i64')],
    ['s', text],
    ['t', table(() => tensor)],
    ['g', table(() => graph)],
    ['floats', plain(4)],
    ['ints', plain(8)],
    ['strings', list(text)],
    ['tensors', list(table(() => tensor))],
    ['graphs', list(table(() => graph))],
  ],
};

const node: TableType = {
  name: 'Node',
  fields: [
    ['name', text],
    ['doc_string', text],
    ['domain', text],
    ['since_version', scalar('i32')],
    ['index', scalar('u32')],
    ['op_type', text],
    ['type', scalar('i32')],
    ['execution_provider_type', text],
    ['inputs', list(text)],
    ['outputs', list(text)],
    ['attributes', list(table(() => attribute))],
    ['input_arg_counts', plain(4)],
    ['implicit_inputs', list(text)],
  ],
};

/** Both lists hold structures of three 32-bit numbers: a node, and an output and input. */
const nodeEdge: TableType = {
  name: 'NodeEdge',
  fields: [
    ['node_index', scalar('u32')],
    ['input_edges', plain(12, 4)],
    ['output_edges', plain(12, 4)],
  ],
};

const graph: TableType = {
  name: 'Graph',
  fields: [
    ['initializers', list(table(() => tensor))],
    ['node_args', list(table(() => valueInfo))],
    ['nodes', list(table(() => node))],
    ['max_node_index', scalar('u32')],
    ['node_edges', list(table(() => nodeEdge))],
    ['inputs', list(text)],
    ['outputs', list(text)],
    ['sparse_initializers', list(table(() => unused('SparseTensor')))],
    ['runtime_optimizations', table(() => runtimeOptimizations)],
  ],
};

/** What lists of may be there, but empty: no field of theirs is known. */
const unused = (name: string): TableType => ({ name, fields: [] });

const runtimeOptimizations: TableType = {
  name: 'RuntimeOptimizations',
  fields: [['records', list(table(() => unused('RuntimeOptimizationRecordContainerEntry')))]],
};

const operatorSet: TableType = {
  name: 'OperatorSetId',
  fields: [
    ['domain', text],
    ['version', scalar('i64')],
  ],
};

const metadata: TableType = {
  name: 'StringStringEntry',
  fields: [
    ['key', text],
    ['value', text],
  ],
};

const model: TableType = {
  name: 'Model',
  fields: [
    ['ir_version', scalar('i64')],
    ['opset_import', list(table(() => operatorSet))],
    ['producer_name', text],
    ['producer_version', text],
    ['domain', text],
    ['model_version', scalar('i64')],
    ['doc_string', text],
    ['graph', table(() => graph)],
    ['graph_doc_string', text],
    ['metadata_props', list(table(() => metadata))],
  ],
};

const kernelArgument: TableType = {
  name: 'ArgTypeAndIndex',
  fields: [
    ['arg_type', scalar('i8')],
    ['index', scalar('u32')],
  ],
};

const kernelType: TableType = {
  name: 'KernelTypeStrArgsEntry',
  fields: [
    ['kernel_type_str', text],
    ['args', list(table(() => kernelArgument))],
  ],
};

const operatorTypes: TableType = {
  name: 'OpIdKernelTypeStrArgsEntry',
  fields: [
    ['op_id', text],
    ['kernel_type_str_args', list(table(() => kernelType))],
  ],
};

const typeResolver: TableType = {
  name: 'KernelTypeStrResolver',
  fields: [['op_kernel_type_str_args', list(table(() => operatorTypes))]],
};

/** The root of a file. */
export const inferenceSession: TableType = {
  name: 'InferenceSession',
  fields: [
    ['ort_version', text],
    ['model', table(() => model)],
    undefined,
    ['kernel_type_str_resolver', table(() => typeResolver)],
  ],
};
