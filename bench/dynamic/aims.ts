/** A number that is to be at least, or at most, as large as was set out. */
export interface Aim {
  readonly what: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export function isMet({ value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Aim): boolean {
  return value >= atLeast && value <= atMost;
}

/** Prints a line for each aim: `met` or `MISSED`, the value and what it was to be. */
export function printAims(aims: readonly Aim[]): void {
  for (const aim of aims) {
    const bounds = [
      ...(aim.atLeast === undefined ? [] : [`>= ${aim.atLeast}`]),
      ...(aim.atMost === undefined ? [] : [`<= ${aim.atMost}`]),
    ];
    console.log(`  ${isMet(aim) ? 'met   ' : 'MISSED'} ${aim.what}: ${aim.value.toFixed(3)} (${bounds.join(', ')})`);
  }
  console.log();
}
