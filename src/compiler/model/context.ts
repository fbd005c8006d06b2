import { targets } from '../../../targets/index.js';
import { inferTypes } from '../../ops/index.js';
import type { PassContext } from '../../passkit/pass.js';
import { evaluate } from '../../runtime/session.js';
import type { Runtime } from '../../runtime/types.js';
import { defined } from '../../support/assert.js';
import type { CommonOptions, CompileOptions } from '../options.js';

/** The target that exact passes are run for where none matters. */
const anyTarget = 'cpu';

/** What passes get, for the first of the wanted targets and before anything is known of the gates. */
export function passContext(
  runtime: Runtime,
  options: CommonOptions & Pick<CompileOptions, 'targets' | 'opset' | 'dead' | 'inputRange' | 'gateOutputs'>,
): PassContext {
  const target = defined(targets[options.targets?.[0] ?? anyTarget], 'a target');
  return {
    target,
    opset: options.opset ?? target.defaultOpset,
    dead: options.dead ?? 'observed',
    profile: undefined,
    inputRange: options.inputRange,
    gateOutputs: options.gateOutputs,
    signal: options.signal,
    evaluate: (graph, feeds) => {
      inferTypes(graph);
      return evaluate(runtime, graph, feeds);
    },
  };
}
