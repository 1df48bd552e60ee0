import {
  isObject,
  type JsonObject,
  type Labels,
  labelsAt,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { isKind, withSpec } from '../manifest/manifest.ts';
import { hasAll } from '../manifest/selector.ts';
import type { Mistake } from '../mistake.ts';
import { type Side, TRACKS } from '../names.ts';
import { TRACK_LABEL } from '../plan/plan.ts';
import { isAutoscaler } from './autoscalers.ts';
import {
  labelsOn,
  labelsWithBase,
  podSelectorsIn,
  selectorOn,
  selectorOnBoth,
} from './pod-selectors.ts';
import { type HashedNames, withHashedNames } from './references.ts';
import { isExternalSecret } from './secret-sources.ts';
import { keepsLabels, namesWorkload, type TrackLabel } from './track-label.ts';
import { externalSecretWith } from './versioned.ts';
import { workloadKindOf } from './workload-kinds.ts';

/** Annotation by which an object of the author's that selects pods says which: `primary`, `canary` or `both`. */
export const TRACKS_ANNOTATION = 'perch/tracks';

/** How a kind selects pods. */
type Selection =
  /** A map of labels at a path. */
  | { readonly kind: 'labels'; readonly path: readonly [string, string] | readonly [string] }
  /** A label selector at `spec.selector`, with `matchLabels` alone or with expressions. */
  | { readonly kind: 'selector'; readonly expressions: boolean }
  | { readonly kind: 'podSelector' }
  /** A label selector of Services at `spec.selector`. */
  | { readonly kind: 'services' };

const LABELS_ALONE: Selection = { kind: 'selector', expressions: false };
const WORKLOADS: Selection = { kind: 'labels', path: ['workloadSelector', 'labels'] };

/** By kind; who else has a kind of this name and selects likewise is meant as well. */
const SELECTIONS = new Map<string, Selection>([
  ['Service', { kind: 'labels', path: ['selector'] }],
  ['NetworkPolicy', { kind: 'podSelector' }],
  ['PodMonitor', { kind: 'selector', expressions: true }],
  ['ServiceMonitor', { kind: 'services' }],
  ['AuthorizationPolicy', LABELS_ALONE],
  ['PeerAuthentication', LABELS_ALONE],
  ['RequestAuthentication', LABELS_ALONE],
  ['Telemetry', LABELS_ALONE],
  ['WasmPlugin', LABELS_ALONE],
  ['Sidecar', WORKLOADS],
  ['EnvoyFilter', WORKLOADS],
]);

/** An object that belongs to no track, as it is written: what names the workload names both tracks, or the one it says. */
export function configurationObject(
  given: Manifest,
  label: TrackLabel,
  names: HashedNames,
): Manifest {
  if (isExternalSecret(given)) return externalSecretWith(given, names);
  const object = withHashedNames(given, names);
  const selection = SELECTIONS.get(object.kind);
  if (selection === undefined) return object;
  const track = trackOf(object);
  const spec = objectAt(object, 'spec');
  return withSpec(object, selected(spec, selection, label, track));
}

function selected(
  spec: JsonObject,
  selection: Selection,
  label: TrackLabel,
  track: Side | undefined,
): JsonObject {
  const onSelector = (it: JsonObject) =>
    track === undefined ? selectorOnBoth(it, label) : selectorOn(it, label, track);
  switch (selection.kind) {
    case 'labels':
      return labelsIn(spec, selection.path, (it) =>
        track === undefined ? labelsWithBase(it, label) : labelsOn(it, label, track),
      );
    case 'selector': {
      if (!isObject(spec.selector)) return spec;
      // Nothing but expressions can mean two values of one label.
      const isKept = !selection.expressions && track === undefined && !keepsLabels(label);
      return isKept ? spec : { ...spec, selector: onSelector(spec.selector) };
    }
    case 'services': {
      const matchLabels = labelsAt(spec, 'selector', 'matchLabels');
      if (track === undefined || !isObject(spec.selector)) return spec;
      const selector = { ...spec.selector, matchLabels: { ...matchLabels, [TRACK_LABEL]: track } };
      return { ...spec, selector };
    }
    case 'podSelector': {
      const both = podSelectorsIn(spec, (it) => selectorOnBoth(it, label));
      if (track === undefined || !isObject(spec.podSelector)) return both;
      return { ...both, podSelector: onSelector(spec.podSelector) };
    }
  }
}

function labelsIn(
  spec: JsonObject,
  [first, second]: readonly [string, string] | readonly [string],
  change: (labels: Labels) => Labels,
): JsonObject {
  const found = spec[first];
  if (!isObject(found)) return spec;
  if (second === undefined) return { ...spec, [first]: change(labelsAt(found)) };
  if (!isObject(found[second])) return spec;
  return { ...spec, [first]: { ...found, [second]: change(labelsAt(found, second)) } };
}

/** The one track that an object says it means. */
function trackOf({ metadata }: Manifest): Side | undefined {
  return TRACKS.find((it) => it === metadata.annotations?.[TRACKS_ANNOTATION]);
}

/** What is wrong with what an object says of the tracks that it means. */
export function tracksMistakes({ path, object }: Authored, label: TrackLabel): Mistake[] {
  const got = object.metadata.annotations?.[TRACKS_ANNOTATION];
  if (got === undefined) return [];
  const place = `${TRACKS_ANNOTATION} of ${object.kind} ${object.metadata.name}`;
  if (SELECTIONS.get(object.kind) === undefined) {
    const why = isOnEachTrack(object) ? 'it is written for each track' : 'it selects no pods';
    return [{ path, problem: `${place} has no effect: ${why}`, got, remedy: 'leave it out' }];
  }
  if (got !== 'primary' && got !== 'canary' && got !== 'both')
    return [
      { path, problem: `${place} is not a track`, got, remedy: 'use primary, canary or both' },
    ];
  if (got !== 'both' || keepsLabels(label)) return [];
  return [
    {
      path,
      problem: `${place} cannot be both: selectorLabel gives ${label.key} another value on each track`,
      got,
      remedy: 'leave selectorLabel out, or make an object for each track',
    },
  ];
}

function isOnEachTrack(object: Manifest): boolean {
  return (
    workloadKindOf(object) !== undefined ||
    isAutoscaler(object) ||
    isKind(object, 'policy', 'PodDisruptionBudget') ||
    isKind(object, 'autoscaling.k8s.io', 'VerticalPodAutoscaler')
  );
}

/** What is wrong with the Services that the author made beside the release's own. */
export function serviceObjectMistakes(
  { path, object }: Authored,
  context: {
    /** Names of those that the release makes. */
    readonly taken: readonly string[];
    readonly label: TrackLabel;
    readonly pods: readonly Labels[];
  },
): Mistake[] {
  if (!isKind(object, '', 'Service')) return [];
  const { label } = context;
  const { name, annotations } = object.metadata;
  // What it selects does not matter where it must go.
  if (context.taken.includes(name))
    return [
      {
        path,
        problem: 'a Service has the name of one that the release makes',
        got: name,
        remedy:
          'leave it out, as prop service describes it; of a file or a chart with ' +
          `\`omit: [{ kind: 'Service', name: '${name}' }]\`; or rename it`,
      },
    ];
  const mistakes: Mistake[] = [];
  const got = labelsWithBase(labelsAt(object, 'spec', 'selector'), label);
  if (Object.keys(got).length === 0 || annotations?.[TRACKS_ANNOTATION] !== undefined)
    return mistakes;
  const isOfOne = `annotate it with ${TRACKS_ANNOTATION}: primary`;
  if (!keepsLabels(label) && namesWorkload(got, label))
    mistakes.push({
      path,
      problem: `Service ${name} selects by ${label.key} as before it had tracks, which matches no pod`,
      got,
      remedy: `${isOfOne}, or canary`,
    });
  else if (context.pods.length > 1 && context.pods.every((pod) => hasAll(pod, got)))
    mistakes.push({
      path,
      problem: `Service ${name} selects the pods of both tracks: the canary would get traffic beside its weight`,
      got,
      remedy: `${isOfOne}, or canary; or both, where it leads to no users, such as for metrics`,
    });
  return mistakes;
}

/** What is wrong with objects that can only select by labels, and would find the pods of neither track. */
export function podSelectorMistakes({ path, object }: Authored, label: TrackLabel): Mistake[] {
  const selection = SELECTIONS.get(object.kind);
  if (keepsLabels(label) || selection === undefined || isKind(object, '', 'Service')) return [];
  if (selection.kind === 'podSelector' || selection.kind === 'services') return [];
  if (selection.kind === 'selector' && selection.expressions) return [];
  if (trackOf(object) !== undefined) return [];
  const selectors = [
    labelsAt(object, 'spec', 'selector', 'matchLabels'),
    labelsAt(object, 'spec', 'workloadSelector', 'labels'),
  ];
  return selectors
    .filter((it) => Object.keys(it).length > 0 && namesWorkload(it, label))
    .map((got) => ({
      path,
      problem: `${object.kind} ${object.metadata.name} selects by ${label.key} as before it had tracks, which matches no pod`,
      got,
      remedy: `select by another label that the pods carry, or annotate it with ${TRACKS_ANNOTATION}: primary`,
    }));
}

/** What is wrong with ConfigMaps and Secrets. */
export function versionedMistakes(
  { path, object }: Authored,
  literals: 'allowed' | 'refused' | 'never allowed',
): Mistake[] {
  const { name } = object.metadata;
  if (object.sops !== undefined)
    return [
      {
        path,
        problem: `${object.kind} ${name} is encrypted by SOPS and must reach Git byte for byte`,
        remedy:
          "leave it out of workload and give the release `verbatim: [verbatim('path/to/file.yaml')]`",
      },
    ];
  const literal = ['data', 'stringData'].filter(
    (key) => Object.keys(objectAt(object, key)).length > 0,
  );
  if (object.kind !== 'Secret' || literal.length === 0 || literals === 'allowed') return [];
  return [
    {
      path,
      problem: `Secret ${name} has values that would be readable in Git`,
      got: `${literal.join(' and ')} with ${literal.flatMap((key) => Object.keys(objectAt(object, key))).join(', ')}`,
      remedy:
        literals === 'never allowed'
          ? 'use a SealedSecret or an ExternalSecret, or make it by hand'
          : 'use a SealedSecret, a SOPS file (verbatim) or an ExternalSecret (allowKinds), or set allowLiteralSecrets: true',
    },
  ];
}
