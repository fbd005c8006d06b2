/** The text form of graphs: ONNX's textual syntax, printed and parsed. */
export { parseGraph } from './parse.js';
export { type PrintOptions, printGraph } from './print.js';
