import { largestProfile, profileFromJson } from '../runtime/profile/json.js';
import type { Profile } from '../runtime/profile/types.js';
import { openRuntime } from '../runtime/session.js';
import { invalid, problem, SwancError } from '../support/errors.js';
import { fileErrorText } from '../support/file-errors.js';
import { readFileUpTo } from '../support/read-file.js';
import { passContext } from './model/context.js';
import { openWithOriginal } from './model/source.js';
import type { ProfileOptions } from './options.js';
import { collectProfile } from './samples/collect-profile.js';
import { openSamples } from './samples/samples.js';

/**
 * Collects the statistics of a model's gates on calibration data: how often every unit fires, its scores, which units
 * fire together. The result can be saved, merged with others of the same model, and given to {@link compile}.
 * @throws SwancError for a model or data that cannot be used.
 */
export async function profile(options: ProfileOptions): Promise<Profile> {
  const runtime = await openRuntime();
  const source = await openWithOriginal(options.model, passContext(runtime, options), options);
  const data = await openSamples(options.calibration, source, options);
  for (const note of data.notes ?? []) options.onWarning?.(note);
  return collectProfile(source, data, runtime, options);
}

/** Reads a profile and checks that it is of the model with this identity. */
export async function loadProfile(path: string, identity: string): Promise<Profile> {
  const text = await readFileUpTo(path, largestProfile).catch((error: unknown) => {
    throw invalid('SWC3201', path, fileErrorText(error));
  });
  const loaded = profileFromJson(text, path);
  if (loaded.model === identity) return loaded;
  throw new SwancError('SWC3203', 'this profile is of another model', [
    problem(
      path,
      `it is of the model ${loaded.model.slice(0, 12)}…, this one is ${identity.slice(0, 12)}…`,
      'profile this model again',
    ),
  ]);
}
