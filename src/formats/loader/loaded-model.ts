import type { ValueType } from '../../ir/types.js';
import type { BrowserDevices, Precision } from '../../passkit/target.js';

/** What `model.mjs` knows of the model that it loads. */
export interface LoadedModel {
  /** Name and version of what made it. */
  readonly compiler: string;
  readonly target: string;
  readonly inputs: readonly LoadedValue[];
  readonly outputs: readonly LoadedValue[];
  /** The best first, where it runs. */
  readonly files: readonly LoadedFile[];
}

/** An input or output; sizes that are open are symbols. */
export interface LoadedValue extends ValueType {
  readonly name: string;
}

/** The model in one precision. */
export interface LoadedFile extends BrowserDevices {
  readonly precision: Precision;
  readonly graph: LoadedPart;
  /** Weights that are beside the graph. */
  readonly data: LoadedPart | null;
}

/** A file beside `model.mjs`. */
export interface LoadedPart {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}
