/** The types of a profile, for those who may not know how one is made. */
export type { GateProfile, Profile } from './schema.js';
