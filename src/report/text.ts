export { printable } from '../support/printable.js';
