import {
  isObject,
  type Json,
  type JsonObject,
  type Labels,
  labelsAt,
  objectAt,
} from '../manifest/json.ts';
import { ADDRESS_LABEL, mapObjects } from '../manifest/manifest.ts';
import { selects } from '../manifest/selector.ts';
import { onTrack, TRACKS } from '../names.ts';
import { TRACK_LABEL, type Track } from '../plan/plan.ts';
import { keepsLabels, namesWorkload, selectorOf, type TrackLabel, without } from './track-label.ts';

/** Whose pods a selector of the pods themselves means: those of both tracks, or of their own. */
export type PodMeaning = 'both' | 'own';

/** A label selector that is one track's. */
export function selectorOn(selector: JsonObject, label: TrackLabel, track: Track): JsonObject {
  const own = keepsLabels(label)
    ? selector
    : suffixed(selector, label, () => [onTrack(label.name, track)]);
  const given = without(labelsAt(own, 'matchLabels'), ADDRESS_LABEL);
  return { ...own, matchLabels: { ...given, ...selectorOf(label, track) } };
}

/** The PodSpec of one track: what selects pods in it means what the author meant; undefined is for no track. */
export function podSpecOn(
  spec: JsonObject,
  pods: Labels,
  form: { readonly label: TrackLabel; readonly terms: PodMeaning },
  track: Track | undefined,
): JsonObject {
  const { affinity, topologySpreadConstraints } = spec;
  const terms = (value: Json) =>
    mapObjects(value, (it) =>
      isObject(it.labelSelector)
        ? { ...it, labelSelector: termOn(it.labelSelector, pods, form, track) }
        : it,
    );
  return {
    ...spec,
    affinity: affinity && terms(affinity),
    topologySpreadConstraints: topologySpreadConstraints && terms(topologySpreadConstraints),
  };
}

/** Where labels are kept, a term means both tracks unless it is to mean its own; with Flagger's labels always its own. */
function termOn(
  selector: JsonObject,
  pods: Labels,
  { label, terms }: { readonly label: TrackLabel; readonly terms: PodMeaning },
  track: Track | undefined,
): JsonObject {
  if (!keepsLabels(label))
    return suffixed(selector, label, () => [
      track === undefined ? NO_TRACK : onTrack(label.name, track),
    ]);
  const found = withBase(selector, label);
  // An empty selector means every pod, not those of the workload.
  const isAboutIt = Object.keys(selector).length > 0 && selects(selector, pods);
  if (terms === 'both' || !isAboutIt) return found;
  const matchLabels = { ...labelsAt(found, 'matchLabels'), [TRACK_LABEL]: track ?? NO_TRACK };
  return { ...found, matchLabels };
}

/** What stands for the track in what no track has yet. */
const NO_TRACK = '<track>';

/** A label selector that means the pods of both tracks wherever it names the workload. */
export function selectorOnBoth(selector: JsonObject, label: TrackLabel): JsonObject {
  if (keepsLabels(label)) return withBase(selector, label);
  // The old value stays: while a running Deployment is being adopted, its pods still serve.
  return suffixed(selector, label, (base) => [
    base,
    ...TRACKS.map((track) => onTrack(label.name, track)),
  ]);
}

/** Labels that name the workload by its path-derived label, by those that its pods keep. */
export function labelsWithBase(labels: Labels, label: TrackLabel): Labels {
  const { address, base } = label;
  if (address === undefined || labels[ADDRESS_LABEL] !== address) return labels;
  return { ...without(labels, ADDRESS_LABEL), ...base };
}

/** Labels that select pods of one track; none select none. */
export function labelsOn(labels: Labels, label: TrackLabel, track: Track): Labels {
  if (Object.keys(labels).length === 0) return labels;
  if (keepsLabels(label)) return { ...labelsWithBase(labels, label), [TRACK_LABEL]: track };
  return { ...without(labels, ADDRESS_LABEL), ...selectorOf(label, track) };
}

function withBase(selector: JsonObject, label: TrackLabel): JsonObject {
  if (!isObject(selector.matchLabels)) return selector;
  return { ...selector, matchLabels: labelsWithBase(labelsAt(selector.matchLabels), label) };
}

/**
 * A label selector where the author's label has another value on each track.
 *
 * @param valuesOf what to write for the author's value
 */
function suffixed(
  selector: JsonObject,
  label: TrackLabel,
  valuesOf: (base: string) => readonly string[],
): JsonObject {
  const { key, base } = label;
  const value = base[key] ?? '';
  const values = valuesOf(value);
  const labels = labelsAt(selector, 'matchLabels');
  const isNamed = isObject(selector.matchLabels) && namesWorkload(labels, label);
  const expressions = Array.isArray(selector.matchExpressions)
    ? selector.matchExpressions.map((it: Json) => expressionOn(it, label, values))
    : undefined;
  if (!isNamed) return { ...selector, matchExpressions: expressions };
  const others = without(labels, ADDRESS_LABEL, key);
  const [only, ...more] = values;
  if (more.length === 0 && only !== undefined)
    return { ...selector, matchLabels: { ...others, [key]: only }, matchExpressions: expressions };
  return {
    ...selector,
    matchLabels: Object.keys(others).length === 0 ? undefined : others,
    matchExpressions: [...(expressions ?? []), { key, operator: 'In', values }],
  };
}

function expressionOn(it: Json, label: TrackLabel, values: readonly string[]): Json {
  if (!isObject(it) || !Array.isArray(it.values)) return it;
  const { key, address, base } = label;
  if (it.key !== key && it.key !== ADDRESS_LABEL) return it;
  const mine = it.key === ADDRESS_LABEL ? address : base[key];
  if (mine === undefined || !it.values.includes(mine)) return it;
  const changed: readonly Json[] = it.values;
  return { ...it, key, values: changed.flatMap((one) => (one === mine ? [...values] : [one])) };
}

/** Every `podSelector` below a value. */
export function podSelectorsIn(
  value: JsonObject,
  change: (selector: JsonObject) => JsonObject,
): JsonObject {
  return objectAt(
    mapObjects(value, (it) =>
      isObject(it.podSelector) ? { ...it, podSelector: change(it.podSelector) } : it,
    ),
  );
}
