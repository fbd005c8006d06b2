// Profiles all shards, each in a process of its own, merges the profiles, compiles for several targets within budgets of
// memory, and writes a report in Markdown. Ends with an exit code other than 0 where a budget is not kept.
//
//     node pipeline.mjs [--model <path>] [--data <folder>] [--out <folder>] [--budget-flash <bytes>] [--budget-ram <bytes>]
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { compile, mergeProfiles, profileFromJson, profileToJson, renderMarkdown, SwancError } from 'swanc';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'out/model/model.json' },
    data: { type: 'string', default: 'out/data' },
    out: { type: 'string', default: 'out' },
    'budget-flash': { type: 'string', default: '65536' },
    'budget-ram': { type: 'string', default: '65536' },
  },
});
const { model, data, out } = values;
mkdirSync(join(out, 'profiles'), { recursive: true });

/** Profiles one shard in a process of its own. Where shards are on other machines, this is a job of the scheduler. */
async function profileShard(shard) {
  const path = join(out, 'profiles', `${basename(shard, '.npy')}.json`);
  const job = fileURLToPath(new URL('profile-shard.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [job, model, shard, path]);
  process.stdout.write(stdout);
  return profileFromJson(readFileSync(path), path);
}

const shards = readdirSync(data).filter((name) => name.endsWith('.npy'));
const profiles = await Promise.all(shards.map((name) => profileShard(join(data, name))));

// The very bytes that one run over all the data gives, in whatever order the parts come.
const merged = mergeProfiles(profiles);
const profile = join(out, 'profile.json');
writeFileSync(profile, profileToJson(merged));
console.log(`merged: ${merged.samples} samples`);

/** Why there is nothing to deploy, in Markdown. */
function failure(names, { code, summary, problems }) {
  const list = problems.map(({ where, what, advice }) => `- ${where}: ${what}${advice ? `; ${advice}` : ''}\n`);
  return `# ${names}: failed\n\n**${code}**: ${summary}\n\n${list.join('')}`;
}

// Memory is known before a run only where files are for a fixed number of samples, as those for the edge are.
const flash = Number(values['budget-flash']);
const deployments = [
  { targets: ['cpu', 'webgpu'], budgetFlash: flash },
  { targets: ['edge'], budgetFlash: flash, budgetRam: Number(values['budget-ram']) },
];

const sections = [];
for (const deployment of deployments) {
  const names = deployment.targets.join(', ');
  try {
    const { report } = await compile({
      ...deployment,
      model,
      profile,
      // Verified and measured on one shard: the statistics are of all.
      calibration: join(data, shards[0]),
      out: join(out, 'build', deployment.targets.join('-')),
    });
    sections.push(renderMarkdown(report, merged));
    console.log(`compiled for ${names}`);
  } catch (error) {
    // Anything else is a defect, and its stack trace is what one wants to see.
    if (!(error instanceof SwancError)) throw error;
    sections.push(failure(names, error));
    console.error(`${names}: ${error.code}: ${error.message}`);
    process.exitCode = error.exitCode;
  }
}
writeFileSync(join(out, 'report.md'), sections.join('\n'));
console.log(`wrote ${join(out, 'report.md')}`);
