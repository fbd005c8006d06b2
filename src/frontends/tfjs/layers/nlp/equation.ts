import type { Dim } from '../../../../ir/types.js';

/** The equation `input,kernel->output` of an EinsumDense layer, with a letter for every axis, the batch included. */
export interface Equation {
  readonly input: string;
  readonly kernel: string;
  readonly output: string;
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/**
 * Reads `ab,bc->ac`, `...b,bc->...c` or `ab...,bc->ac...` for an input of rank `rank`; axes in the place of dots get
 * letters that are free. Undefined where it is no such equation or does not fit the rank.
 */
export function readEquation(text: string, rank: number): Equation | undefined {
  const parts = /^(\.\.\.)?([A-Za-z]+)(\.\.\.)?,([A-Za-z]+)->(\.\.\.)?([A-Za-z]+)(\.\.\.)?$/.exec(
    text.replaceAll(/\s/g, ''),
  );
  if (parts === null) return undefined;
  const [, before, named = '', after, kernel = '', outBefore, result = '', outAfter] = parts;
  const isEven = before === outBefore && after === outAfter && (before === undefined || after === undefined);
  const dots = rank - named.length;
  if (!isEven || dots < 0 || (dots > 0 && before === undefined && after === undefined)) return undefined;
  const free = [...letters].filter((letter) => !text.includes(letter)).slice(0, dots);
  if (free.length < dots) return undefined;
  const elided = free.join('');
  const whole = (some: string): string => (before === undefined ? some + elided : elided + some);
  const equation = { input: whole(named), kernel, output: whole(result) };
  const operands = [equation.input, equation.kernel, equation.output];
  const isRight =
    operands.every((axes) => new Set(axes).size === axes.length) &&
    [...equation.output].every((letter) => equation.input.includes(letter) || kernel.includes(letter));
  return isRight ? equation : undefined;
}

/** Size of every letter: of the input's axes, and of the output's where these are given. The batch comes first in both. */
export function letterSizes(
  equation: Equation,
  input: readonly Dim[],
  output: readonly (number | null)[],
): Map<string, Dim> {
  const sizes = new Map<string, Dim>();
  for (const [axis, letter] of [...equation.input].entries()) {
    const dim = input[axis];
    if (dim !== undefined) sizes.set(letter, dim);
  }
  for (const [axis, letter] of [...equation.output].entries()) {
    const size = output[axis];
    if (typeof size === 'number' && !sizes.has(letter)) sizes.set(letter, size);
  }
  return sizes;
}
