import {
  type JsonObject,
  type Labels,
  labelsAt,
  listAt,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { isKind, podLabels } from '../manifest/manifest.ts';
import { hasAll, selects } from '../manifest/selector.ts';
import type { Reproof } from '../mistake.ts';
import { podSpecOf, runningContainers } from './containers.ts';
import { workloadKindOf } from './workload-kinds.ts';

/** What a release renders beside each other in its namespace. */
export interface Surroundings {
  readonly namespace: string;
  readonly objects: readonly Authored[];
}

/** Something that is probably not meant, with the path of the object that it is about. */
export type PlacedReproof = Reproof & { readonly path: string };

/** What is probably not meant of the pods. */
export function podWarnings({ path, object }: Authored): readonly PlacedReproof[] {
  const spec = podSpecOf(object);
  const whose = `${object.kind} ${object.metadata.name}`;
  return [...movingImages(whose, spec), ...unready(whose, object)].map((it) => ({ path, ...it }));
}

/** Under such a tag the registry can have another image tomorrow, and neither Git nor the candidate would show it. */
function movingImages(whose: string, spec: JsonObject): readonly Reproof[] {
  const images = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')].flatMap((it) =>
    typeof it.image === 'string' ? [it.image] : [],
  );
  return [...new Set(images)].flatMap((got) => {
    if (got.includes('@')) return [];
    const tag = /:([^/:]+)$/.exec(got)?.[1];
    if (tag !== undefined && tag !== 'latest') return [];
    const problem = `an image of ${whose} has ${tag === undefined ? 'no tag' : 'the tag latest'}: a new version would start no rollout`;
    return [{ problem, got, remedy: 'give it the tag of one version, or a digest' }];
  });
}

function unready(whose: string, object: Manifest): readonly Reproof[] {
  if (runningContainers(object).some((it) => it.readinessProbe !== undefined)) return [];
  if (listAt(podSpecOf(object), 'readinessGates').length > 0) return [];
  return [
    {
      problem: `no container of ${whose} has a readiness probe: pods count as ready as soon as they run`,
      remedy: 'give the container that serves a readinessProbe',
    },
  ];
}

/** What selects something, and nothing that the release renders. */
export function idleSelectors(
  { path, object }: Authored,
  around: Surroundings,
): readonly PlacedReproof[] {
  const idle = idleSelector(object, around);
  if (idle === undefined) return [];
  const { got, selected } = idle;
  const problem = `${object.kind} ${object.metadata.name} selects no ${selected} of the release`;
  const remedy = `select by labels that its ${selected}s have, or manage it outside of the release`;
  return [{ path, problem, got, remedy }];
}

interface Idle {
  readonly got: JsonObject;
  readonly selected: 'pod' | 'Service';
}

function idleSelector(object: Authored['object'], around: Surroundings): Idle | undefined {
  if (isKind(object, '', 'Service')) {
    const got = labelsAt(object, 'spec', 'selector');
    const isIdle = !podsIn(around).some((it) => hasAll(it, got));
    return Object.keys(got).length > 0 && isIdle ? { got, selected: 'pod' } : undefined;
  }
  const isPods = isKind(object, MONITORING, 'PodMonitor');
  if (!isPods && !isKind(object, MONITORING, 'ServiceMonitor')) return undefined;
  const { any, matchNames } = objectAt(object, 'spec', 'namespaceSelector');
  // It is meant for somewhere else.
  if (any === true || (Array.isArray(matchNames) && !matchNames.includes(around.namespace)))
    return undefined;
  const got = objectAt(object, 'spec', 'selector');
  const known = isPods ? podsIn(around) : servicesIn(around);
  if (known.some((it) => selects(got, it))) return undefined;
  return { got, selected: isPods ? 'pod' : 'Service' };
}

/** What scrapes ports that nothing has which it selects, of what the release renders. */
export function idlePorts(
  { path, object }: Authored,
  { objects }: Surroundings,
): readonly PlacedReproof[] {
  const isPods = isKind(object, MONITORING, 'PodMonitor');
  if (!isPods && !isKind(object, MONITORING, 'ServiceMonitor')) return [];
  const selector = objectAt(object, 'spec', 'selector');
  const known = objects.flatMap(({ object: it }) => {
    if (!isPods)
      return isKind(it, '', 'Service') && selects(selector, it.metadata.labels ?? {})
        ? listAt(it, 'spec', 'ports')
        : [];
    return workloadKindOf(it) !== undefined && selects(selector, podLabels(it))
      ? portsOf(objectAt(it, 'spec', 'template', 'spec'))
      : [];
  });
  const names = [...new Set(known.flatMap((it) => (typeof it.name === 'string' ? [it.name] : [])))];
  const list = isPods ? 'podMetricsEndpoints' : 'endpoints';
  const wanted = listAt(object, 'spec', list).flatMap(({ port }) =>
    typeof port === 'string' && known.length > 0 && !names.includes(port) ? [port] : [],
  );
  const problem = `${object.kind} ${object.metadata.name} scrapes a port that no ${isPods ? 'pod' : 'Service'} has which it selects`;
  const remedy = names.length === 0 ? 'give the port a name' : `use one of ${names.join(', ')}`;
  return wanted.map((got) => ({ path, problem, got, remedy }));
}

function portsOf(spec: JsonObject): readonly JsonObject[] {
  const containers = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')];
  return containers.flatMap((it) => listAt(it, 'ports'));
}

const MONITORING = 'monitoring.coreos.com';

/** Labels of all pods; those of Jobs and CronJobs can be watched too. */
function podsIn({ objects }: Surroundings): readonly Labels[] {
  return objects.flatMap(({ object }) => {
    if (workloadKindOf(object) !== undefined || isKind(object, 'batch', 'Job'))
      return [podLabels(object)];
    if (!isKind(object, 'batch', 'CronJob')) return [];
    return [labelsAt(object, 'spec', 'jobTemplate', 'spec', 'template', 'metadata', 'labels')];
  });
}

function servicesIn({ objects }: Surroundings): readonly Labels[] {
  return objects
    .filter(({ object }) => isKind(object, '', 'Service'))
    .map(({ object }) => object.metadata.labels ?? {});
}
