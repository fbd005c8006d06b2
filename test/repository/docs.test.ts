import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigReader } from '../../src/frontends/tfjs/config.js';
import { builtinLayers } from '../../src/frontends/tfjs/layers/index.js';
import { targets } from '../../targets/index.js';
import { swanc } from '../cli/support.js';
import { root } from './sources.js';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe('documents', () => {
  it('link to what exists', () => {
    const broken = documents.flatMap((path) =>
      [...read(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !existsSync(join(root, dirname(path), target)))
        .map((target) => `${path} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('tell of every pass, with its contract', () => {
    const text = read('docs/passes.md');
    const untold = readdirSync(join(root, 'passes')).flatMap((file) => {
      const name = file.replace(/\.ts$/, '');
      const contract = /contract: '(\w+)'/.exec(read(`passes/${file}`))?.[1];
      return text.includes(`| \`${name}\` | ${contract} |`) && text.includes(`**\`${name}\`**`) ? [] : [name];
    });
    expect(untold).toEqual([]);
    const known = new Set(readdirSync(join(root, 'passes')).map((file) => file.replace(/\.ts$/, '')));
    const named = [...text.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name = '']) => name);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('tell of every option of every command', async () => {
    const text = read('docs/cli.md');
    for (const command of [['compile'], ['profile'], ['profile', 'merge'], ['inspect'], ['verify'], ['tune']]) {
      const { stdout } = await swanc([...command, '--help']);
      const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option = '']) => option);
      expect(options).toContain('--json');
      expect(options.filter((option) => !text.includes(option))).toEqual([]);
    }
  });

  it('tell of every layer class', () => {
    const text = read('docs/limits.md');
    const untold = builtinLayers.flatMap(({ classNames }) =>
      classNames.filter((name) => !text.includes(`\`${name}\``)),
    );
    expect(untold).toEqual([]);
  });

  it('tell of all that a rule for a layer has, and of nothing else', () => {
    const text = read('docs/custom-layers.md');
    const layer = read('src/frontends/tfjs/layer.ts');
    const membersOf = (name: string): string[] => {
      const body = new RegExp(`interface ${name}\\b[^{]*{\\n(.*?)\\n}`, 's').exec(layer)?.[1] ?? '';
      return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, member = '']) => member);
    };
    const toldIn = (section: string): string[] => {
      const body = text.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
      return [...body.matchAll(/^\| `(\w+)/gm)].map(([, member = '']) => member);
    };
    const readers = Object.getOwnPropertyNames(ConfigReader.prototype).filter((name) => name !== 'constructor');
    expect(toldIn('A rule').sort()).toEqual(membersOf('LayerRule').sort());
    expect(toldIn('The config').sort()).toEqual(readers.sort());
    expect(toldIn('The context').sort()).toEqual(membersOf('LayerContext').sort());
    expect(toldIn('Layers inside a layer').sort()).toEqual(membersOf('InnerLayer').sort());
  });

  it('tell of the costs of the target as they are', () => {
    const text = read('docs/planning.md');
    const [, ...columns] = /^\| cost \|(.*)\| of \|$/m.exec(text)?.[1]?.split('`') ?? [];
    const told = columns.filter((_, index) => index % 2 === 0);
    expect(told).toEqual(['cpu', 'webgpu']);
    for (const { name: target, costs, readBack } of Object.values(targets)) {
      // Edge runs what the processor does.
      const column = told.indexOf(target === 'edge' ? 'cpu' : target);
      const untold = Object.entries({ ...costs, readBack }).filter(([name, cost]) => {
        const row = new RegExp(`^\\| \`${name}\` \\|(.*)$`, 'm').exec(text)?.[1]?.split('|')[column] ?? '';
        const [, value, divisor = 1] = /^ ([\d.e-]+)(?:\/(\d+))?/.exec(row) ?? [];
        return !(Math.abs(Number(value) / Number(divisor) - cost) <= 1e-9 * cost);
      });
      expect(untold, target).toEqual([]);
    }
  });

  it('tell of the costs of widths as they are', () => {
    const text = read('docs/planning.md');
    for (const { widths } of Object.values(targets)) {
      if (widths === undefined) continue;
      const { blocked, direct, plain, depthwise, conversion } = widths;
      for (const [name, costs] of Object.entries({ blocked, direct, plain, depthwise, conversion })) {
        const [, cell = ''] = new RegExp(`\\| \`${name}\` \\| ([^|]+)`).exec(text) ?? [];
        const told = [...cell.matchAll(/([\d.]+(?:e-\d+)?)(?:\/(\d+))?/g)].map(
          ([, number, divisor = 1]) => Number(number) / Number(divisor),
        );
        expect(told, name).toEqual(Object.values(costs));
      }
    }
  });
});
