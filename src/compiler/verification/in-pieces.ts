import { joinAlongAxis, takeAlongAxis } from '../../ir/slices.js';
import type { Session, Tensors } from '../../runtime/types.js';
import { at } from '../../support/assert.js';

/**
 * Runs a batch a few samples at a time and joins what comes of it, for models with branches: a large batch takes the branch
 * for all units, and says nothing of the others. Undefined where the model's samples do not lie along the first axis of all
 * that it takes and gives, or its batch is fixed.
 */
export async function runInPieces(
  session: Session,
  feeds: Tensors,
  expected: Tensors,
  size: number,
): Promise<Tensors | undefined> {
  const rows = Object.values(feeds)[0]?.dims[0];
  const areRows = [...Object.values(feeds), ...Object.values(expected)].every(({ dims }) => dims[0] === rows);
  if (rows === undefined || rows <= size || !areRows) return undefined;
  const parts: Tensors[] = [];
  for (let start = 0; start < rows; start += size) {
    const places = Array.from({ length: Math.min(size, rows - start) }, (_, place) => start + place);
    const part = Object.entries(feeds).map(([name, tensor]) => [name, takeAlongAxis(tensor, 0, places)] as const);
    parts.push(await session.run(Object.fromEntries(part)));
  }
  const names = Object.keys(at(parts, 0));
  return Object.fromEntries(
    names.map((name) => [
      name,
      joinAlongAxis(
        parts.flatMap((part) => part[name] ?? []),
        0,
      ),
    ]),
  );
}
