import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { root } from '../repository/sources.js';
import { rows } from './generators/index.js';
import { casesOf, usualCases } from './settings.js';

/** Layer classes that tfjs registers: what can stand in a model.json without a registration of one's own. */
function registered(): string[] {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  return Object.entries(classNameMap).flatMap(([name, [make]]) =>
    make.prototype instanceof tf.layers.Layer ? [name] : [],
  );
}

const names = rows.map(({ className }) => className);

test('every registered layer class has cases', () => {
  expect(registered()).toHaveLength(69);
  expect(registered().filter((name) => !names.includes(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

test('every region left out that has a test names one that exists', () => {
  const tests = rows.flatMap(({ leftOut = [] }) =>
    leftOut.flatMap(({ test: path }) => (path === undefined ? [] : [path])),
  );
  expect([...new Set(tests)].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('the table is of a whole run: every class has all its cases, and none failed', () => {
  const table = readFileSync(join(root, 'docs/conformance.md'), 'utf8');
  const told = [...table.matchAll(/^\| (\w+) \| (\d+) \| ([^|]+) \|/gm)].map(([, name, cases, error]) => ({
    name,
    cases: Number(cases),
    isRight: Number(error) <= 1,
  }));
  expect(told).toEqual(
    rows.map((row) => ({ name: row.className, cases: casesOf(row, usualCases.table), isRight: true })),
  );
});
