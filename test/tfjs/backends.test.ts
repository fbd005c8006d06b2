import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { loadTfjs } from '../../src/tfjs/reference.js';

/** What is installed, as far as loadTfjs can tell. */
const installed = vi.hoisted(() => ({ node: false, wasm: false }));

vi.mock('@tensorflow/tfjs-node', async () => {
  if (!installed.node) throw new Error('cannot find the native library');
  // tfjs-node registers its backend with the one copy of tfjs that there is. A plain one takes its place here.
  const { registerBackend, findBackendFactory } = await import('@tensorflow/tfjs');
  const cpu = findBackendFactory('cpu');
  if (cpu) registerBackend('tensorflow', cpu);
  return {};
});

vi.mock('@tensorflow/tfjs-backend-wasm', async (original) => {
  if (!installed.wasm) throw new Error('not installed');
  return original();
});

const methods = ['log', 'info', 'warn', 'error', 'debug'] as const;

beforeEach(() => {
  vi.resetModules();
  for (const method of methods) vi.spyOn(console, method);
});
afterEach(() => {
  for (const method of methods) expect(console[method]).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

it('takes the cpu backend when nothing else is installed, and does not say a word', async () => {
  expect((await loadTfjs()).backend).toBe('cpu');
  expect(Array.from(tf.add(tf.tensor1d([1, 2]), 1).dataSync())).toEqual([2, 3]);
});

it('takes wasm when that is installed', async () => {
  installed.wasm = true;
  expect((await loadTfjs()).backend).toBe('wasm');
  expect(tf.getBackend()).toBe('wasm');
});

it('takes tfjs-node before wasm', async () => {
  installed.node = true;
  expect((await loadTfjs()).backend).toBe('tensorflow');
  expect(tf.getBackend()).toBe('tensorflow');
  await tf.setBackend('cpu');
  tf.removeBackend('tensorflow');
});
