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
  type DeploymentForm,
  deploymentOn,
  neutralTemplate,
  selectorOf,
  type TrackLabel,
} from './tracks.ts';
import type { RouterContext, Routing, Weights } from './traffic/router.ts';
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
  const { objects, names: hashed } = version(parts.versioned.map((it) => it.object));
  const base = withNames(input.deployment.object, hashed);
  const services = servicesOf(input, shared);
  const routing = (it: Routing): Placed => ({ path, role: 'routing', ...it });
  const own = TRACKS.map((track) => place(services[track], 'configuration', path));
  const others = parts.others.map((it) =>
    place(configurationObject(it.object, label, hashed), 'configuration', it.path),
  );
  return {
    candidate: hashOf(neutralTemplate(base, label, shared), 10),
    base,
    running: {
      primary: runningOn('primary', input, base, shared),
      canary: runningOn('canary', input, base, shared),
    },
    resting: placedDeployment(input, base, { track: 'canary', shared, replicas: 0 }),
    versioned: objects.map((it, index) =>
      place(it, 'versioned', parts.versioned[index]?.path ?? path),
    ),
    configuration: [...others, ...own],
    apex: place(services.apex, 'configuration', path),
    policies: props.traffic.policies(router).map(routing),
    routes: (weights) => props.traffic.routes(router, weights).map(routing),
  };
}

function place(object: Manifest, role: Role, path: string): Placed {
  return { path, object, role, pointers: [] };
}

function runningOn(track: Track, input: ObjectsInput, base: Manifest, shared: Labels): Placed[] {
  const { parts, label } = input;
  return [
    placedDeployment(input, base, { track, shared, replicas: runningReplicas(input) }),
    ...parts.autoscalers.map((it) => place(autoscalerOn(it.object, label, track), track, it.path)),
    ...parts.budgets.map((it) => place(budgetOn(it.object, label, track), track, it.path)),
  ];
}

function placedDeployment(input: ObjectsInput, base: Manifest, form: DeploymentForm): Placed {
  return place(deploymentOn(base, input.label, form), form.track, input.deployment.path);
}

/** An HPA left beside `replicas` would fight it; without one the author's number holds. */
function runningReplicas({ parts, deployment }: ObjectsInput): Json | undefined {
  if (parts.autoscalers.length > 0) return undefined;
  return objectAt(deployment.object, 'spec').replicas ?? 1;
}

function withNames(deployment: Manifest, names: HashedNames): Manifest {
  const template = objectAt(deployment, 'spec', 'template');
  const spec = withHashedNames(objectAt(template, 'spec'), names);
  return withSpec(deployment, { template: { ...template, spec } });
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
