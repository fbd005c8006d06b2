// Profiles a model on one shard: a job of its own, on whatever machine has the shard.
//
//     node profile-shard.mjs <model> <shard> <profile.json>
import { writeFileSync } from 'node:fs';
import { profile, profileToJson } from 'swanc';

const [model, calibration, out] = process.argv.slice(2);
const result = await profile({ model, calibration });
writeFileSync(out, profileToJson(result));
console.log(`${calibration}: ${result.samples} samples`);
