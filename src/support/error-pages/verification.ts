import type { ErrorPages } from './page.js';

/** Pages of results that are not equal. */
export const verificationPages = {
  SWC4001: {
    happened:
      'The compiled model computes something else than the original. The file was not written; with `swanc ' +
      'verify` it should not be used.',
    causes: [
      '`swanc verify` was given another model than the one that was compiled, with the same inputs and outputs.',
      'The file was changed after it was compiled.',
      'A defect of swanc.',
    ],
    advice: [
      'Give the model that was compiled.',
      'If that is the one: compile with `--verify-each`, which names the pass that is at fault, and report it.',
    ],
    example: `error SWC4001: 'build/cpu/model.onnx' differs from the original in 32 of 32 comparable samples
  sample 0: output 'classes' element 0 is 0.4442400634288788, expected 0.4947870075702667
  sample 1: output 'classes' element 0 is 0.4541233479976654, expected 0.5075380802154541
  sample 2: output 'classes' element 0 is 0.40529707074165344, expected 0.45851394534111023
  …`,
  },
  SWC4002: {
    happened:
      'Every sample was left out of the comparison, so nothing can be said of the result. This is not counted ' +
      'as equal.',
    causes: [
      'Scores of gates that lie right on their thresholds, in every sample: rounding decides them.',
      'All inputs lie outside `--input-range`, or contradict what was observed when the model was compiled.',
      '`fp16` in which every sample has a gate that rounding may turn over, without data to measure the loss by.',
    ],
    advice: [
      'Give calibration data like those that the model will see.',
      'Train on, or change the thresholds: gates that sit on theirs are not trained.',
    ],
    example: `error SWC4002: the dense form could not be verified
  samples: none of 32 could be compared: 32 have a score within rounding of a threshold or of another mode's, in 0 units act otherwise than observed, or inputs leave their range
    scores that lie on their thresholds decide by rounding: train on, or change the threshold`,
  },
  SWC4003: {
    happened:
      'In the lower precision the model loses more than the budget allows, whatever stays in floats. Nothing ' +
      'was written.',
    causes: ['A budget that is too tight for `int8` or `fp16`.', 'Removals that used the budget up.'],
    advice: ['Allow more with `--max-drop` or `--max-error`, or leave out `--precision`.'],
    example: `error SWC4003: the model on integers of 8 bits loses more than the budget
  precision: outputs change by 4.66e-3 on 20 samples, and at most 1.00e-9 was allowed with all layers on integers, and more than the budget with all but one in floats
    compile with --precision fp32, or allow more`,
  },
  SWC4004: {
    happened: 'A file in the format of a target does not compute what the compiled model does. Nothing was written.',
    causes: ['A version of ONNX Runtime with a defect in that format.'],
    advice: ['Update ONNX Runtime, or compile for another target, and report it.'],
    example: `error SWC4004: files for wrong differ from the compiled model
  wrong/model.c: output 'classes' element 0 is 0.25, expected 0.5`,
  },
  SWC4005: {
    happened:
      'On these samples the file loses more than it may: than the budget it was compiled within, or than it ' +
      'lost when it was compiled, by more than chance explains.',
    causes: ['Data of another kind than those that it was compiled with.', 'Labels that belong to other samples.'],
    advice: ['If these samples are like those that the model will see, compile again with them as calibration data.'],
    example: `error SWC4005: 'build/cpu/model.onnx' loses more than the budget it was compiled within
  budget: outputs change by 2.92e-1 on 400 samples, and at most 2.00e-1 was allowed`,
  },
  SWC4006: {
    happened:
      'The model in lower precision differs by more than its rounding can explain, in samples where no gate is ' +
      'near its threshold.',
    causes: ['The file was changed after it was compiled.', 'A part of the model that needs `fp32`.'],
    advice: ['Compile with `--precision fp32`, and report the model.'],
    example: `error SWC4006: 'build/webgpu/model.fp16.onnx' differs from the original by more than its rounding comes to, in 40 of 40 samples
  sample 0: output 'classes' element 0 is 0.4107081890106201, expected 0.40240365266799927
  sample 1: output 'classes' element 0 is 0.3961183428764343, expected 0.3928338289260864
  sample 2: output 'classes' element 0 is 0.5354905128479004, expected 0.4879152476787567
  …`,
  },
} as const satisfies ErrorPages;
