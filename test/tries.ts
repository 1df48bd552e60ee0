/** Whether tests that look at many cases look at all they can, as in .ci/run. */
export const THOROUGH = process.env.PERCH_THOROUGH === '1';

/** How often a property is tried with what is drawn at random: `most` times in .ci/run, a quarter of that else. */
export function tries(most: number): number {
  return THOROUGH ? most : Math.ceil(most / 4);
}
