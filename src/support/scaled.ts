/** Numbers in units of 1000, as people read them. */

/** `1.2 MB`. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, ['B', 'kB', 'MB', 'GB', 'TB']);
}

/** With three digits, in the first of the units, each a thousand of the one before, in which it is below 1000. */
export function scaled(value: number, units: readonly string[]): string {
  let rest = value;
  let index = 0;
  // 999.5 would be shown as 1000 of the smaller unit.
  while (rest >= 999.5 && index < units.length - 1) {
    rest /= 1000;
    index++;
  }
  const digits = index === 0 && Number.isInteger(rest) ? String(rest) : trimZeros(rest.toPrecision(3));
  return `${digits} ${units[index] ?? ''}`;
}

/** Without zeros at the end of a fraction. */
export function trimZeros(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}
