import type { Expectation } from './oracle.ts';
import type { Version } from './releases.ts';
import type { Outcome } from './scenario.ts';
import type { World } from './world.ts';

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
): Promise<Outcome> {
  const { problems, seconds } = await world.verdict(expected, limitSeconds);
  return { problems, seen, longestSeconds: seconds };
}

/** How long a release took from its merge to the commit of its end, in seconds; undefined before. */
export async function tookSeconds(
  world: World,
  release: string,
  since: number,
): Promise<number | undefined> {
  const entries = (await world.record()).filter(
    (it) => it.release === release && it.at >= since - 1,
  );
  const end = entries.find((it) => ['complete', 'stable'].includes(it.state?.position.kind ?? ''));
  return end === undefined ? undefined : end.at - since;
}
