import type { CompileOptions } from '../compiler/options.js';
import type { Kind } from './kind.js';

/** Headings under which options are told, in this order. */
export const groups = [
  'Input',
  'Images',
  'Output',
  'Gates',
  'Precision',
  'Budgets',
  'Verification',
  'Diagnostics',
  'General',
] as const;
export type Group = (typeof groups)[number];

/** The options of `compile` that can be written down: all but the model itself and what is for programs. */
export type Fields = Omit<CompileOptions, 'model' | 'signal' | 'onProgress' | 'onWarning'>;
export type OptionKey = keyof Fields;

/** One option, told once: for the command line, config files, queries of imports, and documents. */
export interface OptionRow<T> {
  /** Long name on the command line and in queries, without dashes. */
  readonly flag: string;
  readonly short?: string;
  /** What the value is called, such as `<count>`; switches have none. */
  readonly placeholder?: string;
  /** What it does, for `--help`: a line or two, without a full stop. */
  readonly text: string;
  /** The same for config files, where the text tells of command lines; with how a value is written in JavaScript. */
  readonly configText?: string;
  /** What holds where it is not given, as shown to people; absent where that is nothing, or off. */
  readonly default?: string;
  readonly group: Group;
  readonly kind: Kind<T>;
  /** A switch that is on by default: people are told of `--no-<flag>`. Of an option with a value, what that does. */
  readonly negated?: true | string;
  /** Options that it cannot be with; on a command line it replaces theirs from a config file. */
  readonly excludes?: readonly OptionKey[];
}

export type OptionTable = { readonly [K in OptionKey]-?: OptionRow<Exclude<Fields[K], undefined>> };
