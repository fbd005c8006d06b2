import { InvalidArgumentError } from 'commander';

/** Readers of option values. What they refuse, commander reports with the option's name. */

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('A whole number from 1 is expected.');
  }
  return value;
}

export function positiveNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError('A number above 0 is expected.');
  }
  return value;
}

/** `low,high` */
export function numberRange(text: string): readonly [number, number] {
  const [low, high, ...others] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const isRange = low !== undefined && high !== undefined && others.length === 0 && low <= high;
  if (!isRange || !Number.isFinite(low) || !Number.isFinite(high)) {
    throw new InvalidArgumentError('Two numbers are expected, the lower first, such as 0,1.');
  }
  return [low, high];
}

/** A part of something: `0.5%` or `0.005`. */
export function fraction(text: string): number {
  const percent = text.endsWith('%');
  const digits = (percent ? text.slice(0, -1) : text).trim();
  const value = digits === '' ? Number.NaN : Number(digits) / (percent ? 100 : 1);
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError('A number from 0 is expected, such as 0.5% or 0.005.');
  }
  return value;
}

/** As {@link fraction}, for what is meant in points: half a point is `0.5%` or `0.005`, and `0.5` would be fifty. */
export function points(text: string): number {
  const value = fraction(text);
  if (value > mostPlain && !text.endsWith('%')) {
    throw new InvalidArgumentError(`That would be ${100 * value} points: write ${text}% or ${100 * value}%.`);
  }
  return value;
}

/** Parts of more than five points are taken for a forgotten percent sign. */
const mostPlain = 0.05;

/** `a,b,c`, without repetitions. */
export function nameList(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Names separated by commas are expected.');
  return [...new Set(names)];
}

/** A number of bytes: `65536`, `256K`, `1.5M`, `2G`; K is 1024 bytes. */
export function byteSize(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([KMG]?)i?B?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(digits) * 1024 ** ['', 'K', 'M', 'G'].indexOf(unit.toUpperCase()));
  if (!(bytes > 0 && Number.isSafeInteger(bytes))) {
    throw new InvalidArgumentError('A number of bytes is expected, such as 65536, 256K or 1.5M.');
  }
  return bytes;
}
