import {
  isObject,
  type Json,
  type Labels,
  labelsAt,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { ADDRESS_LABEL, isKind, mapObjects } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { type Names, onTrack, TRACKS } from '../names.ts';
import { namesTrack, type TrackLabel } from './tracks.ts';
import { type HashedNames, withHashedNames } from './versioned.ts';

/** An object that belongs to no track, as it is written: what names the workload names both tracks. */
export function configurationObject(
  object: Manifest,
  label: TrackLabel,
  names: HashedNames,
): Manifest {
  if (isKind(object, '', 'ServiceAccount')) return withHashedNames(object, names);
  if (!isKind(object, 'networking.k8s.io', 'NetworkPolicy')) return object;
  return { ...object, spec: mapObjects(objectAt(object, 'spec'), (it) => bothTracks(it, label)) };
}

/** Label selectors are lists of conditions: one with `In` selects the pods of both tracks. */
function bothTracks(
  object: { readonly [key: string]: Json | undefined },
  label: TrackLabel,
): typeof object {
  const { matchLabels } = object;
  if (!isObject(matchLabels) || !namesTrack(labelsAt(matchLabels), label)) return object;
  const rest = Object.entries(matchLabels).filter(
    ([key]) => key !== label.key && key !== ADDRESS_LABEL,
  );
  const given = Array.isArray(object.matchExpressions) ? object.matchExpressions : [];
  // The old value stays: while a running Deployment is being adopted, its pods still serve.
  const values = [label.base, ...TRACKS.map((track) => onTrack(label.name, track))];
  const matchExpressions = [...given, { key: label.key, operator: 'In', values }];
  const others = rest.length === 0 ? undefined : Object.fromEntries(rest);
  return { ...object, matchLabels: others, matchExpressions };
}

/** What is wrong with the Services that the author made beside the release's own. */
export function serviceObjectMistakes(
  { path, object }: Authored,
  context: { readonly names: Names; readonly label: TrackLabel; readonly pods: readonly Labels[] },
): Mistake[] {
  if (!isKind(object, '', 'Service')) return [];
  const { names, label } = context;
  const { name } = object.metadata;
  // What it selects does not matter where it must go.
  if ([names.apex, names.primary, names.canary].includes(name))
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
  const selector = labelsAt(object, 'spec', 'selector');
  if (Object.keys(selector).length === 0) return mistakes;
  if (namesTrack(selector, label))
    mistakes.push({
      path,
      problem: `Service ${name} selects by ${label.key} as before it had tracks, which matches no pod`,
      got: selector,
      remedy: `select ${label.key}: ${names.primary} or ${names.canary}`,
    });
  else if (
    context.pods.length > 1 &&
    context.pods.every((pod) =>
      Object.entries(selector).every(([key, value]) => pod[key] === value),
    )
  )
    mistakes.push({
      path,
      problem: `Service ${name} selects the pods of both tracks: the canary would get traffic beside its weight`,
      got: selector,
      remedy: `select one track by ${label.key}: ${names.primary} or ${names.canary}`,
    });
  return mistakes;
}

/** Kinds that select pods of their namespace, and guard or watch nothing when they match none. */
const POD_SELECTING = new Set(
  'AuthorizationPolicy PeerAuthentication RequestAuthentication Telemetry WasmPlugin Sidecar EnvoyFilter PodMonitor'.split(
    ' ',
  ),
);

/** What is wrong with objects that select the workload's pods by the label that now tells its tracks. */
export function podSelectorMistakes({ path, object }: Authored, label: TrackLabel): Mistake[] {
  if (!POD_SELECTING.has(object.kind)) return [];
  const selectors = [
    labelsAt(object, 'spec', 'selector', 'matchLabels'),
    labelsAt(object, 'spec', 'workloadSelector', 'labels'),
  ];
  return selectors
    .filter((it) => namesTrack(it, label))
    .map((got) => ({
      path,
      problem: `${object.kind} ${object.metadata.name} selects by ${label.key} as before it had tracks, which matches no pod`,
      got,
      remedy: 'select by another label that the pods carry: both tracks keep it',
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
