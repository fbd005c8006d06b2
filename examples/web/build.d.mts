import type { Digits } from '../../fixtures/mnist.js';
import type { CompileOptions, CompileResult } from '../../src/index.js';

export interface BuildOptions {
  readonly compile: (options: CompileOptions) => Promise<CompileResult>;
  readonly readMnist: (split: 'train' | 'test') => Digits;
  readonly writeImages: (path: string, digits: Digits, count: number, isFlat: boolean) => Promise<void>;
  /** Folder to write to. */
  readonly out: string;
  /** Ids of networks; all by default. */
  readonly only?: readonly string[];
  /** Calibration images; 2000 by default. */
  readonly images?: number;
  readonly onProgress?: (text: string) => void;
}

/** Compiles the networks of the demo for browsers, and writes the page with all it needs into a folder. */
export function build(options: BuildOptions): Promise<void>;
