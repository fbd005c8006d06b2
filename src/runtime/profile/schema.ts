import { z } from 'zod';
import { marginBins } from './margins.js';

/**
 * The profile file: what the gates of one model did on calibration data. Every number in it is a count, an exact sum,
 * a minimum or a maximum (or a choice that depends on those alone), so that merging the profiles of shards gives the
 * very bits that one run over all the data gives, in whatever order samples and shards come.
 */

export const profileFormat = 'swanc-profile';
export const profileVersion = 2;

/** Bounds on what a file may claim, far above any real model. */
export const profileLimits = { gates: 100_000, units: 1 << 16, nameLength: 4096, coFiringUnits: 1024 } as const;

const count = z.int().min(0);
const name = z.string().min(1).max(profileLimits.nameLength);
/** Unit 0 is the most significant bit of the first digit; bits beyond the last unit are 0. */
const pattern = z
  .string()
  .max(profileLimits.units / 4)
  .regex(/^[0-9a-f]+$/);
const perUnit = <T extends z.ZodType>(element: T) => z.array(element).min(1).max(profileLimits.units);

export const gateProfileSchema = z.strictObject({
  name: name.describe('Name of the gate'),
  units: z.int().min(1).max(profileLimits.units).describe('Number of scores, each of which is one unit'),
  threshold: z.number().describe('A unit fires when its score is not less than this float32'),
  events: count.describe('Score vectors seen: one a sample, or one a sample and position for gates of each position'),
  fired: perUnit(count).describe('Events in which each unit fired'),
  scoreSum: perUnit(z.string().regex(/^(0|-?[1-9][0-9]{0,79})$/)).describe(
    'Sum of the scores of each unit in steps of 2^-40, each score rounded to the nearest step: a whole number',
  ),
  scoreMin: perUnit(z.number().nullable()).describe('Least score of each unit; null without events'),
  scoreMax: perUnit(z.number().nullable()).describe('Greatest score of each unit; null without events'),
  margins: perUnit(z.array(count).length(marginBins.count)).describe(
    'Events of each unit by margin (score - threshold): bins of one octave of its size, from most negative to most positive',
  ),
  density: z.array(count).describe('Entry k: events in which exactly k units fired'),
  coFiring: z
    .array(count)
    .max((profileLimits.coFiringUnits * (profileLimits.coFiringUnits - 1)) / 2)
    .nullable()
    .describe(
      'Events in which both units i < j fired, row by row of the upper triangle: (0,1), (0,2), …, (1,2), …; null for a gate of more than 1024 units',
    ),
  patternsComplete: z.boolean().describe('True while there were few enough distinct patterns to keep all of them'),
  patterns: z
    .array(z.tuple([pattern, z.int().min(1)]))
    .describe('All firing patterns with their numbers of events, most frequent first; empty if not complete'),
  traces: z
    .array(z.tuple([count, pattern, z.int().min(1)]))
    .describe('A random choice among the distinct events: hash of the scores, pattern, number of equal events'),
});

export const profileSchema = z.strictObject({
  format: z.literal(profileFormat),
  version: z.literal(profileVersion),
  model: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('SHA-256 of the model'),
  inputs: z.array(name).max(10_000).describe('Names of the model inputs'),
  inputRanges: z
    .array(z.tuple([z.number(), z.number()]).nullable())
    .max(10_000)
    .describe(
      'Least and greatest finite element of each input, in the order of the inputs; null for inputs that are not float32, that hold states, or without samples',
    ),
  samples: count.describe('Samples that were run'),
  gates: z
    .array(gateProfileSchema)
    .max(profileLimits.gates)
    .describe(
      'Gates, and conditions of If nodes: these are gates of one unit whose score is 1 where the condition holds',
    ),
});

/** Statistics of one gate. Arrays are indexed by unit unless their description says otherwise. @useDeclaredType */
export type GateProfile = z.infer<typeof gateProfileSchema>;

/** Statistics of all gates of one model: what a profile file holds, see `docs/profile.schema.json`. @useDeclaredType */
export type Profile = z.infer<typeof profileSchema>;
