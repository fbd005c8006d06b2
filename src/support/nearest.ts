/** The one of `names` that `name` was most likely meant to be, if any is near: a slip or two of typing away, or a part of it. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '');
  const wanted = plain(name.slice(0, longest));
  const most = Math.max(1, Math.floor(wanted.length * 0.4));
  let best: { readonly distance: number; readonly name: string } | undefined;
  for (const candidate of names) {
    const distance = editDistance(wanted, plain(candidate));
    if (distance <= most && (best === undefined || distance < best.distance)) best = { distance, name: candidate };
  }
  return best?.name;
}

/** Longer names are no slips of any; it bounds the time that hostile ones take. */
const longest = 64;

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other. */
export function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const isSame = left[row - 1] === right[column - 1];
      const options = [
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      ];
      const isSwap = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && isSwap) options.push((before[column - 2] ?? 0) + 1);
      current.push(Math.min(...options));
    }
    before = last;
    last = current;
  }
  return last[right.length] ?? 0;
}
