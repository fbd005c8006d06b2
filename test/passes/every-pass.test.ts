import { existsSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';

const passes = readdirSync(new URL('../../passes', import.meta.url)).filter((name) => name.endsWith('.ts'));

test.each(passes)('%s has tests', (name) => {
  expect(existsSync(new URL(name.replace(/\.ts$/, '.test.ts'), import.meta.url))).toBe(true);
});
