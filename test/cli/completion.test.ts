import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { swanc, temporaryFolder } from './support.js';

const folder = temporaryFolder();
mkdirSync(join(folder, 'build'));
writeFileSync(join(folder, 'model with space.json'), '');
writeFileSync(join(folder, 'samples.npy'), '');

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

const isInstalled = (shell: Shell): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;

async function scriptFor(shell: Shell): Promise<string> {
  const { code, stdout, stderr } = await swanc(['completion', shell]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const path = join(folder, `_swanc.${shell}`);
  writeFileSync(path, stdout);
  return path;
}

const runShell = (shell: Shell, args: readonly string[]): string[] => {
  const env = { ...process.env, TERM: 'dumb', HOME: folder };
  const output = execFileSync(shell, args, { cwd: folder, encoding: 'utf8', env, timeout: 30_000 });
  return output.split(/\r?\n/).filter((line) => line !== '');
};

/** Asks each shell itself what it offers where the line ends. */
const offers: Readonly<Record<Shell, (script: string, line: string) => string[]>> = {
  bash: (script, line) => {
    // As bash splits lines: the equals sign is a word of its own.
    const words = line.split(/ |(=)/).filter((word) => word !== undefined);
    const list = words.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _swanc; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return runShell('bash', ['--norc', '-c', `source '${script}'; ${ask}`]);
  },
  fish: (script, line) => {
    const lines = runShell('fish', ['--no-config', '-c', `source '${script}'; complete -C '${line}'`]);
    // A description follows after a tab.
    return lines.map((text) => text.split('\t')[0] ?? '');
  },
  zsh: (script, line) => {
    // In a terminal of its own, for completion works in the line editor alone; what is offered goes to a file.
    const offered = join(folder, 'offered');
    const start = join(folder, 'start.zsh');
    writeFileSync(offered, '');
    writeFileSync(
      start,
      `autoload -Uz compinit; compinit -D -u
      source '${script}'
      compadd() {
        local -a hits
        if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
          builtin compadd -A hits "$@"
          (( $#hits )) && print -rl -- $hits >> '${offered}'
        fi
        builtin compadd "$@"
      }
      bindkey '^M' undefined-key; bindkey '^J' undefined-key; bindkey '^I' complete-word
      comppostfuncs=(exit)`,
    );
    const driver = `zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z "source '${start}'"
      zpty -w z ${JSON.stringify(line)}$'\\t'
      while zpty -r z; do :; done`;
    runShell('zsh', ['-f', '-c', driver]);
    return readFileSync(offered, 'utf8').split('\n');
  },
};

describe.each(shells)('completion in %s', (shell) => {
  it.skipIf(!isInstalled(shell)).each<{ line: string; has: readonly string[]; not?: readonly string[] }>([
    { line: 'swanc ', has: ['compile', 'inspect', 'init', 'help'], not: ['merge'] },
    { line: 'swanc comp', has: ['compile', 'completion'] },
    { line: 'swanc compile --m', has: ['--mode', '--max-drop', '--max-error'] },
    { line: 'swanc compile model.json --no-', has: ['--no-verify', '--no-tuned-costs', '--no-config'] },
    { line: 'swanc compile --mode ', has: ['dense', 'dynamic', 'auto'], not: ['compile'] },
    { line: 'swanc compile --mode d', has: ['dense', 'dynamic'] },
    { line: 'swanc compile --precision f', has: ['fp16', 'fp32'] },
    { line: 'swanc profile m', has: ['merge'] },
    { line: 'swanc profile merge --', has: ['--out', '--json', '--help'], not: ['--samples'] },
    { line: 'swanc profile --samples 3 --', has: ['--calibration'] },
    { line: 'swanc completion ', has: ['bash', 'zsh', 'fish'] },
    { line: 'swanc compile --out b', has: ['build'] },
    { line: 'swanc explain SWC31', has: ['SWC3101', 'SWC3103'], not: ['SWC3201'] },
  ])('offers for "$line" $has', async ({ line, has, not = [] }) => {
    const words = offers[shell](await scriptFor(shell), line).map((word) => word.replace(/[/=]$/, ''));
    expect(words).toEqual(expect.arrayContaining([...has]));
    expect(words.filter((word) => not.includes(word))).toEqual([]);
  });
});

describe.skipIf(!isInstalled('bash'))('completion in bash', () => {
  it.each<{ line: string; all: readonly string[] }>([
    { line: 'swanc compile --mode=d', all: ['dense', 'dynamic'] },
    { line: 'swanc compile --mode=', all: ['dense', 'dynamic', 'auto'] },
    { line: 'swanc compile --target cpu,w', all: ['cpu,webgpu'] },
    { line: 'swanc compile --calibration sam', all: ['samples.npy'] },
    { line: 'swanc compile mod', all: ['model with space.json'] },
    { line: 'swanc compile --mode dense mod', all: ['model with space.json'] },
    { line: 'swanc compile --samples ', all: [] },
    { line: 'swanc profile merge mod', all: ['model with space.json'] },
    { line: 'swanc help comp', all: ['compile', 'completion'] },
    { line: 'swanc nonsense --', all: ['--version', '--help'] },
  ])('offers for "$line" nothing but $all', async ({ line, all }) => {
    expect(offers.bash(await scriptFor('bash'), line).toSorted()).toEqual([...all].toSorted());
  });
});

describe('swanc completion', () => {
  it('refuses shells that it does not know', async () => {
    const { code, stderr } = await swanc(['completion', 'tcsh']);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('bash, zsh, fish') });
  });

  it.each(shells.filter(isInstalled))('prints what %s can parse', async (shell) => {
    expect(spawnSync(shell, ['-n', await scriptFor(shell)], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });
});
