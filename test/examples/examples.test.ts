import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { manifest, packed } from '../repository/package-support.js';
import { root } from '../repository/sources.js';
import { type Example, example } from './support.js';

// Before the clock of the first test runs.
beforeAll(async () => {
  await packed();
}, 600_000);

const examples = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const readme = (path: string): string => readFileSync(join(root, 'examples', path, 'README.md'), 'utf8');

const projectSchema = z.looseObject({
  private: z.literal(true),
  type: z.literal('module'),
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
});

describe('examples', () => {
  it('are in the list, with a README each', () => {
    expect(examples.filter((name) => !readme('.').includes(`](${name}`))).toEqual([]);
    expect(examples.filter((name) => !existsSync(join(root, 'examples', name, 'README.md')))).toEqual([]);
  });

  it('ask for the versions of packages that this package is tested with', () => {
    const known: Record<string, string> = { ...manifest.dependencies, ...manifest.peerDependencies };
    for (const name of examples.filter((folder) => existsSync(join(root, 'examples', folder, 'package.json')))) {
      const text = readFileSync(join(root, 'examples', name, 'package.json'), 'utf8');
      const { dependencies, devDependencies } = projectSchema.parse(JSON.parse(text));
      for (const [dependency, version] of Object.entries({ ...dependencies, ...devDependencies })) {
        if (dependency === 'swanc') expect(version, name).toBe('file:../..');
        else if ((known[dependency] ?? '*') !== '*') expect(version, `${name}: ${dependency}`).toBe(known[dependency]);
      }
    }
  });

  it('are installed with what the registry has alone, and with a copy of this package', () => {
    for (const name of examples.filter((folder) => existsSync(join(root, 'examples', folder, 'package.json')))) {
      const settings = readFileSync(join(root, 'examples', name, '.npmrc'), 'utf8').split('\n');
      expect(settings, name).toEqual(expect.arrayContaining(['install-links=true', 'ignore-scripts=true']));
    }
  });
});

describe('train-and-compile', () => {
  it('trains, compiles and runs', async () => {
    const { run } = await example('train-and-compile');
    const { stdout } = await run('npm start');
    expect(stdout).toMatch(/^density 0\.\d\d, units removed: \{"proved":\d+,"observed":\d+\}$/m);
    expect(Number(/difference from TensorFlow.js: (\S+)/.exec(stdout)?.[1])).toBeLessThan(1e-4);
    expect(Number(/with probability (\S+)/.exec(stdout)?.[1])).toBeGreaterThan(0.9);
  });
});

describe('custom-layer', () => {
  it('compiles layers that it defines, equal to TensorFlow.js', async () => {
    const { run } = await example('custom-layer');
    expect((await run('npm start')).stdout).toMatch(/^equal to tfjs-\w+ on 32 samples$/m);
    const { stderr } = await run('npx swanc compile out/model.json --plugin custom-layers.mjs');
    expect(stderr).toContain('verified against the imported graph');
  });
});

describe('deployment-pipeline', () => {
  let pipeline: Example;
  beforeAll(async () => {
    pipeline = await example('deployment-pipeline');
    await pipeline.run('npm run prepare-data');
  });

  it('merges profiles of shards and compiles for all targets', async () => {
    const { stdout } = await pipeline.run('npm start');
    for (const line of ['out/data/shard-2.npy: 450 samples', 'merged: 2048 samples', 'compiled for cpu, webgpu']) {
      expect(stdout).toContain(`${line}\n`);
    }
    const report = pipeline.read('out/report.md');
    for (const target of ['cpu', 'webgpu', 'edge']) expect(report).toMatch(new RegExp(`\\b${target}\\b`));
  });

  it('fails where a budget is not kept', async () => {
    const { stderr } = await pipeline.run('node pipeline.mjs --budget-flash 4096', { exitCode: 5 });
    expect(stderr).toMatch(/^cpu, webgpu: SWC5\d{3}: /m);
    expect(pipeline.read('out/report.md')).toMatch(/# edge: failed\n\n\*\*SWC5\d{3}\*\*: /);
  });

  it('is done by hand as well', async () => {
    await pipeline.run('npx swanc profile out/model/model.json --calibration out/data/shard-1.npy -o one.json');
    await pipeline.run('npx swanc profile out/model/model.json --calibration out/data/shard-2.npy -o two.json');
    const merged = await pipeline.run('npx swanc profile merge one.json two.json -o gates.json');
    expect(merged.stdout).toContain('1150 samples');
    await pipeline.run(
      'npx swanc compile out/model/model.json --profile gates.json --calibration out/data/shard-1.npy --budget-flash 64kB',
    );
  });
});

describe('node-server', () => {
  it('predicts, refuses what is wrong, and answers what has arrived before it ends', async () => {
    const { run, start, read } = await example('node-server');
    expect((await run('npm run build')).stdout).toContain('out/cpu/model.onnx: ');
    const server = await start('start');
    expect(server.line).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const url = new URL('predict', server.line);

    const samples = z.array(z.array(z.number())).parse(JSON.parse(read('out/samples.json')));
    const body = Float32Array.from(samples.flat());
    const predict = async (numbers: Float32Array<ArrayBuffer>) => {
      const response = await fetch(url, { method: 'POST', body: numbers });
      expect([response.status, response.headers.get('x-shape')]).toEqual([200, `${numbers.length / 2},4`]);
      return new Float32Array(await response.arrayBuffer());
    };
    const { stdout: corners } = await run(`node client.mjs`, { args: [server.line] });
    expect(corners.match(/^\(.*\) is near corner [0-3]: [01]\.\d{3}$/gm)?.length).toBe(samples.length);
    const all = await predict(body);
    expect(all.length).toBe(4 * samples.length);
    // Samples do not see each other, and neither do requests at the same time.
    const single = await Promise.all(samples.map((sample) => predict(Float32Array.from(sample))));
    for (const [index, probabilities] of single.entries()) {
      expect(probabilities.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 5);
      for (const [unit, probability] of probabilities.entries()) {
        expect(probability).toBeCloseTo(all[4 * index + unit] ?? 0, 5);
      }
    }

    const status = async (init: RequestInit, path = 'predict') =>
      (await fetch(new URL(path, server.line), { method: 'POST', ...init })).status;
    expect(await status({ body: 'abc' })).toBe(400);
    expect(await status({ body: '' })).toBe(400);
    expect(await status({ body: new Uint8Array(1e5) })).toBe(413);
    expect(await status({}, 'elsewhere')).toBe(404);
    expect(await predict(Float32Array.from(samples[0] ?? []))).toEqual(single[0]);

    // A request whose body is still on its way when the signal comes.
    const late = request(url, { method: 'POST', headers: { 'content-length': 8 } });
    late.write(new Uint8Array(body.buffer, 0, 4));
    await status({ body: 'abc' });
    server.process.kill('SIGTERM');
    await refused(url);
    late.end(new Uint8Array(body.buffer, 4, 4));
    const [response] = await once(late, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const answer = Buffer.concat(chunks);
    expect(answer.equals(Buffer.from(single[0]?.buffer ?? new ArrayBuffer(0)))).toBe(true);
    expect(await server.ended).toBe(0);
  });
});

/** Ends once the server takes no new connections. */
async function refused(url: URL): Promise<void> {
  for (;;) {
    const isRefused = await fetch(url, { method: 'POST', body: 'abc' }).then(
      () => false,
      () => true,
    );
    if (isRefused) return;
  }
}
