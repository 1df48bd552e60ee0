import { type Json, type Manifest, objectAt } from '../manifest/json.ts';

/** How many pods each track has where pods stand for weights. */
export interface Pods {
  readonly primary: number;
  readonly canary: number;
}

/** The number of pods that a release is to have, and how many more there may be at a time. */
export interface Room {
  readonly wanted: number;
  readonly surge: number;
}

/**
 * The room that a Deployment leaves: its replicas, and its `maxSurge`, which Kubernetes rounds up and whose default is 25 %
 * (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge); at least one pod, or nothing could move.
 */
export function roomOf(deployment: Manifest, wanted: number): Room {
  const { maxSurge = '25%' } = objectAt(deployment, 'spec', 'strategy', 'rollingUpdate');
  return { wanted, surge: Math.max(1, surgeOf(maxSurge, wanted)) };
}

function surgeOf(maxSurge: Json, wanted: number): number {
  if (typeof maxSurge === 'number') return maxSurge;
  const percent = typeof maxSurge === 'string' ? /^(\d+)%$/.exec(maxSurge)?.[1] : undefined;
  return Math.ceil((wanted * Number(percent ?? 25)) / 100);
}

/**
 * The pods whose shares come closest to a weight, with at least the wanted number in all and no more than there is room for;
 * of equals the fewest. Each track has one, save where the canary has nothing, or all.
 *
 * @param percent of the canary, 0 to 100
 */
export function podsAt(percent: number, { wanted, surge }: Room): Pods {
  if (percent <= 0) return { primary: wanted, canary: 0 };
  if (percent >= 100) return { primary: 0, canary: wanted };
  let best: Pods | undefined;
  for (let total = Math.max(2, wanted); total <= Math.max(2, wanted + surge); total++) {
    const canary = Math.min(total - 1, Math.max(1, Math.round((total * percent) / 100)));
    const found = { primary: total - canary, canary };
    if (best === undefined || farFrom(found, percent) < farFrom(best, percent)) best = found;
  }
  return best ?? { primary: wanted, canary: 1 };
}

function farFrom(pods: Pods, percent: number): number {
  return Math.abs(shareOf(pods) - percent);
}

/** The canary's percent of the pods. */
export function shareOf({ primary, canary }: Pods): number {
  return (canary * 100) / (primary + canary);
}

/**
 * The states on the way from one number of pods to another, the last being where it leads: one track changes at a time, first
 * the one that grows. So there are never more than there is room for, and never fewer than wanted that were ready before.
 */
export function podsBetween(from: Pods, to: Pods, { wanted, surge }: Room): readonly Pods[] {
  const states: Pods[] = [];
  let { primary, canary } = from;
  const most = Math.max(wanted + surge, from.primary + from.canary, to.primary + to.canary);
  while (primary !== to.primary || canary !== to.canary) {
    if (canary < to.canary && primary + canary < most) canary = Math.min(to.canary, most - primary);
    else if (primary < to.primary && primary + canary < most)
      primary = Math.min(to.primary, most - canary);
    else if (primary > to.primary) primary = Math.max(to.primary, wanted - canary);
    else canary = Math.max(to.canary, wanted - primary);
    states.push({ primary, canary });
  }
  return states;
}
