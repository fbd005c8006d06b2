import { Tensor } from '../ir/tensor.js';
import { type Problem, problem } from '../support/errors.js';
import { areNamed, type Labels, type Part } from './array.js';

/** The names of all rows, where all parts have them: they are images. */
export function rowNamesOf(parts: readonly Part[]): readonly string[] | undefined {
  const names = parts.flatMap(({ rowNames }) => rowNames ?? []);
  const count = parts.reduce((sum, own) => sum + own.count, 0);
  return count > 0 && names.length === count ? names : undefined;
}

/**
 * Labels of a table that says which file each is of, in the order of the files. A file is named by its whole path in the
 * folder, or by its last part where no other has that; labels of files that are not there are left out.
 */
export function labelsByFile(
  labels: Labels,
  rowNames: readonly string[],
  files: readonly string[],
  where: string,
  problems: Problem[],
): Labels {
  const rowOf = new Map<string, number>();
  const lastOf = new Map<string, number | undefined>();
  for (const [row, name] of rowNames.entries()) {
    const path = name.replaceAll('\\', '/').replace(/^\.\//, '');
    if (rowOf.has(path)) problems.push(problem(where, `has two labels for '${name}'`, undefined, 'SWC3105'));
    rowOf.set(path, row);
    const last = lastPart(path);
    lastOf.set(last, lastOf.has(last) ? undefined : row);
  }
  const rows = files.map((file) => rowOf.get(file) ?? lastOf.get(lastPart(file)));
  const missing = files.filter((_, index) => rows[index] === undefined);
  if (missing.length > 0) {
    const what = `has no label for ${missing.length} of ${files.length} images, such as '${missing[0]}'`;
    problems.push(problem(where, what, undefined, 'SWC3105'));
  }
  const order = rows.map((row) => row ?? 0);
  if (areNamed(labels))
    return { classes: labels.classes, rows: Uint32Array.from(order, (row) => labels.rows[row] ?? 0) };
  return {
    type: 'float64',
    dims: [order.length],
    async rows(start, count) {
      const values = new Float64Array(count);
      for (let index = 0; index < count; index++) {
        const [value = 0] = (await labels.rows(order[start + index] ?? 0, 1)).numbers();
        values[index] = value;
      }
      return new Tensor('float64', [count], values);
    },
  };
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
