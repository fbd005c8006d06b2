import { describe, expect, test } from 'vitest';
import type { LowerPrecisionReport, TargetReport } from '../../src/compiler/reporting/report.js';
import { precisionWarnings } from '../../src/compiler/reporting/warnings.js';

type Loss = LowerPrecisionReport['loss'];

/** The report of a target, of which only what its lower precision lost matters here. */
function lost(loss: Loss, precision: LowerPrecisionReport['precision'] = 'int8'): TargetReport {
  const part: Partial<TargetReport> = { lowerPrecision: { precision, loss } as LowerPrecisionReport };
  return part as TargetReport;
}

describe('a lower precision', () => {
  test('that changes the outputs much is warned of, also where they are finite no more', () => {
    const loss = { samples: 500, accuracy: null };
    expect(precisionWarnings([lost({ ...loss, relativeChange: 0.04 })])).toEqual([]);
    expect(precisionWarnings([lost({ ...loss, relativeChange: 0.5 })])).toEqual([
      expect.stringMatching(/^int8 changes outputs by 0.50 of them .* --max-error/),
    ]);
    expect(precisionWarnings([lost({ ...loss, relativeChange: null }, 'fp16')])).toEqual([
      expect.stringMatching(/^fp16 changes outputs by Infinity of them/),
    ]);
  });

  test('is judged by its accuracy where there are labels', () => {
    const loss = { samples: 500, relativeChange: 0.2 };
    expect(precisionWarnings([lost({ ...loss, accuracy: { original: 0.9, model: 0.898 } })])).toEqual([]);
    expect(precisionWarnings([lost({ ...loss, accuracy: { original: 0.9, model: 0.88 } })])).toEqual([
      expect.stringMatching(/^int8 loses 2.0 points of accuracy .* --max-drop/),
    ]);
  });

  test('that few samples judged is warned of, once for all targets', () => {
    const target = lost({ samples: 1, accuracy: null, relativeChange: 0 });
    expect(precisionWarnings([target, target])).toEqual([expect.stringMatching(/on one held-out sample: so few/)]);
  });
});
