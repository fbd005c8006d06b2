/** The formulas of both layers in plain numbers (64 bit), one sample at a time, as the tests' own reference. */

export type Matrix = readonly (readonly number[])[];

export interface PlainGate {
  readonly kernel: Matrix;
  readonly bias?: readonly number[];
  readonly hiddenKernel?: Matrix;
  readonly hiddenBias?: readonly number[];
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

export function affine(row: readonly number[], kernel: Matrix, bias?: readonly number[]): number[] {
  const width = kernel[0]?.length ?? 0;
  return Array.from({ length: width }, (_, j) =>
    row.reduce((sum, value, i) => sum + value * at(kernel, i, j), bias?.[j] ?? 0),
  );
}

/** Scores of one control vector. */
export function scores(control: readonly number[], gate: PlainGate): number[] {
  const hidden = gate.hiddenKernel
    ? affine(control, gate.hiddenKernel, gate.hiddenBias).map((h) => Math.max(0, h))
    : control;
  return affine(hidden, gate.kernel, gate.bias);
}

/** One sample (or position): the features after the gates that this control opens. */
export function gated(
  features: readonly number[],
  control: readonly number[],
  gate: PlainGate,
  threshold = 0.5,
  groupSize = 1,
): number[] {
  const fires = scores(control, gate).map((score) => sigmoid(score) >= threshold);
  return features.map((value, channel) => (fires[Math.floor(channel / groupSize)] ? value : 0));
}

/** Index of the greatest, the first of equals. */
export function firstMaximum(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

/** One sample (or position): the features after the gates of the mask that this control chooses. */
export function modallyGated(
  features: readonly number[],
  control: readonly number[],
  gate: PlainGate,
  masks: Matrix,
  groupSize = 1,
): number[] {
  const mask = masks[firstMaximum(scores(control, gate))] ?? [];
  return features.map((value, channel) => ((mask[Math.floor(channel / groupSize)] ?? Number.NaN) >= 0 ? value : 0));
}

export function softmax(values: readonly number[]): number[] {
  const exponentials = values.map((value) => Math.exp(value - Math.max(...values)));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}

export function sgBlend(
  x: number,
  [alpha, beta, gamma]: readonly [number, number, number],
  blend: 'sigmoid' | 'clip',
  gelu: 'sigmoid' | 'tanh' | 'erf',
): number {
  const a = blend === 'clip' ? Math.min(1, Math.max(0, alpha)) : sigmoid(alpha);
  const forms = {
    sigmoid: x * sigmoid(1.702 * x),
    tanh: 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    erf: 0.5 * x * (1 + erf(x / Math.SQRT2)),
  };
  return a * (x * sigmoid(beta * x) - gamma) + (1 - a) * forms[gelu];
}

/** Taylor series of the error function: good to 1e-10 for |x| <= 3. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 80; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** Central differences of f at each of the parameters. */
export function differences(f: (parameters: readonly number[]) => number, at: readonly number[], h = 1e-5): number[] {
  return at.map((value, i) => {
    const moved = (by: number) => at.map((v, j) => (i === j ? value + by : v));
    return (f(moved(h)) - f(moved(-h))) / (2 * h);
  });
}

export function rows(values: readonly number[], width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
}

function at(matrix: Matrix, i: number, j: number): number {
  const value = matrix[i]?.[j];
  if (value === undefined) throw new Error(`no element ${i}, ${j}`);
  return value;
}
