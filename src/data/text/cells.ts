import type { ElementType } from '../../ir/types.js';

/** Numbers as people and programs write them: an optional sign, digits, a point, an exponent. */
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const whole = /^[+-]?\d{1,40}$/;
const notFinite = /^[+-]?(?:nan|inf|infinity)$/i;

/** Whether a cell is a number, if only one that no input takes; the names of columns are not. */
export function isNumeric(cell: string): boolean {
  const text = cell.trim();
  return decimal.test(text) || notFinite.test(text);
}

export function isWhole(cell: string): boolean {
  return whole.test(cell.trim());
}

export type TextType = 'float64' | 'int64' | 'uint64';

/** What numbers in text are read as for an input: those for floats as float64, for rounding to come; others exactly. */
export function textType(type: ElementType): TextType {
  if (type.startsWith('float')) return 'float64';
  return type === 'uint64' ? 'uint64' : 'int64';
}

/** The number of a cell, or what is wrong with it in words. */
export function parseCell(cell: string, type: TextType): number | bigint | string {
  const text = cell.trim();
  if (text === '') return 'is empty';
  const word = /^(?:true|false)$/i.exec(text)?.[0].toLowerCase();
  if (word !== undefined) return type === 'float64' ? Number(word === 'true') : BigInt(word === 'true');
  if (type === 'float64') {
    if (!decimal.test(text))
      return notFinite.test(text) ? `holds ${shown(text)}` : `holds ${shown(text)}, which is no number`;
    const value = Number(text);
    return Number.isFinite(value) ? value : `holds ${shown(text)}, which is too large for a number`;
  }
  if (!whole.test(text)) return `holds ${shown(text)}; the input takes whole numbers`;
  const value = BigInt(text);
  const fits = type === 'uint64' ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
  return fits ? value : `holds ${shown(text)}, which ${type} cannot hold`;
}

/** A value in a message: short, and marked as text where it is no number. */
export function shown(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return decimal.test(short) ? short : `'${short}'`;
}
