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
import { onTrack } from '../names.ts';
import type { Track } from '../plan/plan.ts';
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
  spec(object: Manifest, label: TrackLabel, track: Track): JsonObject;
  mistakes(it: Authored, sharedTriggers: readonly string[]): Mistake[];
}

/** The HPA of Kubernetes, and the ScaledObject by which KEDA makes one. */
const KINDS: readonly AutoscalerKind[] = [
  {
    group: 'autoscaling',
    kind: 'HorizontalPodAutoscaler',
    version: 'autoscaling/v2',
    keys: { min: 'minReplicas', max: 'maxReplicas' },
    defaults: { min: 1, max: 1 },
    spec: (object) => objectAt(object, 'spec'),
    mistakes: () => [],
  },
  {
    group: 'keda.sh',
    kind: 'ScaledObject',
    version: 'keda.sh/v1alpha1',
    keys: { min: 'minReplicaCount', max: 'maxReplicaCount' },
    defaults: { min: 0, max: 100 },
    spec: scaledObjectSpec,
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

/** The autoscaler of one track. A bound that is the author's own is left as it is written. */
export function autoscalerOn(
  object: Manifest,
  label: TrackLabel,
  { track, size }: { readonly track: Track; readonly size: Size },
): Manifest {
  const kind = known(object);
  const own = boundsOf(object);
  const spec = kind.spec(object, label, track);
  const target = {
    ...objectAt(object, 'spec', 'scaleTargetRef'),
    name: onTrack(label.name, track),
  };
  return withSpec(renamed(object, onTrack(object.metadata.name, track)), {
    ...spec,
    scaleTargetRef: target,
    ...(size.min === own.min ? {} : { [kind.keys.min]: size.min }),
    ...(size.max === own.max ? {} : { [kind.keys.max]: size.max }),
  });
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

/** A trigger may name the track whose pods it counts, and KEDA's HPA gets a name of its own on each track. */
function scaledObjectSpec(object: Manifest, label: TrackLabel, track: Track): JsonObject {
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

function filled(metadata: JsonObject, label: TrackLabel, track: Track): JsonObject {
  const values: Readonly<Record<string, string>> = { workload: onTrack(label.name, track), track };
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [
      key,
      typeof value === 'string'
        ? value.replace(PLACEHOLDER, (whole, name: string) => values[name] ?? whole)
        : value,
    ]),
  );
}

/**
 * What is wrong with the autoscalers of a workload.
 *
 * @param sharedTriggers names of triggers by which both tracks are meant to scale
 */
export function autoscalerMistakes(
  autoscalers: readonly Authored[],
  workload: Manifest | undefined,
  sharedTriggers: readonly string[],
): Mistake[] {
  if (workload === undefined) return [];
  const { kind, metadata } = workload;
  const [, ...more] = autoscalers;
  const doubles = more.map((it) => ({
    path: it.path,
    problem: `a second ${shortName(it.object)} for one ${kind}`,
    got: it.object.metadata.name,
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
    return [...versionMistakes(it, own), ...own.mistakes(it, sharedTriggers)];
  });
  return [...doubles, ...others];
}

/** As people call it. */
function shortName({ kind }: Manifest): string {
  return kind === 'HorizontalPodAutoscaler' ? 'HPA' : kind;
}

function versionMistakes({ path, object }: Authored, { version }: AutoscalerKind): Mistake[] {
  if (object.apiVersion === version) return [];
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

function scaledObjectMistakes(
  { path, object }: Authored,
  sharedTriggers: readonly string[],
): Mistake[] {
  const { name } = object.metadata;
  const spec = objectAt(object, 'spec');
  const triggers = listAt(spec, 'triggers');
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
  for (const it of triggers) {
    const texts = Object.values(objectAt(it, 'metadata')).filter((one) => typeof one === 'string');
    const used = texts.flatMap((one) => [...one.matchAll(PLACEHOLDER)].map((found) => found[1]));
    const called = String(it.name ?? it.type);
    for (const unknown of used.filter((one) => one !== 'workload' && one !== 'track'))
      add(
        `unknown placeholder in trigger ${called}`,
        `{{${unknown}}}`,
        'use {{workload}} or {{track}}',
      );
    if (used.length === 0 && !OWN_TRIGGERS.has(it.type) && !sharedTriggers.includes(called))
      add(
        `trigger ${called} sees one number on both tracks`,
        it.metadata,
        `let its metadata name {{workload}} or {{track}}, or say that it is meant: tracks.sharedTriggers: ['${called}']`,
      );
  }
  const names = triggers.map((it) => String(it.name ?? it.type));
  for (const missing of sharedTriggers.filter((it) => !names.includes(it)))
    add('tracks.sharedTriggers names no trigger', missing, `use one of ${names.join(', ')}`);
  return mistakes;
}

/** How many pods of a track run: exactly so many where both are one number, else what an autoscaler may choose. */
export interface Size {
  readonly min: number;
  readonly max: number;
}
