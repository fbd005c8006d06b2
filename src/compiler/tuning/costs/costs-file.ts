import { createHash } from 'node:crypto';
import { availableParallelism, cpus, homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { TargetCosts } from '../../../passkit/target.js';
import type { Runtime } from '../../../runtime/types.js';
import { invalid } from '../../../support/errors.js';
import { fileErrorText } from '../../../support/file-errors.js';
import { readFileUpTo } from '../../../support/read-file.js';
import { replaceFile } from '../../../support/replace-file.js';
import { swancVersion } from '../../../support/version.js';

const cost = z.number().positive().finite();

/** As {@link TargetCosts}, which says what each is; a test holds the two together. */
const costsSchema = z.strictObject({
  operator: cost,
  flop: cost,
  runtimeWeights: cost,
  addedElement: cost,
  element: cost,
  weightByte: cost,
  cacheBytes: cost,
  uncachedByte: cost,
  gatheredByte: cost,
  gatheredRun: cost,
  branch: cost,
  select: cost,
  selectedElement: cost,
}) satisfies z.ZodType<TargetCosts>;

const machineSchema = z.strictObject({
  cpu: z.string(),
  cores: z.int().positive(),
  runtime: z.string(),
  swanc: z.string(),
});

const formatVersion = 1;
/** A file of costs has about a kilobyte. */
const largestFile = 2 ** 20;

/** What files of all versions begin with. */
const headSchema = z.object({ format: z.literal('swanc-costs'), version: z.int() });

const fileSchema = z.strictObject({
  format: z.literal('swanc-costs'),
  version: z.literal(formatVersion),
  machine: machineSchema,
  target: z.string(),
  costs: costsSchema,
  kept: z.array(costsSchema.keyof()),
});

/** What costs were measured on: whoever differs in any of it has costs of its own. @useDeclaredType */
export type Machine = z.infer<typeof machineSchema>;
/** What `swanc tune` found: the costs, and which of them could not be measured and are those that swanc comes with. @useDeclaredType */
export type MeasuredCosts = Pick<z.infer<typeof fileSchema>, 'machine' | 'target' | 'costs' | 'kept'>;

/** This machine, running models in `runtime`. */
export function thisMachine({ name, version }: Pick<Runtime, 'name' | 'version'>): Machine {
  return {
    cpu: cpus()[0]?.model.trim().replace(/\s+/g, ' ') ?? 'unknown',
    cores: availableParallelism(),
    runtime: `${name} ${version}`,
    swanc: swancVersion(),
  };
}

/** Where the costs of a machine for a target are kept: in a folder for caches, `XDG_CACHE_HOME` or `~/.cache`. */
export function costsPath(machine: Machine, target: string, env: NodeJS.ProcessEnv = process.env): string {
  const { cpu, cores, runtime, swanc } = machine;
  const base = env.XDG_CACHE_HOME;
  // As the XDG specification has it, a relative path is none.
  const folder = base?.startsWith('/') || /^[A-Za-z]:[\\/]/.test(base ?? '') ? base : undefined;
  const words = [target, cpu, `${cores} cores`, runtime, `swanc ${swanc}`].join(' ');
  const readable = words
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .slice(0, 120);
  // Models that differ in other characters only, or beyond the length, must not meet.
  const digest = createHash('sha256').update(words).digest('hex').slice(0, 8);
  return join(folder ?? join(homedir(), '.cache'), 'swanc', `costs-${readable}-${digest}.json`);
}

/** Writes costs, whole or not at all. */
export async function writeCosts(path: string, costs: MeasuredCosts): Promise<void> {
  const file: z.infer<typeof fileSchema> = { format: 'swanc-costs', version: formatVersion, ...costs };
  await replaceFile(path, `${JSON.stringify(file, undefined, 2)}\n`);
}

/**
 * Reads the costs of a target. Undefined if there is no such file. `isNamed` if the user named the file: then `swanc tune`
 * writes another one unless it is told to write this one.
 * @throws SwancError `invalid` for a file that cannot be read, is damaged, or has the costs of another target.
 */
export async function readCosts(path: string, target: string, isNamed = false): Promise<MeasuredCosts | undefined> {
  const advice = isNamed
    ? `run "swanc tune --out ${path}" again, or leave out --tuned-costs`
    : 'run "swanc tune" again, or ignore it with --no-tuned-costs';
  let text: string;
  try {
    text = (await readFileUpTo(path, largestFile)).toString('utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw invalid('SWC3301', path, `costs cannot be read: ${fileErrorText(error)}`, advice);
  }
  const content = parsed(text);
  if (content === undefined) throw invalid('SWC3301', path, 'it should hold costs, but is not JSON', advice);
  const version = headSchema.safeParse(content).data?.version;
  if (version !== undefined && version !== formatVersion) {
    throw invalid('SWC3301', path, `its costs are in version ${version} of the format, not ${formatVersion}`, advice);
  }
  const found = fileSchema.safeParse(content);
  if (!found.success) {
    const [issue] = found.error.issues;
    const what = issue === undefined ? '' : `: ${issue.path.join('.')} ${issue.message}`;
    throw invalid('SWC3301', path, `it is not a file of costs as "swanc tune" writes them${what}`, advice);
  }
  const { machine, costs, kept } = found.data;
  if (found.data.target !== target) {
    throw invalid('SWC3301', path, `it has the costs of target ${found.data.target}, not ${target}`, advice);
  }
  return { machine, target, costs, kept };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
