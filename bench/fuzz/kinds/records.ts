import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiledFiles } from '../../../src/compiler/files/compiled-files.js';
import { loadProfile } from '../../../src/compiler/profile.js';
import { readCosts, writeCosts } from '../../../src/compiler/tuning/costs/costs-file.js';
import { loadConfig } from '../../../src/config/index.js';
import { mergeProfiles, profile, profileFromJson, profileToJson } from '../../../src/index.js';
import { replaceFile } from '../../../src/support/replace-file.js';
import { cpu } from '../../../targets/cpu.js';
import { changeJson } from '../json.js';
import { type Kind, once, type Subject, withChanged } from '../kind.js';
import { WrongResult } from '../outcome.js';
import { compiled, compiledTraps, filesIn, samplesFor, trapFolder } from '../subjects.js';
import { compileOver } from './models.js';

/** Files that swanc itself writes: profiles, costs, reports. */

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'swanc-fuzz-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Profiles of traps, beside the models. */
const profileSubjects = once(async (): Promise<readonly Subject[]> => {
  const subjects: Subject[] = [];
  for (const name of compiledTraps) {
    const made = await inFolder(async (folder) => {
      const calibration = join(folder, 'samples.npy');
      await replaceFile(calibration, samplesFor(name, 20));
      return profile({ model: trapFolder(name), calibration });
    });
    subjects.push({
      name,
      files: new Map([...filesIn(trapFolder(name)), ['profile.json', Buffer.from(profileToJson(made))]]),
    });
  }
  return subjects;
});

export const profiles: Kind = {
  name: 'profile',
  share: 12,
  memory: 1200,
  subjects: profileSubjects,
  change: (files, random) => withChanged(files, 'profile.json', (bytes) => changeJson(bytes, random)),
  run: async (folder) => {
    const path = join(folder, 'profile.json');
    const read = profileFromJson(readFileSync(path), path);
    const text = profileToJson(read);
    if (profileToJson(profileFromJson(text)) !== text) throw new WrongResult('a profile that reads back otherwise');
    mergeProfiles([read, read]);
    await loadProfile(path, read.model);
  },
};

/** Whoever passes as a profile compiles, and to what computes what the original does. */
export const profiledCompiles: Kind = {
  ...profiles,
  name: 'profile-compile',
  share: 3,
  memory: 6000,
  run: (folder) => compileOver(folder, { model: folder, profile: join(folder, 'profile.json') }),
};

const costSubjects = once(async (): Promise<readonly Subject[]> => {
  const files = await inFolder(async (folder) => {
    const machine = { cpu: 'a processor', cores: 2, runtime: 'onnxruntime-node 1', swanc: '0' };
    await writeCosts(join(folder, 'costs.json'), { machine, target: 'cpu', costs: cpu.costs, kept: [] });
    return filesIn(folder);
  });
  return [{ name: 'costs', files: new Map([...files, ...filesIn(trapFolder('residual-gated-on-both-sides'))]) }];
});

export const costs: Kind = {
  name: 'costs',
  share: 4,
  memory: 1200,
  subjects: costSubjects,
  change: (files, random) => withChanged(files, 'costs.json', (bytes) => changeJson(bytes, random)),
  run: async (folder) => {
    await readCosts(join(folder, 'costs.json'), 'cpu', true);
  },
};

/** Costs of any size plan something, and what is planned is right. */
export const costedCompiles: Kind = {
  ...costs,
  name: 'costs-compile',
  share: 1,
  memory: 3000,
  run: (folder) => compileOver(folder, { model: folder, tunedCosts: join(folder, 'costs.json'), mode: 'dynamic' }),
};

const reportSubjects = once(
  async (): Promise<readonly Subject[]> => [
    { name: 'report', files: await compiled('depthwise', { targets: ['cpu', 'edge'] }) },
  ],
);

export const reports: Kind = {
  name: 'report',
  share: 3,
  memory: 1200,
  subjects: reportSubjects,
  change: (files, random) => withChanged(files, 'report.json', (bytes) => changeJson(bytes, random)),
  run: async (folder) => {
    for (const path of await compiledFiles(folder)) {
      if (!join(path).startsWith(folder)) throw new WrongResult(`${path} is no file of this folder`);
    }
  },
};

const configSubjects: readonly Subject[] = [
  {
    name: 'config',
    files: new Map([
      [
        'swanc.config.json',
        Buffer.from(
          JSON.stringify({
            model: 'model.json',
            out: 'build',
            targets: ['cpu', 'edge'],
            mode: 'dynamic',
            batch: 4,
            maxDrop: 0.005,
            inputRange: [0, 1],
            precision: 'int8',
            budgetRam: 262_144,
            calibration: ['samples.npy', 'other=more.csv'],
            verify: true,
          }),
        ),
      ],
    ]),
  },
];

/** Options of a file are checked one by one: a config with a mistake is wrong usage. */
export const configs: Kind = {
  name: 'config',
  share: 4,
  memory: 1200,
  exits: [2],
  subjects: async () => configSubjects,
  change: (files, random) => withChanged(files, 'swanc.config.json', (bytes) => changeJson(bytes, random)),
  run: async (folder) => {
    await loadConfig({ folder });
  },
};
