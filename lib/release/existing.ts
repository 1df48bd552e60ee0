import * as z from 'zod';
import type { Names } from '../names.ts';
import { fields } from '../props/fields.ts';

/** Two Services that somebody else makes, with pods that somebody else runs. */
export interface ExistingServices extends z.infer<typeof existingServices> {}

/** The schema of `ExistingServices`. */
export const existingServices = fields({
  /** Name of the Service that has the traffic now: the candidate of the release before. */
  stable: z.string(),
  /** Name of the Service that is to get it. In a first release it may be the stable one. */
  candidate: z.string(),
  /**
   * What the candidate's pods run. A new version of a Service that was a candidate before is a new candidate.
   * @default - the Service's name tells
   */
  version: z.string().optional(),
});

/** The names by which routes lead to the two Services. */
export function existingNames(names: Names, { stable, candidate }: ExistingServices): Names {
  const workloads = { ...names.workloads, primary: stable, canary: candidate };
  return { ...names, primary: stable, canary: candidate, workloads };
}
