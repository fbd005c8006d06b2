import { suites } from './generators/index.js';
import { testFamily } from './suite.js';

// The other families are in files of their own, so that they run beside these.
const { graphs: _, recurrent: __, convolutionalRecurrent: ___, wrappers: ____, ...families } = suites;

for (const [name, rows] of Object.entries(families)) testFamily(name, rows);
