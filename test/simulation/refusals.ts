import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Random } from '../../analyzer/simulated/random.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { replicasOf } from '../../analyzer/simulated/workloads.ts';
import { STEP_ANNOTATION } from '../../lib/plan/plan.ts';
import { at } from '../../lib/plan/pointer.ts';
import { isWorkload, nameOf } from '../../lib/traffic/reach.ts';
import type { Outage, Refusal } from './faults.ts';
import { type Blobs, imageOf, stepObjects } from './plans.ts';

/** A candidate whose objects are refused. */
export interface Subject {
  readonly version: string;
  readonly trees: readonly PlanTree[];
}

/** Draws what the cluster refuses of a candidate: something that its plans hold. */
export function someRefusal(
  random: Random,
  subject: Subject,
  blobs: Blobs,
  span: Outage,
): Refusal | undefined {
  const objects = subject.trees.flatMap((it) => stepObjects(it, blobs));
  const known = REASONS.filter(({ of }) => objects.some((it) => of(it, subject)));
  const [first, ...rest] = known;
  if (first === undefined) return undefined;
  const { message, of } = random.pick([first, ...rest]);
  return { ...span, message, matches: (it) => of(it, subject) };
}

interface Reason {
  readonly message: string;
  readonly of: (object: Manifest, subject: Subject) => boolean;
}

const REASONS: readonly Reason[] = [
  {
    message: 'exceeded quota: pods',
    of: (it, { version }) =>
      isWorkload(it) && isSmall(it) && replicasOf(it) > 0 && imageOf(it).endsWith(`:${version}`),
  },
  {
    message: 'admission webhook denied the request: image is not signed',
    of: (it, { version }) => isWorkload(it) && !isSmall(it) && imageOf(it).endsWith(`:${version}`),
  },
  {
    message: 'admission webhook denied the request: Jobs need a limit',
    of: (it, { version }) => it.kind === 'Job' && imageOf(it).endsWith(`:${version}`),
  },
  {
    message: 'no matches for kind ServiceMonitor in version monitoring.coreos.com/v1',
    of: (it) => it.kind === 'ServiceMonitor',
  },
  {
    message: 'ConfigMap is invalid: Too long',
    of: (it, { version }) => it.kind === 'ConfigMap' && at(it, '/data/version') === version,
  },
  {
    message: 'admission webhook denied the request: host is not yours',
    of: (it, { trees }) => trees.some(({ plan }) => stepOf(it).startsWith(`${plan.candidate}/`)),
  },
];

/** Pods that stand beside the stable ones. */
function isSmall(object: Manifest): boolean {
  return /-(canary|baseline)$/.test(nameOf(object));
}

function stepOf(object: Manifest): string {
  const isRoute = object.kind === 'VirtualService' || object.kind === 'HTTPRoute';
  return isRoute
    ? String(at(object, `/metadata/annotations/${STEP_ANNOTATION.replace('/', '~1')}`))
    : '';
}
