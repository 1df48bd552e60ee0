import { expect } from 'vitest';
import type { Stack } from '../stack/stack.ts';
import { type Rolling, seen, untilBaking } from './rolling.ts';
import type { Glimpse } from './watch.ts';

/** Of the 50 that a pod asks for: an HPA that wants 80 % of them doubles the pods again and again. */
const BUSY_MILLICORES = 90;

/** In the middle of a step, the pods of the canary get busy, and its HPA makes as many as it may. */
export async function scaleWhileBaking({ player }: Stack, rolling: Rolling): Promise<void> {
  const workload = `${rolling.id}-canary`;
  await untilBaking(rolling);
  await player.occupy([{ workload, millicores: BUSY_MILLICORES }]);
  await seen(rolling, (it) => it.replicas?.[workload] === MOST);
}

/** Three times the two that it begins with. */
const MOST = 6;

/**
 * That nobody set the replicas back: the canary's only grow until its rollout is over and it is scaled to 0.
 *
 * @returns what they were
 */
export function expectNoResets(glimpses: readonly Glimpse[], id: string): string {
  const seen = glimpses.flatMap((it) => it.replicas?.[`${id}-canary`] ?? []);
  const runs = seen.filter((it, index) => it !== seen[index - 1]);
  expect(runs.at(0)).toBe(0);
  expect(runs.at(-1)).toBe(0);
  const inBetween = runs.slice(1, -1);
  expect(inBetween).toContain(MOST);
  expect(inBetween).toEqual([...inBetween].sort((a, b) => a - b));
  return `replicas ${runs.join(', ')}`;
}
