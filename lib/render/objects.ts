import { hashOf, type Json, type Manifest, objectAt } from '../manifest/json.ts';
import { type Authored, isKind, withSpec } from '../manifest/manifest.ts';
import type { Names, Side } from '../names.ts';
import type { Role, Track } from '../plan/plan.ts';
import { jobObject } from '../release/jobs.ts';
import type { ReleaseProps } from '../release/release-props.ts';
import type { VerbatimObject } from '../release/verbatim.ts';
import type { Scale } from '../strategy/strategy.ts';
import type { ReleaseContext, RouterContext, Routing } from '../traffic/router.ts';
import type { Traffic } from '../traffic/traffic.ts';
import type { Size } from '../workload/autoscalers.ts';
import { autoscalerOn, boundsOf } from '../workload/autoscalers.ts';
import { configurationObject } from '../workload/configuration.ts';
import type { Parts } from '../workload/parts.ts';
import { type HashedNames, withHashedNames } from '../workload/references.ts';
import { withVersionedRoles } from '../workload/roles.ts';
import { type SecretContents, withSecretsMark } from '../workload/secret-sources.ts';
import { type ServicePort, serviceManifest, servicePorts } from '../workload/service.ts';
import type { ServiceProps } from '../workload/service-props.ts';
import { bothOf, selectorOf, serviceLabels, type TrackLabel } from '../workload/track-label.ts';
import { companionOn, neutralTemplate, type PodForm, workloadOn } from '../workload/tracks.ts';
import { version } from '../workload/versioned.ts';
import { replicasOf, workloadKindOf } from '../workload/workload-kinds.ts';
import { sizeOf } from './sizes.ts';

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
  /** The workload before it is on a track, with hashed names; undefined where the pods are none of ours. */
  readonly base: Manifest | undefined;
  /** What is told of the release. */
  readonly context: ReleaseContext;
  /** What the router is told of it; undefined without a Service. */
  readonly routed: RouterContext | undefined;
  /** The objects of a track that runs at a scale; the same array for the same arguments. */
  running(track: Track, scale: Scale, updatedPercent?: number): readonly Placed[];
  /** The least number of pods that an autoscaler gives a track at a scale; undefined where none rules. */
  leastPods(track: Track, scale: Scale): number | undefined;
  /** The canary at rest: no pods, no autoscaler, no budget. None where it cannot stand without pods. */
  readonly resting: readonly Placed[];
  readonly versioned: readonly Placed[];
  /** Names before and after hashing. */
  readonly hashed: HashedNames;
  readonly configuration: readonly Placed[];
  /** Undefined where the Services are the author's own, or there are none. */
  readonly apex: Placed | undefined;
  /** The baseline's Service; its workload is `running('baseline', …)`. None where the release has no Service. */
  readonly baselineService: readonly Placed[];
  readonly policies: readonly Placed[];
  /** @param names names of Jobs as the author gave them */
  jobs(names: readonly string[]): readonly Placed[];
  routes(traffic: Traffic): readonly Placed[];
}

/** What the objects are made from. */
export interface ObjectsInput {
  readonly path: string;
  readonly props: ReleaseProps;
  readonly names: Names;
  readonly parts: Parts;
  /** What runs the pods; undefined where they are none of ours. */
  readonly workload: Authored | undefined;
  /** Files that are copied byte for byte. */
  readonly verbatim: readonly VerbatimObject[];
  readonly label: TrackLabel;
  /** Everything that the author made in the workload. */
  readonly authored: readonly Manifest[];
}

/** Makes every object of a release. */
export function objectsOf(input: ObjectsInput): ReleaseObjects {
  const { path, props, names, parts, label, authored } = input;
  const { objects, names: hashed } = version(parts.versioned.map((it) => it.object));
  const written = parts.others.map((it) => configurationObject(it.object, label, hashed));
  const others = withVersionedRoles(written, hashed).map((it, index) =>
    place(it, 'configuration', parts.others[index]?.path ?? path),
  );
  const secrets = {
    objects: [...objects, ...others.map((it) => it.object)],
    files: input.verbatim.map((it) => it.bytes),
  };
  const base = input.workload && podsWith(input.workload.object, hashed, secrets);
  const form = podFormOf(input);
  const candidate = candidateOf(input, base, form);
  const { tracks } = props.strategy;
  const context = { path, names, label, tracks, candidate, workload: authored };
  const services = props.service && servicesOf(input, props.service);
  const routed = services && routedBy(context, services);
  const routing = (it: Routing): Placed => ({
    path,
    role: 'routing',
    ...it,
    object: withHashedNames(it.object, hashed),
  });
  const ours = input.workload && services;
  const own = ours ? tracks.map((track) => place(ours[track], 'configuration', path)) : [];
  const jobs = new Map(
    parts.jobs.map((it) => [
      it.object.metadata.name,
      place(jobObject(it.object, candidate, hashed), 'job', it.path),
    ]),
  );
  const pods = podsOf(input, base, form);
  return {
    candidate,
    base,
    context,
    routed,
    running: remembered((track, scale, updated) => pods?.running(track, scale, updated) ?? []),
    leastPods: (track, scale) => pods?.leastPods(track, scale),
    resting: tracks.includes('canary') ? (pods?.resting ?? []) : [],
    hashed,
    versioned: objects.map((it, index) =>
      place(it, 'versioned', parts.versioned[index]?.path ?? path),
    ),
    configuration: [...others, ...own],
    apex: ours && place(ours.apex, 'configuration', path),
    baselineService: services ? [place(services.baseline, 'baseline', path)] : [],
    policies: routed ? once(props.traffic.policies(routed).map(routing)) : [],
    jobs: (all) => all.flatMap((name) => jobs.get(name) ?? []),
    routes: (traffic) =>
      routed
        ? props.traffic.routes(routed, traffic).map((it) => routing(withApexMetadata(it, input)))
        : [],
  };
}

/** Every Service that the release writes at rest: its own, and the author's. */
export function servicesIn({ apex, configuration }: ReleaseObjects): readonly Manifest[] {
  const all = [...(apex === undefined ? [] : [apex]), ...configuration];
  return all.map((it) => it.object).filter((it) => isKind(it, '', 'Service'));
}

/** A routing object that Perch writes has the metadata of the apex Service; the author's own has its own. */
function withApexMetadata(it: Routing, { parts, props }: ObjectsInput): Routing {
  const { metadata, kind } = it.object;
  const isAuthors = parts.routing.some(
    ({ object }) => object.kind === kind && object.metadata.name === metadata.name,
  );
  const { labels, annotations } = props.service?.apex ?? {};
  if (isAuthors || (labels === undefined && annotations === undefined)) return it;
  const merged = {
    ...metadata,
    ...(labels === undefined ? {} : { labels: { ...labels, ...metadata.labels } }),
    ...(annotations === undefined
      ? {}
      : { annotations: { ...annotations, ...metadata.annotations } }),
  };
  return { ...it, object: { ...it.object, metadata: merged } };
}

function place(object: Manifest, role: Role, path: string): Placed {
  return { path, object, role, pointers: [] };
}

/** Most steps hold the same objects: each is made, and then written out, once. */
function remembered(make: ReleaseObjects['running']): ReleaseObjects['running'] {
  const known = new Map<string, readonly Placed[]>();
  return (track, scale, updatedPercent) => {
    const key = JSON.stringify([track, scale, updatedPercent]);
    const made = known.get(key) ?? make(track, scale, updatedPercent);
    known.set(key, made);
    return made;
  };
}

/** A stable and a candidate Service that are one have one policy. */
function once(all: readonly Placed[]): readonly Placed[] {
  const names = all.map(({ object }) => `${object.kind}/${object.metadata.name}`);
  return all.filter((_, index) => names.indexOf(names[index] ?? '') === index);
}

/** What a new version is told by: the pods, or the Service that leads to them. */
function candidateOf({ props }: ObjectsInput, base: Manifest | undefined, form: PodForm): string {
  if (base !== undefined) return hashOf(neutralTemplate(base, form), 10);
  const { candidate, version: given } = props.existing ?? { candidate: '' };
  return hashOf({ service: candidate, version: given }, 10);
}

function podFormOf({ label, props }: ObjectsInput): PodForm {
  const { primary, canary, podTerms = 'both' } = props.tracks ?? {};
  return {
    label,
    isShared: props.traffic.apexSelects === 'both',
    terms: podTerms,
    metadata: { primary: primary?.metadata, canary: canary?.metadata },
  };
}

/** What runs the tracks. */
type Pods = Pick<ReleaseObjects, 'running' | 'leastPods' | 'resting'>;

function podsOf(
  { path, workload, props, parts, label, names }: ObjectsInput,
  base: Manifest | undefined,
  form: PodForm,
): Pods | undefined {
  const kind = base && workloadKindOf(base);
  if (base === undefined || kind === undefined) return undefined;
  const autoscaled = parts.autoscalers.length > 0;
  const sizes = { own: ownSize(parts, base), tracks: props.tracks ?? {}, autoscaled };
  // As the author wrote it, so that what is no number is told as his mistake.
  const written = objectAt(base, 'spec').replicas ?? 1;
  const placed = (track: Track, replicas: Json | undefined, updatedPercent = 100) => {
    const updateStrategy = kind.updateStrategy(base, updatedPercent);
    const said = track === 'primary' ? props.strategy.deployment : {};
    const spec = { ...said, replicas, ...(updateStrategy && { updateStrategy }) };
    return place(workloadOn(base, form, { track, spec }), track, workload?.path ?? path);
  };
  return {
    running(track, scale, updatedPercent) {
      const size = sizeOf(track, scale, sizes);
      // An HPA left beside `replicas` would fight it, and nodes decide about a DaemonSet.
      const replicas = size.min === sizes.own.min ? written : size.min;
      const ruled = autoscaled || !kind.sized;
      return [
        placed(track, ruled ? undefined : replicas, updatedPercent),
        ...parts.autoscalers.map((it) =>
          place(
            autoscalerOn(it.object, label, {
              track,
              service: props.service && names[track],
              size,
            }),
            track,
            it.path,
          ),
        ),
        ...parts.companions.map((it) =>
          place(companionOn(it.object, label, track), track, it.path),
        ),
      ];
    },
    leastPods: (track, scale) => (autoscaled ? sizeOf(track, scale, sizes).min : undefined),
    resting: kind.sized ? [placed('canary', 0)] : [],
  };
}

function ownSize({ autoscalers }: Parts, base: Manifest): Size {
  const [autoscaler] = autoscalers;
  if (autoscaler !== undefined) return boundsOf(autoscaler.object);
  const replicas = replicasOf(base);
  return { min: replicas, max: replicas };
}

/** The workload with what its pods read: the hashed names, and a mark of the Secrets' content. */
function podsWith(workload: Manifest, names: HashedNames, secrets: SecretContents): Manifest {
  const named = withHashedNames(workload, names);
  const template = objectAt(named, 'spec', 'template');
  const metadata = withSecretsMark(objectAt(template, 'metadata'), secrets);
  return withSpec(named, { template: { ...template, metadata } });
}

function routedBy(context: ReleaseContext, { port, ports, apex }: Services): RouterContext {
  return { ...context, port, ports, apex };
}

/** The Services of a release, and their ports. */
interface Services extends Readonly<Record<'apex' | 'baseline' | Side, Manifest>> {
  /** The first of `ports`. */
  readonly port: number;
  readonly ports: readonly ServicePort[];
}

function servicesOf(input: ObjectsInput, props: ServiceProps): Services {
  const { names, label } = input;
  const { traffic } = input.props;
  const ports = servicePorts(props, input.workload?.object);
  const ofTrack = (track: Track) => {
    const given = props[track === 'baseline' ? 'canary' : track];
    const labels = { ...serviceLabels(label, track), ...given?.labels };
    const selector = selectorOf(label, track);
    const { annotations } = given ?? {};
    return serviceManifest(names, track, { selector, ports, props, labels, annotations });
  };
  const selector = traffic.apexSelects === 'both' ? bothOf(label) : selectorOf(label, 'primary');
  const apex = serviceManifest(names, 'apex', { selector, ports, props, ...props.apex });
  return {
    port: props.port,
    ports,
    apex,
    primary: ofTrack('primary'),
    canary: ofTrack('canary'),
    baseline: ofTrack('baseline'),
  };
}
