import type { CaseRow, LeftOut } from './case.js';
import { tolerance } from './compare.js';

/** What came of one class, as data that goes between processes. */
export interface ClassResult {
  readonly className: string;
  readonly cases: number;
  readonly maxError: number;
  readonly coverage: string;
  /** Why the class failed. */
  readonly failure?: string;
}

/** The document `docs/conformance.md`. Rows are in the order of `rows`. */
export function conformanceTable(
  rows: readonly Pick<CaseRow, 'className' | 'leftOut'>[],
  results: readonly ClassResult[],
  seed: number,
): string {
  const byClass = new Map(results.map((result) => [result.className, result]));
  const lines = rows.map(({ className, leftOut }) => {
    const result = byClass.get(className);
    const cells =
      result === undefined
        ? ['0', '', 'not run']
        : [`${result.cases}`, result.failure === undefined ? shown(result.maxError) : '**fails**', result.coverage];
    return `| ${[className, ...cells, (leftOut ?? []).map(told).join('; ')].join(' | ')} |`;
  });
  const total = results.reduce((sum, { cases }) => sum + cases, 0);
  return `${header(total, seed)}\n${lines.join('\n')}\n`;
}

function header(total: number, seed: number): string {
  return `# Conformance with TensorFlow.js

Made by \`npm run conformance\`: ${total} random models, seed ${seed}. Each is built in TensorFlow.js with random weights,
saved, compiled, and run in ONNX Runtime; both are given the same random inputs, at batch 1 and 5 of one graph. Floats
may differ by ${tolerance.relative} of their value plus ${tolerance.absolute}; types, shapes, integers and truth values are the same.
*Max error* is the largest difference of any element, in parts of what is allowed. *Covered* names the inputs (ranks count
the batch) and the values that each field took. Where TensorFlow.js itself is wrong, swanc does what Keras documents; such
regions are *left out* here, and a test compares with values derived by hand.

| class | cases | max error | covered | left out and why |
| --- | --- | --- | --- | --- |`;
}

function shown(error: number): string {
  return error === 0 ? '0' : error.toPrecision(2);
}

function told({ what, why, test }: LeftOut): string {
  return `${what}: ${why}${test === undefined ? '' : ` ([by hand](../${test}))`}`;
}
