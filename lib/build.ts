import { podSelectorMistakes, serviceObjectMistakes, versionedMistakes } from './configuration.ts';
import type { Labels } from './json.ts';
import type { Mistake } from './mistake.ts';
import { lengthMistakes } from './names.ts';
import { type ObjectsInput, objectsOf, type ReleaseObjects } from './objects.ts';
import { type Parts, partMistakes, partsOf } from './parts.ts';
import type { Release } from './release.ts';
import { targetMistakes } from './service.ts';
import { trackLabelOf } from './tracks.ts';
import { podLabels, runWorkload, type Workload } from './workload.ts';

/** What a release's workload became. */
export interface Built {
  readonly objects: ReleaseObjects | undefined;
  readonly mistakes: readonly Mistake[];
}

/** Makes the release's objects; without a Deployment there are none to make. */
export function build(release: Release): Built {
  const { path, props, names } = release;
  const made = runWorkload({ path, name: names.apex, namespace: names.namespace }, props.workload);
  const parts = partsOf(made.objects, (it) => props.traffic.owns(it));
  const early = [...made.mistakes, ...earlyMistakes(release, made, parts)];
  const deployment = parts.deployments[0];
  if (deployment === undefined) return { objects: undefined, mistakes: early };
  const label = trackLabelOf(deployment.object, names.apex, props.selectorLabel);
  const workload = made.objects.map((it) => it.object);
  const router = { path, names, port: props.service.port, label, workload };
  const input = { path, props, names, parts, deployment, label, router };
  const objects = objectsOf(input);
  return { objects, mistakes: [...early, ...lateMistakes(input, objects)] };
}

function earlyMistakes({ path, props, names }: Release, made: Workload, parts: Parts): Mistake[] {
  // A workload that threw has no objects to judge.
  if (made.objects.length === 0 && made.mistakes.length > 0) return [];
  const secrets = props.allowLiteralSecrets === true;
  return [
    ...parts.versioned.flatMap((it) => versionedMistakes(it, secrets)),
    ...partMistakes(path, made.objects, parts, names),
  ];
}

/** What can be seen once it is known how the tracks are told apart. */
function lateMistakes(input: ObjectsInput, objects: ReleaseObjects): Mistake[] {
  const { path, props, names, label, router } = input;
  const pods = podsOf(objects);
  return [
    ...targetMistakes(path, props.service, input.deployment.object),
    ...selectorLabelMistakes(input),
    ...props.traffic.mistakes(router),
    ...input.parts.others.flatMap((it) => serviceObjectMistakes(it, { names, label, pods })),
    ...input.parts.others.flatMap((it) => podSelectorMistakes(it, label)),
    ...longNames(objects),
  ];
}

function podsOf({ running }: ReleaseObjects): readonly Labels[] {
  return [...running.primary, ...running.canary]
    .map((it) => it.object)
    .filter((it) => it.kind === 'Deployment')
    .map(podLabels);
}

/** The label that tells the tracks apart cannot be one that they share. */
function selectorLabelMistakes({ path, props, names, label }: ObjectsInput): Mistake[] {
  if (props.traffic.sharedLabels(names)[label.key] === undefined) return [];
  const problem = 'selectorLabel would match both tracks: the router gives it one value on both';
  return [{ path, problem, got: label.key, remedy: 'choose another label' }];
}

/** Names that got a suffix; those of the Deployment and the Services follow from the release's own. */
function longNames({ running, versioned }: ReleaseObjects): Mistake[] {
  const suffixed = [...running.primary, ...versioned].filter(
    (it) => it.object.kind !== 'Deployment',
  );
  return suffixed.flatMap((it) =>
    lengthMistakes(it.path, `name of ${it.object.kind}`, it.object.metadata.name),
  );
}
