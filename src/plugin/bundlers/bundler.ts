import type { UnpluginBuildContext, UnpluginContext } from 'unplugin';
import type { Platform } from '../options.js';

/** What hooks are called on. */
export type HookContext = UnpluginBuildContext & UnpluginContext;

/** How a module says where files are that go into the output with it. */
export interface FileAddresses {
  /** Statements before all others, such as imports. */
  readonly head: readonly string[];
  /** For each file an expression for its address where the module runs, as a URL. */
  readonly urls: readonly string[];
  /** For each file an expression for its public address, as text: what a page that a server renders has in it. */
  readonly publicUrls: readonly string[];
}

/** What the plugin needs of a bundler, and each does in a way of its own. */
export interface Bundler {
  /** Folder of the project. */
  root(): string;
  /** What the output runs on. */
  platform(context: HookContext): Platform;
  /** What module ids begin with: see {@link moduleId}. */
  readonly prefix: string;
  /** True where it takes along the .wasm files that onnxruntime-web names in its code. */
  readonly findsWasm: boolean;
  /** The file that a path means which is not relative or absolute, such as an alias. */
  resolve(context: HookContext, path: string, importer: string | undefined): Promise<string | undefined>;
  /** Makes files a part of the output. */
  addFiles(context: HookContext, files: readonly string[], platform: Platform): Promise<FileAddresses>;
  /** Tells the user of an error, as the bundler shows them. Code that it returns stands in for the module. */
  fail(context: HookContext, failure: Failure): string;
}

/** An error of one model. */
export interface Failure {
  readonly message: string;
  readonly code: string;
  /** The model's file. */
  readonly file: string;
  readonly cause: unknown;
}
