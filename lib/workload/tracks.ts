import {
  canonical,
  isObject,
  type Json,
  type JsonObject,
  type Labels,
  labelsAt,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import { ADDRESS_LABEL, podLabels, renamed, withSpec } from '../manifest/manifest.ts';
import { onTrack } from '../names.ts';
import { TRACK_LABEL, type Track } from '../plan/plan.ts';
import { type PodMeaning, podSpecOn, selectorOn } from './pod-selectors.ts';
import { bothOf, keepsLabels, selectorOf, type TrackLabel, without } from './track-label.ts';

/** Labels and annotations that the pods of one track have beside the workload's. */
export interface PodMetadata {
  readonly labels?: Labels | undefined;
  readonly annotations?: Labels | undefined;
}

/** How pods are labelled, and what their own selectors mean. */
export interface PodForm {
  readonly label: TrackLabel;
  /** Whether one Service selects the pods of both tracks. */
  readonly isShared: boolean;
  /** Whose pods the affinity and spread terms of the pods mean. */
  readonly terms: PodMeaning;
  /** @default - none */
  readonly metadata: { readonly [T in Track]?: PodMetadata | undefined };
}

/** What the workload of one track differs in: keys of its spec; undefined leaves one out. */
export interface WorkloadForm {
  readonly track: Track;
  readonly spec: JsonObject;
}

/** The workload of one track: name, selector, pod labels and self-references rewritten. */
export function workloadOn(workload: Manifest, pods: PodForm, form: WorkloadForm): Manifest {
  const { label } = pods;
  const { track } = form;
  const template = objectAt(workload, 'spec', 'template');
  const metadata = objectAt(template, 'metadata');
  const { labels: own, annotations: noted } = pods.metadata[track] ?? {};
  const labels = { ...ownLabels(workload, pods), ...own, ...selectorOf(label, track) };
  const annotations = { ...labelsAt(metadata, 'annotations'), ...noted };
  const onTrackNow = withSpec(renamed(workload, onTrack(label.name, track)), {
    ...form.spec,
    selector: { matchLabels: selectorOf(label, track) },
    template: {
      ...template,
      metadata: { ...metadata, labels, ...(noted === undefined ? {} : { annotations }) },
      spec: podSpecOn(objectAt(template, 'spec'), podLabels(workload), pods, track),
    },
  });
  return withoutAddress(onTrackNow);
}

/** The labels of the pods before they are on a track. */
function ownLabels(workload: Manifest, { label, isShared }: PodForm): Labels {
  const labels = without(podLabels(workload), ADDRESS_LABEL, TRACK_LABEL);
  if (keepsLabels(label)) return { ...labels, ...label.base };
  return isShared ? { ...labels, ...bothOf(label) } : labels;
}

/** What stands beside the pods of one track: its PodDisruptionBudget, or its VerticalPodAutoscaler. */
export function companionOn(object: Manifest, label: TrackLabel, track: Track): Manifest {
  return object.kind === 'PodDisruptionBudget'
    ? budgetOn(object, label, track)
    : verticalOn(object, label, track);
}

/** The selector gets the track's labels, whatever else it selects by. */
function budgetOn(budget: Manifest, label: TrackLabel, track: Track): Manifest {
  const selector = selectorOn(objectAt(budget, 'spec', 'selector'), label, track);
  return withSpec(renamed(budget, onTrack(budget.metadata.name, track)), { selector });
}

function verticalOn(object: Manifest, label: TrackLabel, track: Track): Manifest {
  const targetRef = { ...objectAt(object, 'spec', 'targetRef'), name: onTrack(label.name, track) };
  return withSpec(renamed(object, onTrack(object.metadata.name, track)), { targetRef });
}

/** The pod template as both tracks share it: what the candidate is told by. */
export function neutralTemplate(workload: Manifest, pods: PodForm): Json {
  const { label } = pods;
  const template = objectAt(workload, 'spec', 'template');
  const own = ownLabels(workload, pods);
  const labels = keepsLabels(label) ? own : without(own, label.key);
  const spec = podSpecOn(objectAt(template, 'spec'), podLabels(workload), pods, undefined);
  const metadata = { ...objectAt(template, 'metadata'), labels };
  return normal({ metadata, spec, byTrack: plainMetadata(pods) }) ?? {};
}

/** Pods of a track start anew when it changes: that is another candidate. */
function plainMetadata({ metadata }: PodForm): JsonObject {
  return Object.fromEntries(
    Object.entries(metadata).map(([track, { labels, annotations } = {}]) => [
      track,
      { labels, annotations },
    ]),
  );
}

/**
 * Data without what says nothing: null, and empty lists and objects. A library that begins or ceases to write
 * them changes no candidate.
 */
function normal(value: Json): Json | undefined {
  if (Array.isArray(value))
    return value.length === 0 ? undefined : value.map((it) => normal(it) ?? null);
  if (!isObject(value)) return value ?? undefined;
  const entries = Object.entries(value).flatMap(([key, it]) => {
    const inner = SAYING_EMPTY.has(key) && isObject(it) ? (normal(it) ?? {}) : normal(it ?? null);
    return inner === undefined ? [] : [[key, inner] as const];
  });
  return entries.length === 0 ? undefined : canonical(Object.fromEntries(entries));
}

/** Keys at which an empty object says something else than none. */
const SAYING_EMPTY = new Set(['emptyDir', 'labelSelector', 'namespaceSelector']);

function withoutAddress(object: Manifest): Manifest {
  const labels = objectAt(object, 'metadata', 'labels');
  if (!(ADDRESS_LABEL in labels)) return object;
  return {
    ...object,
    metadata: { ...object.metadata, labels: without(labelsAt(labels), ADDRESS_LABEL) },
  };
}
