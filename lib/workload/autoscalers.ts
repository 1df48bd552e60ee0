import {
  isObject,
  type Json,
  type JsonObject,
  listAt,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { groupOf, isKind, renamed, withSpec } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { type Names, onTrack } from '../names.ts';
import type { Track } from '../plan/plan.ts';
import { canBeCurrent, currentHpa } from './hpa-versions.ts';
import type { TrackLabel } from './track-label.ts';

/** What Perch knows of a kind that rules the replicas of a workload. */
interface AutoscalerKind {
  readonly group: string;
  readonly kind: string;
  readonly version: string;
  readonly keys: { readonly min: string; readonly max: string };
  /** The API's own bounds where the author gives none. */
  readonly defaults: Size;
  /** The spec on one track, without target and bounds. */
  spec(
    object: Manifest,
    label: TrackLabel,
    form: Pick<AutoscalerForm, 'track' | 'service'>,
  ): JsonObject;
  /** What an author's version of it is not. */
  isCurrent(object: Manifest): boolean;
  /** By what it scales. */
  sources(object: Manifest, release: string): readonly Source[];
  mistakes(it: Authored): Mistake[];
}

/** A number by which an autoscaler scales. */
interface Source {
  /** `metric` or `trigger`, as its kind calls it. */
  readonly noun: string;
  readonly called: string;
  /** What an author can name the track in. */
  readonly data: JsonObject;
  /** Whether it is about the pods of its own target, whatever it names. */
  readonly isOwn: boolean;
}

/** The HPA of Kubernetes, and the ScaledObject by which KEDA makes one. */
const KINDS: readonly AutoscalerKind[] = [
  {
    group: 'autoscaling',
    kind: 'HorizontalPodAutoscaler',
    version: 'autoscaling/v2',
    keys: { min: 'minReplicas', max: 'maxReplicas' },
    defaults: { min: 1, max: 1 },
    spec: hpaSpec,
    isCurrent: canBeCurrent,
    sources: hpaSources,
    mistakes: () => [],
  },
  {
    group: 'keda.sh',
    kind: 'ScaledObject',
    version: 'keda.sh/v1alpha1',
    keys: { min: 'minReplicaCount', max: 'maxReplicaCount' },
    defaults: { min: 0, max: 100 },
    spec: scaledObjectSpec,
    isCurrent: ({ apiVersion }) => apiVersion === 'keda.sh/v1alpha1',
    sources: scaledObjectSources,
    mistakes: scaledObjectMistakes,
  },
];

function kindOf(object: Manifest): AutoscalerKind | undefined {
  return KINDS.find((it) => isKind(object, it.group, it.kind));
}

/** Whether an object rules the replicas of a workload, one for each track. */
export function isAutoscaler(object: Manifest): boolean {
  return kindOf(object) !== undefined;
}

/** The bounds that an autoscaler declares. @throws Error for another object */
export function boundsOf(object: Manifest): Size {
  const { keys, defaults } = known(object);
  return {
    min: numberAt(object, keys.min, defaults.min),
    max: numberAt(object, keys.max, defaults.max),
  };
}

/** What the autoscaler of one track differs in. */
export interface AutoscalerForm {
  readonly track: Track;
  /** Name of the track's Service; undefined where the release has none. */
  readonly service: string | undefined;
  readonly size: Size;
}

/** The autoscaler of one track. A bound that is the author's own is left as it is written. */
export function autoscalerOn(
  object: Manifest,
  label: TrackLabel,
  { track, service, size }: AutoscalerForm,
): Manifest {
  const kind = known(object);
  const own = boundsOf(object);
  const spec = kind.spec(object, label, { track, service });
  const target = {
    ...objectAt(object, 'spec', 'scaleTargetRef'),
    name: onTrack(label.name, track),
  };
  return withSpec(
    renamed({ ...object, apiVersion: kind.version }, onTrack(object.metadata.name, track)),
    {
      ...spec,
      scaleTargetRef: target,
      ...(size.min === own.min ? {} : { [kind.keys.min]: size.min }),
      ...(size.max === own.max ? {} : { [kind.keys.max]: size.max }),
    },
  );
}

function known(object: Manifest): AutoscalerKind {
  const found = kindOf(object);
  if (found === undefined) throw new Error(`${object.kind} is not an autoscaler`);
  return found;
}

function numberAt(object: Manifest, key: string, otherwise: number): number {
  const value = objectAt(object, 'spec')[key];
  return typeof value === 'number' ? value : otherwise;
}

/** A metric may name the track whose pods it counts, and an object that is one of the release's is that of the track. */
function hpaSpec(
  object: Manifest,
  label: TrackLabel,
  { track, service }: Pick<AutoscalerForm, 'track' | 'service'>,
): JsonObject {
  const current = currentHpa(object);
  const workload = objectAt(current, 'spec', 'scaleTargetRef');
  const metrics = listAt(current, 'spec', 'metrics').map((it) => {
    const described = objectAt(it, 'object', 'describedObject');
    const whole = filled(it, label, track);
    if (!isOfRelease(described, workload, label.name)) return whole;
    const name = described.kind === 'Service' ? service : onTrack(label.name, track);
    if (name === undefined) return whole;
    const named = { ...described, name };
    return { ...whole, object: { ...objectAt(whole, 'object'), describedObject: named } };
  });
  // Keys of an older version go with it.
  const gone = Object.fromEntries(
    Object.keys(objectAt(object, 'spec')).map((it) => [it, undefined]),
  );
  const given = 'metrics' in objectAt(current, 'spec') ? { metrics } : {};
  return { ...gone, ...objectAt(current, 'spec'), ...given };
}

/** Its workload, or the Service under its name. */
function isOfRelease({ kind, name }: JsonObject, workload: JsonObject, release: string): boolean {
  return kind === workload.kind ? name === workload.name : kind === 'Service' && name === release;
}

/** A trigger may name the track whose pods it counts, and KEDA's HPA gets a name of its own on each track. */
function scaledObjectSpec(
  object: Manifest,
  label: TrackLabel,
  { track }: Pick<AutoscalerForm, 'track'>,
): JsonObject {
  const spec = objectAt(object, 'spec');
  const triggers = listAt(spec, 'triggers').map((it) => ({
    ...it,
    ...(isObject(it.metadata) ? { metadata: filled(it.metadata, label, track) } : {}),
  }));
  const advanced = objectAt(spec, 'advanced');
  const hpa = objectAt(advanced, 'horizontalPodAutoscalerConfig');
  if (typeof hpa.name !== 'string') return { ...spec, triggers };
  const horizontalPodAutoscalerConfig = { ...hpa, name: onTrack(hpa.name, track) };
  return { ...spec, triggers, advanced: { ...advanced, horizontalPodAutoscalerConfig } };
}

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;

function filled(value: JsonObject, label: TrackLabel, track: Track): JsonObject {
  const values: Readonly<Record<string, string>> = { workload: onTrack(label.name, track), track };
  const text = (it: string) =>
    it.replace(PLACEHOLDER, (whole, name: string) => values[name] ?? whole);
  return objectAt(mapTexts(value, text));
}

function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((it) => mapTexts(it, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, it]) => [key, it === undefined ? it : mapTexts(it, change)]),
  );
}

/** The placeholders that are used somewhere in data. */
function placeholdersIn(value: Json): readonly string[] {
  const found: string[] = [];
  mapTexts(value, (text) => {
    found.push(...[...text.matchAll(PLACEHOLDER)].map((it) => it[1] ?? ''));
    return text;
  });
  return found;
}

/**
 * What is wrong with the autoscalers of a workload.
 *
 * @param release name of the release
 * @param shared names of metrics and triggers by which both tracks are meant to scale
 */
export function autoscalerMistakes(
  autoscalers: readonly Authored[],
  workload: Manifest | undefined,
  { names, shared }: { readonly names: Names; readonly shared: readonly string[] },
): Mistake[] {
  if (workload === undefined) return [];
  const { kind, metadata } = workload;
  const [, ...more] = autoscalers;
  const doubles = more.map((it) => ({
    path: it.path,
    problem: `${shortName(it.object)} ${it.object.metadata.name} is a second autoscaler for one ${kind}`,
    remedy: 'keep one, with all metrics in it',
  }));
  const others = autoscalers.flatMap((it) => {
    const { path, object } = it;
    const own = known(object);
    const target = objectAt(object, 'spec', 'scaleTargetRef');
    const targetKind = target.kind ?? (own.kind === 'ScaledObject' ? 'Deployment' : undefined);
    if (targetKind !== kind || target.name !== metadata.name)
      return [
        {
          path,
          problem: `the ${shortName(object)} is for something else than the ${kind}`,
          got: target,
          remedy: `let spec.scaleTargetRef name ${kind} ${metadata.name}`,
        },
      ];
    return [
      ...versionMistakes(it, own),
      ...own.mistakes(it),
      ...sourceMistakes(it, own.sources(object, names.apex), shared),
    ];
  });
  return [...doubles, ...others];
}

/** As people call it. */
function shortName({ kind }: Manifest): string {
  return kind === 'HorizontalPodAutoscaler' ? 'HPA' : kind;
}

function versionMistakes({ path, object }: Authored, own: AutoscalerKind): Mistake[] {
  if (own.isCurrent(object)) return [];
  const { version } = own;
  const problem = `the ${shortName(object)} is of another version`;
  return [{ path, problem, got: object.apiVersion, remedy: `use ${version}` }];
}

/** What is wrong with the bounds that a track's autoscaler would get. */
export function boundMistakes(path: string, object: Manifest): Mistake[] {
  const { keys } = known(object);
  const { min, max } = boundsOf(object);
  const place = `${object.kind} ${object.metadata.name}`;
  // What an HPA may hold is judged with all else that the API server would refuse.
  if (groupOf(object.apiVersion) === 'autoscaling') return [];
  if (min < 1)
    return [
      {
        path,
        problem: `${keys.min} of ${place} is below 1: a track at 0 pods is never ready`,
        got: min,
        remedy: `set spec.${keys.min}: 1 or more, or tracks.primary.minReplicas and tracks.canary.minReplicas`,
      },
    ];
  if (min <= max) return [];
  return [
    {
      path,
      problem: `${place} has ${keys.min} over ${keys.max}`,
      got: `${min} over ${max}`,
      remedy: `raise ${keys.max} or lower ${keys.min}`,
    },
  ];
}

/** Triggers that look at the pods of their own target, or at the clock. */
const OWN_TRIGGERS: ReadonlySet<Json | undefined> = new Set(['cpu', 'memory', 'cron']);

function scaledObjectMistakes({ path, object }: Authored): Mistake[] {
  const { name } = object.metadata;
  const spec = objectAt(object, 'spec');
  const mistakes: Mistake[] = [];
  const add = (problem: string, got: unknown, remedy: string) =>
    void mistakes.push({ path, problem: `${problem} of ScaledObject ${name}`, got, remedy });
  if (spec.idleReplicaCount !== undefined)
    add(
      'spec.idleReplicaCount',
      spec.idleReplicaCount,
      'leave it out: a track at 0 pods is never ready, and its rollout would wait for ever',
    );
  if (objectAt(spec, 'advanced').restoreToOriginalReplicaCount === true)
    add(
      'spec.advanced.restoreToOriginalReplicaCount',
      true,
      'leave it out: KEDA would start the canary again after the rollout has put it to rest',
    );
  return mistakes;
}

function scaledObjectSources(object: Manifest): readonly Source[] {
  return listAt(object, 'spec', 'triggers').map((it) => ({
    noun: 'trigger',
    called: String(it.name ?? it.type),
    data: objectAt(it, 'metadata'),
    isOwn: OWN_TRIGGERS.has(it.type),
  }));
}

/** External metrics are about no pods, and metrics of objects about those alone. */
function hpaSources(object: Manifest, release: string): readonly Source[] {
  const current = currentHpa(object);
  const workload = objectAt(current, 'spec', 'scaleTargetRef');
  return listAt(current, 'spec', 'metrics').flatMap((it): Source[] => {
    const data = objectAt(it, it.type === 'Object' ? 'object' : 'external');
    if (it.type !== 'Object' && it.type !== 'External') return [];
    const isOwn = isOfRelease(objectAt(data, 'describedObject'), workload, release);
    return [{ noun: 'metric', called: String(objectAt(data, 'metric').name), data, isOwn }];
  });
}

function sourceMistakes(
  { path, object }: Authored,
  sources: readonly Source[],
  shared: readonly string[],
): Mistake[] {
  const of = `of ${shortName(object)} ${object.metadata.name}`;
  const names = sources.map((it) => it.called);
  return [
    ...sources.flatMap(({ noun, called, data, isOwn }): Mistake[] => {
      const used = placeholdersIn(data);
      const unknown = used
        .filter((it) => it !== 'workload' && it !== 'track')
        .map((it) => ({
          path,
          problem: `unknown placeholder in ${noun} ${called} ${of}`,
          got: `{{${it}}}`,
          remedy: 'use {{workload}} or {{track}}',
        }));
      if (used.length > 0 || isOwn || shared.includes(called)) return unknown;
      return [
        {
          path,
          problem: `${noun} ${called} ${of} sees one number on both tracks`,
          got: data,
          remedy: `let it name {{workload}} or {{track}}, or say that it is meant: tracks.sharedTriggers: ['${called}']`,
        },
      ];
    }),
    ...shared
      .filter((it) => !names.includes(it))
      .map((got) => ({
        path,
        problem: `tracks.sharedTriggers names no metric or trigger ${of}`,
        got,
        remedy: names.length === 0 ? 'leave it out' : `use one of ${names.join(', ')}`,
      })),
  ];
}

/** How many pods of a track run: exactly so many where both are one number, else what an autoscaler may choose. */
export interface Size {
  readonly min: number;
  readonly max: number;
}
