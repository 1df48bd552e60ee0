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
import { ADDRESS_LABEL, mapObjects, podLabels, renamed, withSpec } from '../manifest/manifest.ts';
import { onTrack } from '../names.ts';
import type { Track } from '../plan/plan.ts';

/** How pods of the workload are told apart: one label whose value names the track. */
export interface TrackLabel {
  readonly key: string;
  /** The value that the author's own selectors use. */
  readonly base: string;
  /** The value of cdk8s-plus' path-derived label, where the Deployment has one. */
  readonly address: string | undefined;
  /** Name of the release: values on the tracks are `<name>-primary` and `<name>-canary`. */
  readonly name: string;
}

/** Labels that workloads select by, in the order in which Perch looks for them. */
const USUAL_LABELS = ['app', 'name', 'app.kubernetes.io/name'] as const;

/**
 * Finds the label that becomes the selector.
 *
 * @param key the release's `selectorLabel`, where it is given
 */
export function trackLabelOf(
  deployment: Manifest,
  name: string,
  key: string | undefined,
): TrackLabel {
  const selector = labelsAt(deployment, 'spec', 'selector', 'matchLabels');
  const chosen = key ?? USUAL_LABELS.find((it) => selector[it] !== undefined) ?? 'app';
  const pods = podLabels(deployment);
  return {
    key: chosen,
    base: selector[chosen] ?? pods[chosen] ?? deployment.metadata.name,
    address: pods[ADDRESS_LABEL],
    name,
  };
}

/** The selector of one track: exactly one label. */
export function selectorOf(label: TrackLabel, track: Track): Labels {
  return { [label.key]: onTrack(label.name, track) };
}

/** What the workload of one track differs in. */
export interface WorkloadForm {
  readonly track: Track;
  /** Labels that both tracks' pods carry for the router. */
  readonly shared: Labels;
  /** Other keys of its spec; undefined leaves one out, such as `replicas` where an HPA rules. */
  readonly spec: JsonObject;
}

/** The workload of one track: name, selector, pod labels and self-references rewritten. */
export function workloadOn(workload: Manifest, label: TrackLabel, form: WorkloadForm): Manifest {
  const matchLabels = selectorOf(label, form.track);
  const template = objectAt(workload, 'spec', 'template');
  const labels = {
    ...without(podLabels(workload), ADDRESS_LABEL),
    ...form.shared,
    ...matchLabels,
  };
  const onTrackNow = withSpec(renamed(workload, onTrack(label.name, form.track)), {
    ...form.spec,
    selector: { matchLabels },
    template: {
      ...template,
      metadata: { ...objectAt(template, 'metadata'), labels },
      spec: podSpecOn(objectAt(template, 'spec'), label, form.track),
    },
  });
  return withoutAddress(onTrackNow);
}

/** The PodDisruptionBudget of one track: its selector gets the track's label, whatever else it selects by. */
export function budgetOn(budget: Manifest, label: TrackLabel, track: Track): Manifest {
  const selector = objectAt(budget, 'spec', 'selector');
  const matchLabels = {
    ...without(labelsAt(selector, 'matchLabels'), ADDRESS_LABEL),
    ...selectorOf(label, track),
  };
  return withSpec(renamed(budget, onTrack(budget.metadata.name, track)), {
    selector: { ...(selectorsOn(selector, label, track) as JsonObject), matchLabels },
  });
}

/** The pod template as both tracks share it: what the candidate is told by. */
export function neutralTemplate(deployment: Manifest, label: TrackLabel, shared: Labels): Json {
  const template = objectAt(deployment, 'spec', 'template');
  const labels = without(without(podLabels(deployment), ADDRESS_LABEL), label.key);
  const spec = podSpecOn(objectAt(template, 'spec'), label, undefined);
  const metadata = { ...objectAt(template, 'metadata'), labels: { ...labels, ...shared } };
  return normal({ metadata, spec }) ?? {};
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

/** The parts of a PodSpec that select pods; other selectors in it select other things. */
function podSpecOn(spec: JsonObject, label: TrackLabel, track: Track | undefined): JsonObject {
  const { affinity, topologySpreadConstraints } = spec;
  return {
    ...spec,
    affinity: affinity && selectorsOn(affinity, label, track),
    topologySpreadConstraints:
      topologySpreadConstraints && selectorsOn(topologySpreadConstraints, label, track),
  };
}

/** Label selectors that name the track's label with its base value, pointed to one track, or to a neutral word. */
function selectorsOn(value: Json, label: TrackLabel, track: Track | undefined): Json {
  const mine = track === undefined ? '<track>' : onTrack(label.name, track);
  return mapObjects(value, (it) => {
    const changed: Record<string, Json | undefined> = { ...it };
    if (isObject(it.matchLabels))
      changed.matchLabels = matchLabelsOn(labelsAt(it.matchLabels), label, mine);
    if (Array.isArray(it.matchExpressions))
      changed.matchExpressions = it.matchExpressions.map((one) => expressionOn(one, label, mine));
    return changed;
  });
}

function matchLabelsOn(labels: Labels, label: TrackLabel, mine: string): Labels {
  if (!namesTrack(labels, label)) return labels;
  return { ...without(labels, ADDRESS_LABEL), [label.key]: mine };
}

function expressionOn(expression: Json, label: TrackLabel, mine: string): Json {
  if (!isObject(expression) || !Array.isArray(expression.values)) return expression;
  const base = expression.key === ADDRESS_LABEL ? label.address : label.base;
  if (expression.key !== label.key && expression.key !== ADDRESS_LABEL) return expression;
  if (base === undefined || !expression.values.includes(base)) return expression;
  const values = expression.values.map((it: Json) => (it === base ? mine : it));
  return { ...expression, key: label.key, values };
}

/** Whether labels in a selector mean the workload by the author's own name for it. */
export function namesTrack(labels: Labels, label: TrackLabel): boolean {
  const byAddress = label.address !== undefined && labels[ADDRESS_LABEL] === label.address;
  return byAddress || labels[label.key] === label.base;
}

function withoutAddress(object: Manifest): Manifest {
  const labels = objectAt(object, 'metadata', 'labels');
  if (!(ADDRESS_LABEL in labels)) return object;
  return {
    ...object,
    metadata: { ...object.metadata, labels: without(labelsAt(labels), ADDRESS_LABEL) },
  };
}

function without(labels: Labels, key: string): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([it]) => it !== key));
}
