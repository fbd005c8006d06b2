import fc from 'fast-check';
import { type Attributes, int, string } from '../../../src/ir/attribute.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { type Case, type CaseInput, type Cases, floats, type Generators, shapes, sizes } from '../case.js';

/** Operators that run along sequences. ONNX Runtime runs no `layout` but 0 and wants `hidden_size` said. */

interface Family {
  readonly op: string;
  readonly gates: number;
  readonly outputs: number;
  readonly extra: fc.Arbitrary<Attributes>;
}

/** An optional input. */
const maybe = (given: fc.Arbitrary<CaseInput>): fc.Arbitrary<CaseInput | undefined> =>
  fc.option(given, { nil: undefined });

/** One length for each sample, 1 to `longest`. */
function lengths(type: 'int32' | 'int64', batch: number, longest: number): fc.Arbitrary<CaseInput> {
  return fc.array(fc.integer({ min: 1, max: longest }), { minLength: batch, maxLength: batch }).map((list) => ({
    tensor: type === 'int64' ? Tensor.int64([batch], list) : new Tensor('int32', [batch], Int32Array.from(list)),
  }));
}

function recurrent({ op, gates, outputs, extra }: Family): Cases {
  return fc
    .tuple(sizes, sizes, sizes, sizes, fc.constantFrom('forward', 'reverse', 'bidirectional'))
    .chain(([sequence, batch, width, hidden, direction]) => {
      const directions = direction === 'bidirectional' ? 2 : 1;
      const state = maybe(floats([directions, batch, hidden]));
      const inputs = [
        floats([sequence, batch, width]),
        floats([directions, gates * hidden, width]),
        floats([directions, gates * hidden, hidden]),
        maybe(floats([directions, 2 * gates * hidden])),
        maybe(lengths('int32', batch, sequence)),
        state,
        ...(op === 'LSTM' ? [state, maybe(floats([directions, 3 * hidden]))] : []),
      ];
      const layout = fc.constantFrom<Attributes>({}, { layout: int(0) });
      return fc.tuple(fc.tuple(...inputs), fc.integer({ min: 1, max: outputs }), layout, extra).map(
        ([given, count, ...more]): Case => ({
          op,
          attributes: { hidden_size: int(hidden), direction: string(direction), ...more[0], ...more[1] },
          inputs: given,
          outputs: count,
        }),
      );
    });
}

const reverseSequence: Cases = fc
  .tuple(shapes(2, 4), fc.constantFrom(0, 1))
  .chain(([dims, batchAxis]) =>
    fc.tuple(
      floats(dims),
      lengths('int64', dims[batchAxis] ?? 1, dims[1 - batchAxis] ?? 1),
      fc.constant(batchAxis),
      fc.boolean(),
    ),
  )
  .map(([x, list, batchAxis, isDefault]) => ({
    op: 'ReverseSequence',
    attributes: isDefault && batchAxis === 1 ? {} : { batch_axis: int(batchAxis), time_axis: int(1 - batchAxis) },
    inputs: [x, list],
  }));

const none = fc.constant<Attributes>({});

export const recurrentGenerators: Generators = {
  LSTM: recurrent({ op: 'LSTM', gates: 4, outputs: 3, extra: none }),
  GRU: recurrent({
    op: 'GRU',
    gates: 3,
    outputs: 2,
    extra: fc.constantFrom<Attributes>({}, { linear_before_reset: int(0) }, { linear_before_reset: int(1) }),
  }),
  RNN: recurrent({ op: 'RNN', gates: 1, outputs: 2, extra: none }),
  ReverseSequence: reverseSequence,
};
