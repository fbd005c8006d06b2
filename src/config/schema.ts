import { z } from 'zod';
import type { Fields, OptionKey, OptionRow } from './row.js';
import { compileOptions, optionRows } from './table.js';

/** The options of a compile as a config file may have them, checked and read. */
export const optionsSchema: z.ZodType<Fields> = z.strictObject(shapeOf(compileOptions));

/** What a config file may have: the options, and which model they are for. */
export const configSchema = z.strictObject({
  $schema: z.string().optional().meta({ description: 'where this schema is, for editors' }),
  model: z
    .string({ error: 'The path of a model is expected.' })
    .min(1, { error: 'The path of a model is expected.' })
    .optional()
    .meta({ description: 'model.json, .onnx file, or a folder with one of them' }),
  ...shapeOf(compileOptions),
  // As command lines and imports call it.
  target: compileOptions.targets.kind.schema(z).optional().meta({ description: 'the same as targets' }),
});

type Shape = { readonly [K in OptionKey]: z.ZodType<Fields[K]> };

function shapeOf(table: typeof compileOptions): Shape {
  const entries = Object.entries(table).map(([key, row]) => [key, memberOf(row)]);
  // Each member is made of the row of its own key.
  return Object.fromEntries(entries) as Shape;
}

function memberOf(row: OptionRow<unknown>): z.ZodType {
  return row.kind
    .schema(z)
    .optional()
    .meta({ description: describe(row) });
}

/** One sentence for editors, which show it beside the member. */
function describe({ negated, default: otherwise, ...row }: OptionRow<unknown>): string {
  const text = row.configText ?? row.text;
  if (negated === true) return `false: ${text}`;
  return otherwise === undefined ? text : `${text} (default: ${otherwise})`;
}

/** The published JSON Schema of config files. */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    // Functions, which JSON cannot say, come out as schemas that anything fits.
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      const { anyOf } = jsonSchema;
      if (anyOf === undefined) return;
      const sayable = anyOf.filter((entry) => Object.keys(entry).length > 0);
      if (sayable.length < anyOf.length) jsonSchema.anyOf = sayable;
    },
  });
}

/** Every key that a config file may have. */
export const configKeys: readonly string[] = ['$schema', 'model', ...optionRows.map(({ key }) => key), 'target'];
