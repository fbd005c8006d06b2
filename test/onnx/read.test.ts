import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { type onnx, proto } from '../../src/onnx/proto.js';
import { readModel } from '../../src/onnx/read.js';
import { modelBytes } from '../../src/onnx/write.js';
import { writeModelFile } from '../../src/onnx/write-file.js';
import { SwancError } from '../../src/support/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'swanc-read-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base = 'g (float[2] x) => (float[2] y) <float[2] k = {1.0, 2.0}> { y = Add (x, k) # @sum\n}';

function changed(change: (graph: onnx.GraphProto, model: onnx.ModelProto) => void, text = base): Uint8Array {
  const model = proto.ModelProto.decode(modelBytes(parseGraph(text)));
  if (!(model.graph instanceof proto.GraphProto)) throw new Error('no graph');
  change(model.graph, model);
  return proto.ModelProto.encode(model).finish();
}

const tensor = (properties: onnx.ITensorProto) => proto.TensorProto.create(properties);

function withConstant(properties: onnx.ITensorProto): Uint8Array {
  return changed((graph) => {
    graph.initializer = [tensor({ name: 'k', ...properties })];
  });
}

describe('readModel', () => {
  test('reads elements that are stored one by one', () => {
    const cases: readonly (readonly [number, onnx.ITensorProto, number[]])[] = [
      [1, { floatData: [1.5, -2] }, [1.5, -2]],
      [11, { doubleData: [1.5, -2] }, [1.5, -2]],
      [7, { int64Data: [-5, 2 ** 40] }, [-5, 2 ** 40]],
      [13, { uint64Data: [5, 2 ** 40] }, [5, 2 ** 40]],
      [12, { uint64Data: [5, 2 ** 31] }, [5, 2 ** 31]],
      [6, { int32Data: [-5, 7] }, [-5, 7]],
      [3, { int32Data: [-128, 127] }, [-128, 127]],
      [10, { int32Data: [0x3c00, 0xffff] }, [0x3c00, 0xffff]],
      [9, { int32Data: [0, 1] }, [0, 1]],
    ];
    for (const [dataType, data, expected] of cases) {
      const bytes = changed((graph) => {
        graph.initializer = [tensor({ name: 'k', dims: [2], dataType, ...data })];
        graph.node = [];
        graph.output = [{ name: 'k', type: { tensorType: { elemType: dataType, shape: { dim: [{ dimValue: 2 }] } } } }];
      });
      expect([...readModel(bytes).constants][0]?.constant?.numbers()).toEqual(expected);
    }
  });

  test('makes constants of Constant nodes and of inputs with a value', () => {
    const text = `g (float[2] x) => (float[2] y) {
      a = Constant <value = float[2] {1.0, 2.0}> ()
      b = Constant <value_float = 0.5> ()
      c = Constant <value_ints = [1, 2]> ()
      s = Add (x, a)
      t = Mul (s, b)
      y = Other (t, c)
    }`;
    const bytes = changed((graph) => {
      graph.initializer.push(tensor({ name: 'd', dims: [], dataType: 1, floatData: [3] }));
      graph.input.push(proto.ValueInfoProto.create({ name: 'd', type: { tensorType: { elemType: 1, shape: {} } } }));
    }, text);
    const graph = readModel(bytes);
    expect(graph.inputs.map((input) => input.name)).toEqual(['x']);
    expect([...graph.constants].map((value) => [value.name, value.constant?.numbers()])).toEqual([
      ['d', [3]],
      ['a', [1, 2]],
      ['b', [0.5]],
      ['c', [1, 2]],
    ]);
  });

  test('takes the origin of nodes from other exporters from their names', () => {
    const names = ['dense/MatMul', '/layer/Add_3', 'Add_3', ''];
    const origins = names.map((name) => {
      const bytes = changed((graph) => {
        const [node] = graph.node;
        if (node) node.name = name;
      });
      return readModel(bytes).nodes[0]?.origin;
    });
    expect(origins).toEqual(['dense/MatMul', '/layer', 'Add_3', undefined]);
  });

  test('gives unknown dimensions a symbol each', () => {
    const bytes = changed((graph) => {
      graph.input = [
        {
          name: 'x',
          type: { tensorType: { elemType: 1, shape: { dim: [{}, { dimParam: 'unknown_1' }, { dimValue: -1 }] } } },
        },
      ];
      graph.node = [proto.NodeProto.create({ opType: 'Relu', input: ['x'], output: ['y'] })];
    });
    expect(readModel(bytes).inputs[0]?.shape).toEqual(['unknown_2', 'unknown_1', 'unknown_3']);
  });
});

describe('readModel refuses', () => {
  const cases: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
    ['nothing', () => new Uint8Array(), /holds no graph/],
    ['another file', () => new TextEncoder().encode('{"format": "layers-model"}'), /no ONNX model/],
    [
      'a file without opset',
      () =>
        changed((_, model) => {
          model.opsetImport = [];
        }),
      /which ONNX operator set/,
    ],
    [
      'too little raw data',
      () => withConstant({ dims: [2], dataType: 1, rawData: new Uint8Array(4) }),
      /constant 'k': 4 bytes of data .* \[2\]/,
    ],
    ['too little typed data', () => withConstant({ dims: [2], dataType: 1, floatData: [1] }), /1 elements/],
    ['huge tensors without data', () => withConstant({ dims: [2 ** 40], dataType: 1 }), /0 elements/],
    ['sizes that overflow', () => withConstant({ dims: [2 ** 40, 2 ** 40], dataType: 1 }), /constant 'k': shape/],
    ['negative sizes', () => withConstant({ dims: [-2], dataType: 1 }), /shape \[-2\]/],
    ['integers that do not fit', () => withConstant({ dims: [1], dataType: 3, int32Data: [200] }), /element 200/],
    ['odd truth values', () => withConstant({ dims: [1], dataType: 9, rawData: Uint8Array.of(2) }), /truth value/],
    ['strings', () => withConstant({ dims: [1], dataType: 8, stringData: [new Uint8Array()] }), /ONNX type 8/],
    [
      'external data of bytes',
      () => withConstant({ dims: [1], dataType: 1, dataLocation: 1 }),
      /must be read from a file/,
    ],
    [
      'undefined names',
      () =>
        changed((graph) => {
          graph.initializer = [];
        }),
      /node .*: 'k' is read/,
    ],
    [
      'names defined twice',
      () =>
        changed((graph) => {
          graph.node.push(...graph.node);
        }),
      /'y' is defined twice/,
    ],
    [
      'attributes of the wrong type',
      () => changed(() => {}, 'g (float[2] x) => (float[2] y) { y = Flatten <axis = 1.0> (x) }'),
      /axis of Flatten is of type float/,
    ],
    [
      'missing inputs',
      () => changed(() => {}, 'g (float[2] x) => (float[2] y) { y = Add (x) }'),
      /Add takes 2 to 2 inputs/,
    ],
    [
      'attributes that cannot be',
      () =>
        changed((graph) => {
          graph.node[0]?.attribute?.push({ name: '__proto__', type: 2, i: 1 });
        }),
      /'__proto__'/,
    ],
    [
      'unknown operators of ours',
      () =>
        changed((graph) => {
          graph.node = [proto.NodeProto.create({ domain: 'ai.swan', opType: 'Future', input: ['x'], output: ['y'] })];
        }),
      /ai\.swan\.Future/,
    ],
  ];

  test.each(cases)('%s', (_name, bytes, message) => {
    expect(() => readModel(bytes())).toThrow(SwancError);
    expect(() => readModel(bytes())).toThrow(message);
  });

  test('what it does not support, with all that there is', () => {
    const bytes = changed((graph, model) => {
      graph.initializer.push(tensor({ name: 'text', dims: [1], dataType: 8, stringData: [new Uint8Array()] }));
      graph.sparseInitializer = [{ values: { name: 'sparse' } }];
      graph.input.push(proto.ValueInfoProto.create({ name: 'list', type: { sequenceType: {} } }));
      graph.input.push(proto.ValueInfoProto.create({ name: 'any', type: { tensorType: { elemType: 1 } } }));
      graph.node.push(proto.NodeProto.create({ name: 'f', domain: 'local', opType: 'F', input: ['x'], output: ['z'] }));
      model.functions = [{ domain: 'local', name: 'F' }];
    });
    const message =
      /'text'[\s\S]*sparse: a sparse[\s\S]*'list'[\s\S]*sequence[\s\S]*'any'[\s\S]*unknown rank|sparse: a sparse[\s\S]*'text'/;
    let error: unknown;
    try {
      readModel(bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SwancError);
    expect(error).toMatchObject({ kind: 'unsupported', message: expect.stringMatching(message) });
    expect(error instanceof SwancError && error.problems.length).toBe(5);
  });

  test('deep nesting, before decoding it', () => {
    // A message in itself: graph 7 in the model, then node 1, attribute 5 and graph 6, over and over.
    let bytes: Uint8Array = new Uint8Array();
    const wrap = (field: number) => {
      const head = proto.TensorShapeProto.Dimension.encode({ dimValue: bytes.length }).finish().subarray(1);
      bytes = Buffer.concat([Uint8Array.of(field * 8 + 2), head, bytes]);
    };
    for (let depth = 0; depth < 4000; depth++) for (const field of [6, 5, 1]) wrap(field);
    wrap(7);
    expect(() => readModel(bytes)).toThrow(/nest deeper/);
  });

  test('floods of empty messages, before decoding them', () => {
    const nodes = new Uint8Array(2 ** 23 - 8).map((_, index) => (index % 2 === 0 ? 10 : 0));
    const head = proto.TensorShapeProto.Dimension.encode({ dimValue: nodes.length }).finish().subarray(1);
    expect(() => readModel(Buffer.concat([Uint8Array.of(7 * 8 + 2), head, nodes]))).toThrow(/more than \d+ messages/);
  });

  test('types nested in themselves', () => {
    let type: onnx.ITypeProto = { tensorType: { elemType: 1 } };
    for (let depth = 0; depth < 500; depth++) type = { sequenceType: { elemType: type } };
    const bytes = changed((graph) => {
      graph.input = [{ name: 'x', type }];
    });
    expect(() => readModel(bytes)).toThrow(/nest deeper/);
  });

  test('any damaged file, with an error of its own', () => {
    const good = modelBytes(parseGraph(base));
    const damaged = fc
      .tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), fc.nat(good.length))
      .map(([edits, length]) => {
        const bytes = Uint8Array.from(good);
        for (const [position, byte] of edits) bytes[position] = byte;
        return bytes.subarray(0, length);
      });
    fc.assert(
      fc.property(damaged, (bytes) => {
        try {
          printGraph(readModel(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(SwancError);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('external data', () => {
  async function model(location: string, change: Readonly<Record<string, string>> = {}): Promise<string> {
    const graph = new Graph('g');
    graph.setOutputs([graph.addConstant('w', Tensor.floats([512], new Float32Array(512).fill(1)))]);
    const path = join(folder, 'model', 'm.onnx');
    mkdirSync(join(folder, 'model'), { recursive: true });
    await writeModelFile(path, graph, { externalData: true });
    const bytes = changedFile(path, { location, ...change });
    writeFileSync(path, bytes);
    return path;
  }

  function changedFile(path: string, change: Readonly<Record<string, string>>): Uint8Array {
    const decoded = proto.ModelProto.decode(readFileSync(path));
    for (const { externalData } of decoded.graph?.initializer ?? []) {
      for (const entry of externalData ?? []) entry.value = change[entry.key ?? ''] ?? entry.value ?? '';
    }
    return proto.ModelProto.encode(decoded).finish();
  }

  test('is read from the folder of the model', async () => {
    const graph = readModel(await model('m.onnx.data'));
    expect([...graph.constants][0]?.constant?.numbers()).toEqual(Array.from({ length: 512 }, () => 1));
  });

  test.each(['../secret', '/etc/passwd', 'a/../../secret', 'C:\\secret', '..\\secret', '', 'none', '.', 'link'])(
    "is not read from '%s'",
    async (location) => {
      const path = await model(location);
      writeFileSync(join(folder, 'secret'), new Uint8Array(4096));
      rmSync(join(folder, 'model', 'link'), { force: true });
      symlinkSync('../secret', join(folder, 'model', 'link'));
      expect(() => readModel(path)).toThrow(SwancError);
      expect(() => readModel(path)).toThrow(/external data in/);
    },
  );

  test.each([{ length: '4' }, { offset: '100' }, { offset: '-1' }, { offset: '1e3' }, { length: '99999999999999999' }])(
    'is not read at %o',
    async (change) => {
      const path = await model('m.onnx.data', change);
      expect(() => readModel(path)).toThrow(SwancError);
    },
  );

  test('files that are none', () => {
    expect(() => readModel(join(folder, 'nothing.onnx'))).toThrow(/no such file/);
    expect(() => readModel(folder)).toThrow(/not a file/);
  });
});
