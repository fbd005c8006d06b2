/** Side of the images that the networks take. */
export const side: number;

/**
 * Brings ink into the form of the images that the networks were trained on: 28 x 28, the longer side of the ink 20 pixels, its
 * centre of mass in the middle. Undefined where nothing is drawn.
 */
export function toDigit(ink: Float32Array, width: number): Float32Array | undefined;
