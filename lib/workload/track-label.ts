import { type Labels, labelsAt, type Manifest } from '../manifest/json.ts';
import { ADDRESS_LABEL, podLabels } from '../manifest/manifest.ts';
import { onTrack } from '../names.ts';
import { TRACK_LABEL, type Track } from '../plan/plan.ts';

/** Label that the pods of both tracks share where none of the author's says which pods they are. */
const RELEASE_LABEL = 'perch/release';

/** Labels by which people usually look for an application. */
const USUAL_LABELS = ['app', 'name', 'app.kubernetes.io/name'] as const;

/** How pods of the workload are found, and told apart by track. */
export interface TrackLabel {
  /**
   * `perch/track`, which comes to the author's labels; or one of the author's, whose value becomes `<name>-<track>` as with
   * Flagger.
   */
  readonly key: string;
  /** Labels by which the author's own selectors find the pods, before these are on a track. */
  readonly base: Labels;
  /** Labels of the pods by which people look for an application, so for its Services as well. */
  readonly usual: Labels;
  /** The value of cdk8s-plus' path-derived label, where the workload has one. */
  readonly address: string | undefined;
  /** Name of the release. */
  readonly name: string;
}

/**
 * Finds the labels of a release's pods.
 *
 * @param key the release's `selectorLabel`, where it is given
 */
export function trackLabelOf(
  workload: Manifest | undefined,
  name: string,
  key: string = TRACK_LABEL,
): TrackLabel {
  const pods = workload === undefined ? {} : podLabels(workload);
  const selector = labelsAt(workload, 'spec', 'selector', 'matchLabels');
  const own = without(selector, ADDRESS_LABEL, TRACK_LABEL);
  const address = pods[ADDRESS_LABEL];
  const usual = Object.fromEntries(
    USUAL_LABELS.flatMap((it) => (pods[it] === undefined ? [] : [[it, pods[it]]])),
  );
  if (key !== TRACK_LABEL) {
    const value = selector[key] ?? pods[key] ?? workload?.metadata.name ?? name;
    return { key, base: { [key]: value }, usual, address, name };
  }
  const base = Object.keys(own).length > 0 ? own : { [RELEASE_LABEL]: name };
  return { key, base, usual, address, name };
}

/** Whether the pods keep all of the author's labels, so that the author's selectors find both tracks. */
export function keepsLabels({ key }: TrackLabel): boolean {
  return key === TRACK_LABEL;
}

/** The labels that the pods of one track have, and no other pods. */
export function selectorOf(label: TrackLabel, track: Track): Labels {
  return keepsLabels(label)
    ? { ...label.base, [label.key]: track }
    : { [label.key]: onTrack(label.name, track) };
}

/** The labels by which one Service finds the pods of both tracks. */
export function bothOf(label: TrackLabel): Labels {
  return keepsLabels(label) ? label.base : { [RELEASE_LABEL]: label.name };
}

/** Labels with which the Services of the tracks are found, as a Service of the author's would be. */
export function serviceLabels(label: TrackLabel, track: Track): Labels {
  return { ...label.usual, ...label.base, [TRACK_LABEL]: track };
}

/** Whether labels in a selector mean the workload by the author's own name for it. */
export function namesWorkload(labels: Labels, { base, address }: TrackLabel): boolean {
  const byAddress = address !== undefined && labels[ADDRESS_LABEL] === address;
  return byAddress || Object.entries(base).every(([key, value]) => labels[key] === value);
}

/** Labels without some of their keys. */
export function without(labels: Labels, ...keys: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([it]) => !keys.includes(it)));
}
