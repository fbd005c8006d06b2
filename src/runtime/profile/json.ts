import { type Problem, problem, SwancError } from '../../support/errors.js';
import { gateProblems, inputProblems } from './check.js';
import { gateProfileSchema, type Profile, profileFormat, profileSchema, profileVersion } from './schema.js';

/** Bytes of the largest profile file that is read: far more than a thousand gates of a thousand units have. */
export const largestProfile = 1 << 29;
/** Problems listed before the rest is only counted: a hostile file must not make a message of megabytes. */
const maxProblems = 20;

/** Keys in the order in which they are written; as a list it makes JSON.stringify write these and no others. */
const keys = [...Object.keys(profileSchema.shape), ...Object.keys(gateProfileSchema.shape)];

/** The text of a profile file. Equal profiles give equal texts. */
export function profileToJson(profile: Profile): string {
  return `${JSON.stringify(profile, keys)}\n`;
}

/**
 * Reads a profile file. `where` names it in messages.
 * @throws SwancError `invalid` for anything that no run can have written: another format or version, wrong types or
 * lengths, counts that contradict each other.
 */
export function profileFromJson(text: string | Uint8Array, where = 'profile'): Profile {
  const found = parse(text, where);
  checkVersion(found, where);
  const result = profileSchema.safeParse(found);
  if (!result.success) {
    throw failure(result.error.issues.map((issue) => problem(`${where}, ${formatPath(issue.path)}`, issue.message)));
  }
  const { gates } = result.data;
  const problems = inputProblems(result.data, where);
  problems.push(...gates.flatMap((gate) => gateProblems(gate, `${where}, gate '${gate.name}'`)));
  if (new Set(gates.map((gate) => gate.name)).size !== gates.length) {
    problems.push(problem(where, 'has two gates of the same name'));
  }
  if (problems.length > 0) throw failure(problems);
  return result.data;
}

function parse(text: string | Uint8Array, where: string): unknown {
  if (text.length > largestProfile) throw failure([problem(where, `is larger than ${largestProfile} bytes`)]);
  try {
    return JSON.parse(typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (error) {
    const advice = 'make it again with "swanc profile"';
    throw failure([problem(where, `is not JSON: ${error instanceof Error ? error.message : error}`, advice)]);
  }
}

/** A file of another kind or of a later version gets one plain sentence, not a list of all that looks wrong in it. */
function checkVersion(content: unknown, where: string): void {
  const field = (name: string): unknown =>
    typeof content === 'object' && content !== null
      ? Object.entries(content).find(([key]) => key === name)?.[1]
      : undefined;
  if (field('format') !== profileFormat) throw failure([problem(where, 'is not a profile of swanc')]);
  if (field('version') !== profileVersion) {
    const found = field('version');
    const version = typeof found === 'number' || typeof found === 'string' ? String(found).slice(0, 20) : 'none';
    const advice = 'make it again with this version of swanc';
    throw failure([problem(where, `has version ${version}; version ${profileVersion} is understood`, advice)]);
  }
}

function formatPath(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text.replace(/^\./, '').slice(0, 100) || 'top level';
}

function failure(problems: readonly Problem[]): SwancError {
  const shown = problems.slice(0, maxProblems);
  const more = problems.length - shown.length;
  if (more > 0) shown.push(problem('…', `and ${more} more`));
  return new SwancError('SWC3201', 'the profile cannot be used', shown);
}
