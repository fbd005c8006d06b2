/**
 * What can go wrong. `code` is one of
 * - `options`: a value that `load` does not know;
 * - `device`: no device of the kind that was asked for;
 * - `runtime`: ONNX Runtime cannot be loaded, or refuses the model;
 * - `fetch`: a file of the model cannot be had;
 * - `hash`: a file is not the one that was compiled;
 * - `feeds`: data that do not fit the model;
 * - `released`: the model was released before.
 */
export class ModelError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'ModelError';
    this.code = code;
  }
}

/** @param {unknown} error */
export function textOf(error) {
  return error instanceof Error ? error.message : String(error);
}
