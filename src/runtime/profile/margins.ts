/**
 * Bins of the margin histogram, fixed so that histograms add up. A margin is score - threshold, taken in float64, where
 * it is zero only for equal numbers: the bins from `firstFiring` on hold exactly the events in which the unit fired.
 * Sizes below 2^-20 share a bin on each side, sizes from 2^10 on share another, and every octave between has its own.
 */
const leastExponent = -20;
const mostExponent = 10;
/** Bins of one sign: smaller than all octaves, the octaves, larger. */
const perSign = mostExponent - leastExponent + 2;

export const marginBins = { count: 2 * perSign, firstFiring: perSign } as const;

const floatBits = new Float64Array(1);
const wordBits = new Uint32Array(floatBits.buffer);
/** Which half of a float64 holds sign and exponent depends on the byte order of the machine. */
const highWord = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** The bin of a finite margin. Exact: the exponent is read from the number, where a logarithm would be rounded. */
export function marginBin(margin: number): number {
  floatBits[0] = margin;
  const exponent = (((wordBits[highWord] ?? 0) >>> 20) & 0x7ff) - 1023;
  const step = exponent < leastExponent ? 0 : exponent >= mostExponent ? perSign - 1 : exponent - leastExponent + 1;
  return margin >= 0 ? perSign + step : perSign - 1 - step;
}

/** Bounds of a bin: margins m with low <= m < high when they are not negative, low < m <= high when they are. */
export function marginBinBounds(bin: number): { readonly low: number; readonly high: number } {
  const step = bin >= perSign ? bin - perSign : perSign - 1 - bin;
  const inner = step === 0 ? 0 : 2 ** (leastExponent + step - 1);
  const outer = step === perSign - 1 ? Infinity : 2 ** (leastExponent + step);
  return bin >= perSign ? { low: inner, high: outer } : { low: -outer, high: inner === 0 ? 0 : -inner };
}
