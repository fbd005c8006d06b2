import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configJsonSchema, configSchema } from '../../src/config/schema.js';
import { reportSchema } from '../../src/index.js';
import { profileSchema } from '../../src/runtime/profile/schema.js';
import { root } from './sources.js';

/** The published schemas are what the code checks. `npm run generate` writes them anew. */
describe('published schemas', () => {
  it.each([
    { file: 'report.schema.json', title: 'Report of swanc', schema: reportSchema },
    { file: 'profile.schema.json', title: 'Profile of swanc', schema: profileSchema },
    { file: 'config.schema.json', title: 'Config of swanc', schema: configSchema },
  ])('$file is up to date', async ({ file, title, schema }) => {
    const isConfig = schema === configSchema;
    const published = { title, ...(isConfig ? configJsonSchema() : z.toJSONSchema(schema)) };
    await expect(`${format(published)}\n`).toMatchFileSnapshot(join(root, 'docs', file));
  });
});

/** JSON as the formatter of this repository wants it: lists of plain values on one line where they fit. */
function format(value: unknown, indent = '', key = ''): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const line = `[${value.map((entry) => JSON.stringify(entry)).join(', ')}]`;
    const isPlain = value.every((entry) => typeof entry !== 'object' || entry === null);
    // With the key before it, and a comma behind.
    if (isPlain && indent.length + key.length + line.length < 120) return line;
    return `[\n${value.map((entry) => inner + format(entry, inner)).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return '{}';
  const lines = entries.map(([name, entry]) => {
    const before = `${JSON.stringify(name)}: `;
    return `${inner}${before}${format(entry, inner, before)}`;
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}
