import { type CaseRow, type ClassRow, singleLayers } from '../case.js';
import { graphRows } from '../graphs.js';
import { activationLayers, trainingLayers } from './activation-layers.js';
import { convolutionLayers } from './convolution.js';
import { coreLayers } from './core.js';
import { mergeLayers } from './merge.js';
import { normalizationLayers } from './normalization.js';
import { paddingLayers } from './padding.js';
import { poolingLayers } from './pooling.js';
import { preprocessingLayers } from './preprocessing.js';
import { convolutionalRecurrentLayers, recurrentInGraphs, recurrentLayers } from './recurrent.js';
import { resizeLayers } from './resize.js';
import { shapeLayers } from './shape.js';
import { wrapperLayers } from './wrappers.js';

/** Generators of all layer classes, by family. */
const families = {
  activations: [...activationLayers, ...trainingLayers],
  convolution: convolutionLayers,
  core: [...coreLayers, ...shapeLayers, ...paddingLayers, ...resizeLayers],
  preprocessing: preprocessingLayers,
  merge: mergeLayers,
  normalization: normalizationLayers,
  pooling: poolingLayers,
} satisfies Record<string, readonly ClassRow[]>;

/** Cases of every class, by family; `graphs` are the classes of models themselves. */
export const suites: Readonly<
  Record<keyof typeof families | 'graphs' | 'recurrent' | 'convolutionalRecurrent' | 'wrappers', readonly CaseRow[]>
> = {
  graphs: graphRows([...Object.values(families).flat(), ...recurrentInGraphs]),
  activations: families.activations.map(singleLayers),
  convolution: families.convolution.map(singleLayers),
  core: families.core.map(singleLayers),
  preprocessing: families.preprocessing.map(singleLayers),
  merge: families.merge.map(singleLayers),
  normalization: families.normalization.map(singleLayers),
  pooling: families.pooling.map(singleLayers),
  recurrent: recurrentLayers,
  convolutionalRecurrent: convolutionalRecurrentLayers,
  wrappers: wrapperLayers(Object.values(families).flat()),
};

export const rows: readonly CaseRow[] = Object.values(suites).flat();
