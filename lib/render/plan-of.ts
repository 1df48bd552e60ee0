import { labelsAt, listAt, type Manifest } from '../manifest/json.ts';
import { podLabels } from '../manifest/manifest.ts';
import type { Analysis } from '../plan/analysis.ts';
import type { Evidence } from '../plan/evidence.ts';
import {
  type Check,
  type Gate,
  type Hook,
  type Plan,
  planSchema,
  type Shape,
  type Track,
  type Workload,
} from '../plan/plan.ts';
import { FORMAT } from '../plan/versions.ts';
import type { Release } from '../release/release.ts';
import type { Schedule } from '../release/schedule.ts';
import { AT_REST } from '../traffic/traffic.ts';
import { podSpecOf, runningContainers } from '../workload/containers.ts';
import { workloadKindOf } from '../workload/workload-kinds.ts';
import type { ReleaseObjects } from './objects.ts';
import type { Steps } from './steps.ts';

/** The parts of a plan that no object tells. */
export interface Judged {
  readonly analysis: Analysis;
  readonly checks: readonly Check[];
  readonly evidence: Evidence | undefined;
  readonly hooks: readonly Hook[];
  readonly start: readonly Gate[];
  readonly schedule: Schedule['plan'];
}

/** The contract's plan of a release; one that the analyzer would not read is our own bug. */
export function planOf(
  release: Release,
  objects: ReleaseObjects,
  steps: Steps,
  judged: Judged,
): Plan {
  const { names } = release;
  return planSchema.parse({
    version: FORMAT,
    release: release.id,
    name: names.apex,
    namespace: names.namespace,
    candidate: objects.candidate,
    images: imagesOf(objects.base),
    analysis: judged.analysis,
    checks: judged.checks,
    ...(judged.evidence === undefined ? {} : { evidence: judged.evidence }),
    workloads: Object.fromEntries(
      tracksOf(release, steps).flatMap((track) => {
        const workload = workloadOf(track, objects, steps);
        return workload === undefined ? [] : [[track, workload]];
      }),
    ),
    ...(judged.hooks.length === 0 ? {} : { hooks: judged.hooks }),
    ...(judged.start.length === 0 ? {} : { start: judged.start }),
    ...judged.schedule,
    ...(steps.baseline.length === 0 ? {} : { baseline: steps.baseline }),
    ...(steps.sizes.length === 0 ? {} : { sizes: steps.sizes }),
    shape: shapeOf(release, objects),
    files: steps.infos,
    steps: steps.steps,
  });
}

function tracksOf({ props }: Release, steps: Steps): readonly Track[] {
  return [...props.strategy.tracks, ...(steps.baseline.length === 0 ? [] : ['baseline' as const])];
}

function imagesOf(workload: Manifest | undefined): string[] {
  const spec = podSpecOf(workload);
  const containers = [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')];
  const images = containers.map((it) => String(it.image));
  return [...new Set(images)];
}

function workloadOf(track: Track, objects: ReleaseObjects, steps: Steps): Workload | undefined {
  const manifest = manifestOf(track, objects);
  if (manifest === undefined) return undefined;
  const scale = track === 'baseline' ? steps.baselineScale : undefined;
  const minReplicas = objects.leastPods(track, scale ?? { kind: 'full' });
  return {
    file: steps.fileName(manifest),
    ...(minReplicas === undefined ? {} : { minReplicas }),
  };
}

/** What runs a track; nothing of ours where the Services existed already. */
function manifestOf(track: Track, objects: ReleaseObjects): Manifest | undefined {
  return objects
    .running(track, { kind: 'full' })
    .map((it) => it.object)
    .find((it) => workloadKindOf(it) !== undefined);
}

function shapeOf({ props, names }: Release, objects: ReleaseObjects): Shape {
  const { apex } = objects;
  const primary = manifestOf('primary', objects);
  const fixed = (primary && workloadKindOf(primary)?.fixed(primary)) ?? {};
  const selectors = props.strategy.tracks.flatMap((track) => {
    const manifest = manifestOf(track, objects);
    const labels = { ...labelsAt(manifest, 'spec', 'selector', 'matchLabels') };
    return manifest === undefined ? [] : [[track, labels]];
  });
  const targets = listAt(apex?.object, 'spec', 'ports').map((it) => it.targetPort);
  const { existing } = props;
  return {
    kind: primary?.kind ?? 'Service',
    workload: primary?.metadata.name ?? names.apex,
    ...(Object.keys(fixed).length === 0 ? {} : { fixed }),
    ...(existing === undefined
      ? {}
      : { services: { stable: existing.stable, candidate: existing.candidate } }),
    selectors: Object.fromEntries(selectors),
    ports: portsOf(objects.base),
    autoscaled: objects.leastPods('primary', { kind: 'full' }) !== undefined,
    apex: names.apex,
    ...(primary === undefined
      ? {}
      : {
          ...(apex === undefined
            ? {}
            : { apexSelector: { ...labelsAt(apex.object, 'spec', 'selector') } }),
          podLabels: { ...podLabels(primary) },
          ...apexTypeOf(props.service),
        }),
    targetPorts: [...new Set(targets)].filter(
      (it) => typeof it === 'number' || typeof it === 'string',
    ),
    routes: objects.routes(AT_REST).map((it) => `${it.object.kind}/${it.object.metadata.name}`),
  };
}

function apexTypeOf(service: Release['props']['service']): Pick<Shape, 'apexType'> {
  const { type = 'ClusterIP' } = service ?? {};
  return type === 'ClusterIP' ? {} : { apexType: type };
}

function portsOf(workload: Manifest | undefined): Shape['ports'] {
  return runningContainers(workload).flatMap((it) =>
    listAt(it, 'ports').map((port) => ({
      ...(typeof port.name === 'string' ? { name: port.name } : {}),
      number: Number(port.containerPort),
    })),
  );
}
