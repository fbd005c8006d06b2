import { suites } from './generators/index.js';
import { testFamily } from './suite.js';

testFamily('recurrent layers', suites.recurrent);
testFamily('convolutional recurrent layers', suites.convolutionalRecurrent);
testFamily('wrappers', suites.wrappers);
