import { suites } from './generators/index.js';
import { testFamily } from './suite.js';

testFamily('graphs', suites.graphs);
