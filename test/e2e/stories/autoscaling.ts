import { expect } from 'vitest';
import type { Stack } from '../stack/stack.ts';
import { type RolledOut, type Rolling, seen, untilBaking } from './rolling.ts';

/** Of the 50 that a pod asks for; its HPA wants 40 of them busy. */
const BUSY_MILLICORES = 90;

/** In the middle of a step, the pods of the canary get busy, and its HPA makes more. */
export async function scaleWhileBaking({ player }: Stack, rolling: Rolling): Promise<void> {
  const workload = `${rolling.id}-canary`;
  await untilBaking(rolling);
  await player.occupy([{ workload, millicores: BUSY_MILLICORES }]);
  await seen(rolling, (it) => (it.replicas?.[workload] ?? 0) > IDLE);
}

/** The pods that each track of a story begins with. */
const IDLE = 2;

/**
 * That nobody set the replicas back: the canary's only grow until its rollout is over and it is scaled to 0.
 *
 * @returns what they were
 */
export function expectNoResets({ id, glimpses }: RolledOut): string {
  const seen = glimpses.flatMap((it) => it.replicas?.[`${id}-canary`] ?? []);
  const runs = seen.filter((it, index) => it !== seen[index - 1]);
  expect(runs.at(0)).toBe(0);
  expect(runs.at(-1)).toBe(0);
  const inBetween = runs.slice(1, -1);
  expect(Math.max(...inBetween)).toBeGreaterThan(IDLE);
  expect(inBetween).toEqual([...inBetween].sort((a, b) => a - b));
  return `replicas ${runs.join(', ')}`;
}
