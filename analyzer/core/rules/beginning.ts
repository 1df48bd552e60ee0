import type { Plan } from '../../../lib/plan/plan.ts';
import type { ObjectRef } from '../cluster/reading.ts';
import type { Beginning } from '../observation.ts';
import type { Decision } from './decision.ts';

/**
 * A release that Git knows nothing of, while the cluster runs it: most often the run branch is the wrong one, or has
 * lost its history. What is not known is no reason to begin.
 */
export function runsAlready(
  id: string,
  beginning: Beginning | undefined,
): Exclude<Decision, { kind: 'move' }> | undefined {
  if (beginning === undefined) return undefined;
  const { shown } = beginning;
  if (shown.kind === 'unknown') {
    const reason = `before its first commit the cluster is asked whether it runs this release already: ${shown.reason}`;
    return { kind: 'hold', reason };
  }
  const [first] = shown.value;
  if (first === undefined) return undefined;
  const more = shown.value.length > 1 ? ` and ${shown.value.length - 1} more` : '';
  return {
    // A person is waited for, and no time.
    kind: 'rest',
    reason:
      `the cluster already runs this release (${textOf(first)}${more}), but the run branch knows nothing of it: ` +
      `is it the right branch, with its history? If so, \`perch begin ${id}\` begins anew`,
  };
}

/** A load balancer or a node port that a plan does not have would be gone with the first commit, and its address too. */
export function losesAddress(
  beginning: Beginning | undefined,
  { name, namespace, shape }: Plan,
): Exclude<Decision, { kind: 'move' }> | undefined {
  const type = beginning?.apexType;
  const apexType = shape.apexType ?? 'ClusterIP';
  if (type === undefined || type === apexType) return undefined;
  return {
    kind: 'rest',
    reason:
      `Service ${namespace}/${name} is of type ${type} and would become ${apexType}: its users would lose its address; ` +
      `set service: { type: '${type}' }, or give the release another name`,
  };
}

/** Samples and commits could not be placed in time, and nobody would notice before the first check. */
export function wrongClock(
  beginning: Beginning | undefined,
  { analysis: { settleSeconds } }: Plan,
): Exclude<Decision, { kind: 'move' }> | undefined {
  const worst = beginning?.clocks.toSorted(
    (one, other) => Math.abs(other.aheadSeconds) - Math.abs(one.aheadSeconds),
  )[0];
  if (worst === undefined || Math.abs(worst.aheadSeconds) <= settleSeconds) return undefined;
  const { server, aheadSeconds } = worst;
  const seconds = Math.round(Math.abs(aheadSeconds));
  const side = aheadSeconds > 0 ? 'ahead of' : 'behind';
  return {
    kind: 'hold',
    reason: `the clock of ${server} is ${seconds} s ${side} ours, more than the settle time of ${settleSeconds} s: set the one that is wrong before a rollout begins`,
  };
}

function textOf({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
