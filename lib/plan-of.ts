import { type JsonObject, labelsAt, listAt, type Manifest, objectAt } from './json.ts';
import type { ReleaseObjects } from './objects.ts';
import {
  type Analysis,
  type Check,
  type Plan,
  planSchema,
  type Shape,
  type Track,
  type Workload,
} from './plan/plan.ts';
import type { Release } from './release.ts';
import type { Steps } from './steps.ts';

/** The contract's plan of a release; one that the analyzer would not read is our own bug. */
export function planOf(
  release: Release,
  objects: ReleaseObjects,
  steps: Steps,
  judged: { readonly analysis: Analysis; readonly checks: readonly Check[] },
): Plan {
  const { names } = release;
  return planSchema.parse({
    version: 1,
    release: release.id,
    name: names.apex,
    namespace: names.namespace,
    candidate: objects.candidate,
    images: imagesOf(objects.base),
    analysis: judged.analysis,
    checks: judged.checks,
    workloads: {
      primary: workloadOf('primary', objects, steps),
      canary: workloadOf('canary', objects, steps),
    },
    shape: shapeOf(objects),
    files: steps.infos,
    steps: steps.steps,
  });
}

function containers(deployment: Manifest, ...lists: readonly string[]): JsonObject[] {
  return lists.flatMap((list) => listAt(deployment, 'spec', 'template', 'spec', list));
}

function imagesOf(deployment: Manifest): string[] {
  const images = containers(deployment, 'containers', 'initContainers').map((it) =>
    String(it.image),
  );
  return [...new Set(images)];
}

function workloadOf(track: Track, objects: ReleaseObjects, steps: Steps): Workload {
  const manifests = objects.running[track].map((it) => it.object);
  const hpa = manifests.find((it) => it.kind === 'HorizontalPodAutoscaler');
  const file = steps.fileName(deploymentIn(manifests));
  if (hpa === undefined) return { file };
  const { minReplicas } = objectAt(hpa, 'spec');
  return { file, minReplicas: typeof minReplicas === 'number' ? minReplicas : 1 };
}

function deploymentIn(manifests: readonly Manifest[]): Manifest {
  const found = manifests.find((it) => it.kind === 'Deployment');
  if (found === undefined) throw new Error('a track has no Deployment');
  return found;
}

function shapeOf(objects: ReleaseObjects): Shape {
  const { running, apex } = objects;
  const deployment = (track: Track) => deploymentIn(running[track].map((it) => it.object));
  const selector = (track: Track) => ({
    ...labelsAt(deployment(track), 'spec', 'selector', 'matchLabels'),
  });
  const targets = listAt(apex.object, 'spec', 'ports').map((it) => it.targetPort);
  return {
    kind: 'Deployment',
    workload: deployment('primary').metadata.name,
    selectors: { primary: selector('primary'), canary: selector('canary') },
    ports: portsOf(objects.base),
    autoscaled: running.primary.some((it) => it.object.kind === 'HorizontalPodAutoscaler'),
    apex: apex.object.metadata.name,
    targetPorts: [...new Set(targets)].filter(
      (it) => typeof it === 'number' || typeof it === 'string',
    ),
    routes: objects
      .routes({ primary: 100, canary: 0 })
      .map((it) => `${it.object.kind}/${it.object.metadata.name}`),
  };
}

function portsOf(deployment: Manifest): Shape['ports'] {
  return containers(deployment, 'containers').flatMap((it) =>
    listAt(it, 'ports').map((port) => ({
      ...(typeof port.name === 'string' ? { name: port.name } : {}),
      number: Number(port.containerPort),
    })),
  );
}
