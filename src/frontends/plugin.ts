import type { Attribute } from '../ir/attribute.js';
import * as attributes from '../ir/attribute.js';
import { Graph } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import { type Problem, problem, SwancError } from '../support/errors.js';
import { isList, isObject, show } from './tfjs/json.js';
import { defineLayer, type LayerDefinition, type LayerRule, type PlainLayerRule } from './tfjs/layer.js';

/** What makes the attributes of nodes, by their type in ONNX. */
export interface AttributeMakers {
  /** A whole number. */
  int(value: number): Attribute;
  /** Whole numbers. */
  ints(value: readonly number[]): Attribute;
  /** Rounded to float32, the precision that ONNX stores. */
  float(value: number): Attribute;
  /** A text. */
  string(value: string): Attribute;
  /** A graph inside a node, such as a branch of `If`. */
  subgraph(value: Graph): Attribute;
}

/** What a plugin is given: the registration of layers, and what their rules are written with. */
export interface PluginApi {
  /**
   * Says how layers of a class of the user's own, or of Keras, become nodes. It goes before the rules of swanc itself.
   *
   *     registerLayer({
   *       className: 'Scale',
   *       import: (ctx, { factor }, [x]) => ctx.b.op('Mul', [x, ctx.b.scalar(Number(factor))]),
   *     });
   */
  registerLayer<C>(rule: LayerRule<C>): void;
  /** The same for a rule that reads no config: it is given the fields as they are. */
  registerLayer(rule: PlainLayerRule): void;
  /** Makers of the attributes of operators: `attributes.int(1)`. */
  readonly attributes: AttributeMakers;
  /** Constants: `Tensor.floats([2], [1, 2])`. */
  readonly Tensor: typeof Tensor;
  /** Bodies of `If`, `Loop` and `Scan`. */
  readonly Graph: typeof Graph;
}

/** The default export of a plugin's module. */
export type Plugin = (swanc: PluginApi) => void | Promise<void>;

/**
 * Lets plugins register their layers. `name` is what messages call a plugin.
 * @throws SwancError `usage` for plugins that fail, rules that are none and classes that are registered twice.
 */
export async function rulesOf(
  plugins: readonly { readonly name: string; readonly plugin: Plugin }[],
): Promise<readonly LayerDefinition[]> {
  const rules: LayerDefinition[] = [];
  const owners = new Map<string, string>();
  for (const { name, plugin } of plugins) {
    const add = (rule: LayerDefinition): void => {
      for (const className of rule.classNames) {
        const owner = owners.get(className);
        if (owner !== undefined) {
          const what = `it registers layers of class ${className}, as ${owner === name ? 'it' : owner} did before`;
          throw new SwancError('SWC2004', 'these plugins do not fit', [problem(name, what)]);
        }
        owners.set(className, name);
      }
      rules.push(guarded(rule, name));
    };
    const registerLayer = <C>(rule: LayerRule<C> | PlainLayerRule): void => {
      checkRule(rule, name);
      add('config' in rule ? defineLayer(rule) : defineLayer(rule));
    };
    try {
      await plugin({ registerLayer, attributes, Tensor, Graph });
    } catch (error) {
      throw failure(error, name, 'it failed before its layers were registered');
    }
  }
  return rules;
}

/** Plugins may be plain JavaScript: what no type checker has seen is looked at here. */
function checkRule(rule: unknown, plugin: string): void {
  const fields = isObject(rule) ? rule : {};
  const { className, config, import: make } = fields;
  const names = isList(className) ? className : [className];
  const advice = "registerLayer({ className: 'MyLayer', import: (ctx, config, [x]) => … })";
  const problems: Problem[] = [];
  const wrong = (what: string): void => {
    problems.push(problem(plugin, `it registers a rule ${what}`, advice));
  };
  if (names.length === 0 || !names.every((name) => typeof name === 'string' && name !== '')) {
    wrong(`whose className is ${show(className)}: the name of a class, or a list of names, is needed`);
  }
  const label = show(className);
  if (typeof make !== 'function') wrong(`for ${label} whose import is no function`);
  if ('config' in fields && typeof config !== 'function') wrong(`for ${label} whose config is no function`);
  if (problems.length > 0) throw new SwancError('SWC2004', 'a plugin cannot be used', problems);
}

/** What a plugin throws is no defect of swanc; errors of swanc that come through it stay as they are. */
function failure(error: unknown, where: string, what: string): SwancError {
  if (error instanceof SwancError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SwancError('SWC2009', 'a plugin has failed', [problem(where, `${what}: ${reason}`)], { cause: error });
}

/** The rule with all that it throws reported with the plugin and the layer. */
function guarded(rule: LayerDefinition, plugin: string): LayerDefinition {
  const where = `the rule for ${rule.classNames.join(', ')} of ${plugin}`;
  const run = <T>(what: string, step: () => T): T => {
    try {
      return step();
    } catch (error) {
      throw failure(error, where, what);
    }
  };
  return {
    ...rule,
    prepare: (config) => {
      const importer = run('it cannot read a config', () => rule.prepare(config));
      const { call, states } = importer;
      return {
        ...importer,
        call: (ctx, inputs) => run(`it failed at '${ctx.name}'`, () => call(ctx, inputs)),
        ...(states && { states: (ctx, x) => run(`it cannot tell its states at '${ctx.name}'`, () => states(ctx, x)) }),
      };
    },
  };
}
