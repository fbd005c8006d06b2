import * as attributes from '../ir/attribute.js';
import { Graph } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import { problem, SwancError } from '../support/errors.js';
import { defineLayer, type LayerDefinition, type LayerRule, type PlainLayerRule } from './tfjs/layer.js';

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
  registerLayer(rule: PlainLayerRule): void;
  /** Makers of the attributes of operators: `attributes.int(1)`. */
  readonly attributes: typeof attributes;
  /** Constants: `Tensor.floats([2], [1, 2])`. */
  readonly Tensor: typeof Tensor;
  /** Bodies of `If`, `Loop` and `Scan`. */
  readonly Graph: typeof Graph;
}

/** The default export of a plugin's module. */
export type Plugin = (swanc: PluginApi) => void | Promise<void>;

/**
 * Lets plugins register their layers. `name` is what messages call a plugin.
 * @throws SwancError `usage` for classes that are registered twice.
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
          throw new SwancError('usage', 'these plugins do not fit', [problem(name, what)]);
        }
        owners.set(className, name);
      }
      rules.push(guarded(rule, name));
    };
    const registerLayer = <C>(rule: LayerRule<C> | PlainLayerRule): void => {
      add('config' in rule ? defineLayer(rule) : defineLayer(rule));
    };
    await plugin({ registerLayer, attributes, Tensor, Graph });
  }
  return rules;
}

/** What a plugin's rule throws is no defect of swanc: it is reported with the plugin and the layer. */
function guarded(rule: LayerDefinition, plugin: string): LayerDefinition {
  const run = <T>(what: string, step: () => T): T => {
    try {
      return step();
    } catch (error) {
      if (error instanceof SwancError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const where = `the rule for ${rule.classNames.join(', ')} of ${plugin}`;
      throw new SwancError('usage', 'a plugin has failed', [problem(where, `${what}: ${reason}`)], { cause: error });
    }
  };
  return {
    ...rule,
    prepare: (config) => {
      const importer = run('it cannot read a config', () => rule.prepare(config));
      return {
        ...importer,
        call: (ctx, inputs) => run(`it failed at '${ctx.name}'`, () => importer.call(ctx, inputs)),
      };
    },
  };
}
