import { configurationObject } from './configuration.ts';
import { hashOf, type Json, type Labels, type Manifest, objectAt } from './json.ts';
import { type Names, TRACKS } from './names.ts';
import type { Parts } from './parts.ts';
import type { Role, Track } from './plan/plan.ts';
import type { ReleaseProps } from './release-props.ts';
import { serviceManifest, servicePorts } from './service.ts';
import {
  autoscalerOn,
  budgetOn,
  deploymentOn,
  neutralTemplate,
  selectorOf,
  type TrackLabel,
} from './tracks.ts';
import type { RouterContext, Weights } from './traffic/router.ts';
import { type HashedNames, version, withHashedNames } from './versioned.ts';
import { withSpec } from './workload.ts';

/** An object of the release, and where it came from. */
export interface Placed {
  readonly path: string;
  readonly object: Manifest;
  readonly role: Role;
  readonly pointers: readonly string[];
}

/** Everything that a release writes, before it is sorted into steps. */
export interface ReleaseObjects {
  readonly candidate: string;
  /** The Deployment before it is on a track, with hashed names. */
  readonly base: Manifest;
  /** Deployment, HPA and budgets of a track that runs. */
  readonly running: Readonly<Record<Track, readonly Placed[]>>;
  /** The canary's Deployment at rest: no pods, no HPA, no budget. */
  readonly resting: Placed;
  readonly versioned: readonly Placed[];
  readonly configuration: readonly Placed[];
  readonly apex: Placed;
  readonly policies: readonly Placed[];
  routes(weights: Weights): readonly Placed[];
}

/** What the objects are made from. */
export interface ObjectsInput {
  readonly path: string;
  readonly props: ReleaseProps;
  readonly names: Names;
  readonly parts: Parts;
  readonly deployment: { readonly path: string; readonly object: Manifest };
  readonly label: TrackLabel;
  readonly router: RouterContext;
}

/** Makes every object of a release. */
export function objectsOf(input: ObjectsInput): ReleaseObjects {
  const { path, props, names, parts, label, router } = input;
  const shared = props.traffic.sharedLabels(names);
  const versioned = version(parts.versioned.map((it) => it.object));
  const base = withNames(input.deployment.object, versioned.names);
  const place = (
    object: Manifest,
    role: Role,
    from = path,
    pointers: readonly string[] = [],
  ): Placed => ({ path: from, object, role, pointers });
  const deployment = (track: Track, resting: boolean) =>
    place(
      deploymentOn(base, label, { track, shared, replicas: replicas(input, resting) }),
      track,
      input.deployment.path,
    );
  const running = (track: Track) => [
    deployment(track, false),
    ...parts.autoscalers.map((it) => place(autoscalerOn(it.object, label, track), track, it.path)),
    ...parts.budgets.map((it) => place(budgetOn(it.object, label, track), track, it.path)),
  ];
  const services = servicesOf(input, shared);
  return {
    candidate: hashOf(neutralTemplate(base, label, shared), 10),
    base,
    running: { primary: running('primary'), canary: running('canary') },
    resting: deployment('canary', true),
    versioned: versioned.objects.map((it, index) =>
      place(it, 'versioned', parts.versioned[index]?.path),
    ),
    configuration: [
      ...parts.others.map((it) =>
        place(configurationObject(it.object, label, versioned.names), 'configuration', it.path),
      ),
      ...TRACKS.map((track) => place(services[track], 'configuration')),
    ],
    apex: place(services.apex, 'configuration'),
    policies: props.traffic
      .policies(router)
      .map((it) => place(it.object, 'routing', path, it.pointers)),
    routes: (weights) =>
      props.traffic
        .routes(router, weights)
        .map((it) => place(it.object, 'routing', path, it.pointers)),
  };
}

function withNames(deployment: Manifest, names: HashedNames): Manifest {
  const template = objectAt(deployment, 'spec', 'template');
  const spec = withHashedNames(objectAt(template, 'spec'), names);
  return withSpec(deployment, { template: { ...template, spec } });
}

/** An HPA left beside `replicas` would fight it; without one the author's number holds. */
function replicas({ parts, deployment }: ObjectsInput, resting: boolean): Json | undefined {
  if (resting) return 0;
  if (parts.autoscalers.length > 0) return undefined;
  return objectAt(deployment.object, 'spec').replicas ?? 1;
}

function servicesOf(input: ObjectsInput, shared: Labels): Record<'apex' | Track, Manifest> {
  const { props, names, label } = input;
  const ports = servicePorts(props.service, input.deployment.object);
  const service = (which: 'apex' | Track, selector: Labels) =>
    serviceManifest(names, which, { selector, ports, metadata: props.service[which] });
  const apex = Object.keys(shared).length > 0 ? shared : selectorOf(label, 'primary');
  return {
    apex: service('apex', apex),
    primary: service('primary', selectorOf(label, 'primary')),
    canary: service('canary', selectorOf(label, 'canary')),
  };
}
