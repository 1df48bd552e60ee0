import type { Expectation } from './oracle.ts';
import type { Version } from './releases.ts';
import type { Outcome } from './scenario.ts';
import type { VerdictScope, World } from './world.ts';

/** What every release of a template serves at the start. */
export const FIRST: Version = { temper: 'good', number: 1 };

/** The end of a good candidate. */
export function completes(release: string, serves: Version): Expectation {
  return { release, serves };
}

/** The end of a bad one. */
export function rollsBack(release: string, failed: Version, serves: Version = FIRST): Expectation {
  return { release, serves, failed };
}

/** The outcome of the common end, with what else was seen. */
export async function conclude(
  world: World,
  expected: readonly Expectation[],
  limitSeconds: number,
  seen: string,
  scope?: VerdictScope,
): Promise<Outcome> {
  const { problems, seconds } = await world.verdict(expected, limitSeconds, scope);
  return { problems, seen, longestSeconds: seconds };
}
