import type { Mistake, Reproof } from './mistake.ts';
import type { Track } from './plan/plan.ts';
import { isLabel } from './validation/rules/names.ts';

/** The names that follow from a release's name. */
export interface Names {
  /** Apex Service, and the stem of the others. */
  readonly apex: string;
  readonly primary: string;
  readonly canary: string;
  readonly baseline: string;
  readonly namespace: string;
  /** What runs the pods of each track; the names above are those of Services. */
  readonly workloads: Readonly<Record<Track, string>>;
}

/** A track that users reach at some time of every rollout. */
export type Side = Exclude<Track, 'baseline'>;

/** Both sides, in the order in which sets are written. */
export const TRACKS: readonly Side[] = ['primary', 'canary'];

/**
 * Names of a release's Services and Deployments.
 *
 * @param services names of the Services of the tracks that have some of the author's
 */
export function namesOf(
  release: { readonly name: string; readonly namespace: string },
  services: { readonly [T in Side]?: string | undefined } = {},
): Names {
  const { name, namespace } = release;
  const workloads = {
    primary: onTrack(name, 'primary'),
    canary: onTrack(name, 'canary'),
    baseline: onTrack(name, 'baseline'),
  };
  const { primary = workloads.primary, canary = workloads.canary } = services;
  return { apex: name, primary, canary, baseline: workloads.baseline, namespace, workloads };
}

/** A name on one track. */
export function onTrack(name: string, track: Track): string {
  return `${name}-${track}`;
}

/** What a DNS label (RFC 1123) would not allow in a name. */
export function labelMistakes(path: string, field: string, name: string): Mistake[] {
  return labelReproofs(field, name).map((it) => ({ path, ...it }));
}

/** The same, of a construct. */
export function labelReproofs(field: string, name: string): Reproof[] {
  if (isLabel(name)) return [];
  return [
    {
      problem: `${field} must be a DNS label`,
      got: name,
      remedy:
        'use at most 63 lower-case letters, digits and dashes, a letter or digit at both ends',
    },
  ];
}

/** What a name that got a suffix must fit into. */
export function lengthMistakes(path: string, field: string, name: string): Mistake[] {
  if (name.length <= 63) return [];
  return [
    {
      path,
      problem: `${field} is longer than 63 characters after suffixing`,
      got: name,
      remedy: `shorten it by ${name.length - 63}`,
    },
  ];
}

/** What a Service's name (RFC 1035) would not allow. */
export function serviceNameMistakes(path: string, field: string, name: string): Mistake[] {
  const mistakes = labelMistakes(path, field, name);
  if (mistakes.length > 0 || /^[a-z]/.test(name)) return mistakes;
  return [
    {
      path,
      problem: `${field} must begin with a letter, as Services do`,
      got: name,
      remedy: 'put a letter first',
    },
  ];
}
