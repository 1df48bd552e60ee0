import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { isWorkload, nameOf } from '../../lib/traffic/reach.ts';
import type { Break } from './faults.ts';
import { imageOf } from './plans.ts';

/** What is broken about a workload's pods at a time. */
export function breakOf(
  object: Manifest,
  breaks: readonly Break[],
  now: number,
): Break | undefined {
  const own = breaks.filter((it) => it.start <= now && now < it.end && hits(it, object));
  return own.find((it) => it.pods === 'all') ?? own[0];
}

/** Whether a break is about a workload. */
export function hits({ version }: Break, object: Manifest): boolean {
  if (!isWorkload(object)) return false;
  if (version !== undefined) return imageOf(object).endsWith(`:${version}`);
  return !/-(canary|baseline)$/.test(nameOf(object));
}

/** When the last of some breaks about a workload began or ended; 0 where none has. */
export function changedAt(object: Manifest, breaks: readonly Break[], now: number): number {
  const times = breaks.filter((it) => hits(it, object)).flatMap((it) => [it.start, it.end]);
  return Math.max(0, ...times.filter((it) => it <= now));
}
