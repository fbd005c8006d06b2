import fc from 'fast-check';
import {
  dataFormats,
  imageCrops,
  imageLayouts,
  imageResizes,
  modes,
  precisions,
  tunings,
} from '../../src/compiler/options.js';
import type { Fields } from '../../src/config/index.js';
import { SwancError } from '../../src/support/errors.js';

const path = fc.stringMatching(/^\/[a-z]{1,5}(\/[a-z.]{1,5}[a-z])?$/);
const fraction = fc.integer({ min: 0, max: 500 }).map((value) => value / 10_000);
const count = fc.integer({ min: 1, max: 4096 });
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const perChannel = fc.oneof(fc.tuple(number), fc.tuple(number, number, number));
const bytes = fc.integer({ min: 1, max: 2 ** 40 });

/** Options of every kind that fit together; which of them are there differs. Paths are absolute. */
export const anyFields: fc.Arbitrary<Fields> = fc
  .record(
    {
      calibration: fc.oneof(path, fc.array(path, { minLength: 2, maxLength: 3 })),
      labels: path,
      samples: count,
      shuffle: fc.nat(),
      dataFormat: fc.constantFrom(...dataFormats),
      dataHeader: fc.boolean(),
      imageSize: fc.tuple(count, count),
      imageResize: fc.constantFrom(...imageResizes),
      imageCrop: fc.constantFrom(...imageCrops),
      imageScale: number.filter((value) => value !== 0),
      imageMean: perChannel,
      imageStd: perChannel,
      imageChannels: fc.constantFrom(1, 3, 4),
      imageLayout: fc.constantFrom(...imageLayouts),
      profile: path,
      inputRange: fc.tuple(fc.integer({ min: -9, max: 0 }), fc.double({ min: 0, max: 9, noNaN: true })),
      plugins: fc.array(path, { minLength: 1, maxLength: 3 }),
      out: path,
      targets: fc.uniqueArray(fc.constantFrom('cpu', 'webgpu', 'edge'), { minLength: 1 }),
      opset: count,
      externalData: fc.boolean(),
      gateOutputs: fc.boolean(),
      mode: fc.constantFrom(...modes),
      dead: fc.constantFrom('proved', 'observed'),
      tune: fc.constantFrom(...tunings),
      batch: count,
      tunedCosts: fc.oneof(path, fc.constant<false>(false)),
      precision: fc.constantFrom(...precisions),
      maxDrop: fraction,
      maxError: fraction,
      budgetRam: bytes,
      budgetFlash: bytes,
      verify: fc.boolean(),
      verifyEach: fc.boolean(),
      dumpIr: path,
    } satisfies { readonly [K in keyof Fields]?: fc.Arbitrary<Fields[K]> },
    { requiredKeys: [] },
  )
  .map(({ maxError, ...fields }) =>
    fields.maxDrop === undefined && maxError !== undefined ? { ...fields, maxError } : fields,
  );

/** What something fails with, which must be an error that a user can cause. */
export async function problemsOf(run: () => unknown): Promise<SwancError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof SwancError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}
