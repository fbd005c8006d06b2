/** The number that the bit pattern of an IEEE 754 binary16 ("half") stands for. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bit pattern nearest to `value`, ties to even; beyond 65504 (and half a step) it is infinity. */
export function numberToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // Steps are 2^-24 for subnormal numbers and for the first octave, and double with each octave.
  const octave = size < 2 ** -14 ? -14 : Math.max(-14, exponentOf(size));
  const steps = roundToEven(size * 2 ** (10 - octave));
  // A carry out of the fraction raises the exponent, as it must: the fields are adjacent.
  return sign | (size < 2 ** -14 ? steps : ((octave + 14) << 10) + steps);
}

/** floor(log2(value)) of a number in the normal range of binary16; the logarithm is corrected where it was rounded. */
function exponentOf(value: number): number {
  const guess = Math.floor(Math.log2(value));
  return 2 ** guess > value ? guess - 1 : 2 ** (guess + 1) <= value ? guess + 1 : guess;
}

/** Of a number below 2^12, so that the float64 fraction is exact. */
function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
