import { DIGEST_ANNOTATION, type FileInfo, STEP_ANNOTATION } from '../../../lib/plan/plan.ts';
import { at, atKeys } from '../../../lib/plan/pointer.ts';
import { readYaml } from '../../../lib/plan/read-yaml.ts';
import type { Answer } from '../answer.ts';
import type { Rollout } from '../situation.ts';
import { unix } from '../state.ts';
import type { Applied, Liveness, ObjectReading, ObjectRef } from './reading.ts';

/** What the cluster must show for one file of `live/<id>`. */
export interface Target {
  readonly file: string;
  readonly ref: ObjectRef;
  readonly digest: string;
  /** Values that the file declares at the pointers which its plan names. */
  readonly declared: readonly { readonly pointer: string; readonly value: unknown }[];
}

/** One question to the cluster: an object that must be there, or one that must be gone. */
export type Question =
  | { readonly kind: 'there'; readonly target: Target; readonly ref: ObjectRef }
  | { readonly kind: 'gone'; readonly ref: ObjectRef };

/**
 * Reads what a file of `live/` asks of the cluster.
 *
 * @throws Error when it cannot be read, or carries no digest, as every file that is asked for must
 */
export function target(file: string, info: FileInfo, text: string): Target {
  const reading = readYaml(text);
  if (reading.kind === 'refused') throw new Error(`live file ${file} ${reading.reason}`);
  const object = reading.value;
  const digest = annotation(object, DIGEST_ANNOTATION);
  if (digest === undefined)
    throw new Error(
      `live file ${file} has no ${DIGEST_ANNOTATION} annotation; run \`npm run synth\` again`,
    );
  const declared = (info.pointers ?? []).map((pointer) => ({
    pointer,
    value: at(object, pointer),
  }));
  return { file, ref: reference(info), digest, declared };
}

/** What to ask the cluster about a rollout's position. */
export function clusterQuestions(
  rollout: Rollout,
  targets: readonly Target[],
): readonly Question[] {
  const present = new Set(targets.map((it) => refText(it.ref)));
  return [
    ...targets.map((it): Question => ({ kind: 'there', target: it, ref: it.ref })),
    ...rollout.state.removed
      .filter((ref) => !present.has(refText(ref)))
      .map((ref): Question => ({ kind: 'gone', ref })),
    ...jobsToCome(rollout).map((ref): Question => ({ kind: 'gone', ref })),
  ];
}

/** A Job that an earlier try left would pass for this one's: nothing goes on until it is gone. */
function jobsToCome({ plan, files, state }: Rollout): readonly ObjectRef[] {
  if (state.position.kind !== 'step') return [];
  return Object.entries(plan.plan.files)
    .filter(([name, info]) => info.role === 'job' && !files.has(name))
    .map(([, info]) => reference(info));
}

/**
 * Whether a position is live and since when: every object carries the digest of its file, routing objects
 * show the declared values, removed objects are gone. Since: the latest of the commit and of the
 * managedFields entries that own the annotations of the routes and of the objects that the commit changed.
 *
 * @param readings one for each question, in its order
 * @param applied what the sync object says; asked for where the objects alone cannot tell
 */
export function liveness(
  rollout: Rollout,
  questions: readonly Question[],
  readings: Answer<readonly ObjectReading[]>,
  applied: Applied,
  now: number,
): Liveness {
  if (readings.kind === 'unknown') return readings;
  const pairs = questions.map((question, index) => ({ question, reading: readings.value[index] }));
  for (const { question, reading } of pairs)
    if (reading === undefined || reading.kind === 'unknown')
      return {
        kind: 'unknown',
        reason: `${refText(question.ref)}: ${reading?.reason ?? 'no answer'}`,
      };
  const missing = pairs.flatMap(({ question, reading }) => unmet(question, reading));
  const sync = applied.kind === 'behind' ? [applied.reason] : [];
  const refused = applied.kind === 'behind' ? applied.refused : undefined;
  if (missing.length > 0) return { kind: 'waiting', reason: listed(missing, sync), refused };
  if (bringsBack(rollout)) {
    if (applied.kind === 'unknown') return applied;
    if (applied.kind === 'behind') return { kind: 'waiting', reason: applied.reason, refused };
  }
  const untilSeconds = earliest(rollout, applied);
  if (now < untilSeconds)
    return {
      kind: 'waiting',
      reason: 'the commit brings earlier objects back: its sync cannot be told from what was there',
      untilSeconds,
    };
  return { kind: 'live', sinceSeconds: liveSince(rollout, pairs, untilSeconds) };
}

/**
 * Whether the position may bring digests back that the cluster still shows from before, as the rollback does, or
 * an adoption of A, B and A again: then only the sync object, or time, tells whether it is applied.
 */
export function bringsBack({ state: { kind, position } }: Rollout): boolean {
  return (
    position.kind === 'back' || position.kind === 'stable' || kind === 'resume' || kind === 'adopt'
  );
}

/** The newest step of this candidate that the cluster's routing objects show; none before its first. */
export function shownStep(
  candidate: string,
  readings: Answer<readonly ObjectReading[]>,
): string | undefined {
  if (readings.kind === 'unknown') return undefined;
  const marks = readings.value.flatMap((it) =>
    it.kind === 'found' ? (annotation(it.object, STEP_ANNOTATION) ?? []) : [],
  );
  // Objects that few steps write keep the mark of the step that wrote them last.
  const own = marks.filter((it) => it.startsWith(`${candidate}/`)).sort();
  return own.at(-1)?.slice(candidate.length + 1);
}

/** `Deployment test/podinfo-canary`. */
export function refText(ref: ObjectRef): string {
  return `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;
}

/** When the entries that own the digest annotation were last written; undefined where nobody owns it. */
export function appliedAt(object: unknown): number | undefined {
  const entries = at(object, '/metadata/managedFields');
  if (!Array.isArray(entries)) return undefined;
  const times = entries
    .filter(
      (it) =>
        atKeys(it, ['fieldsV1', 'f:metadata', 'f:annotations', `f:${DIGEST_ANNOTATION}`]) !==
        undefined,
    )
    .map((it) => Date.parse(String(at(it, '/time'))) / 1000)
    .filter((it) => !Number.isNaN(it));
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Whether an object in the cluster is the one that a file asks for, by its digest; an unreadable one may be. */
export function isSynced({ digest }: Target, reading: ObjectReading | undefined): boolean {
  return reading?.kind !== 'found' || annotation(reading.object, DIGEST_ANNOTATION) === digest;
}

/** Whether an answer is what a question wants to see. */
export function isShown(question: Question, reading: ObjectReading | undefined): boolean {
  return unmet(question, reading).length === 0;
}

/** What of an answer is not as the question wants it; nothing where all is. */
export function wrongIn(question: Question, reading: ObjectReading | undefined): readonly string[] {
  if (reading?.kind === 'unknown') return [`${refText(question.ref)}: ${reading.reason}`];
  return unmet(question, reading);
}

/** The value of an annotation; undefined where there is none. */
export function annotation(object: unknown, key: string): string | undefined {
  const value = atKeys(object, ['metadata', 'annotations', key]);
  return typeof value === 'string' ? value : undefined;
}

/** Names the object of a file. */
export function reference(info: FileInfo): ObjectRef {
  return {
    apiVersion: info.apiVersion,
    kind: info.kind,
    namespace: info.namespace,
    name: info.name,
  };
}

function unmet(question: Question, reading: ObjectReading | undefined): readonly string[] {
  const name = refText(question.ref);
  if (question.kind === 'gone') return reading?.kind === 'absent' ? [] : [`${name} is still there`];
  if (reading?.kind !== 'found') return [`${name} does not exist yet`];
  // It goes, with whatever it serves, as soon as its finalizers let it.
  if (at(reading.object, '/metadata/deletionTimestamp') !== undefined)
    return [`${name} is being deleted`];
  if (annotation(reading.object, DIGEST_ANNOTATION) !== question.target.digest)
    return [`${name} is not synced yet`];
  return question.target.declared
    .filter(({ pointer, value }) => !covers(at(reading.object, pointer), value))
    .map(
      ({ pointer }) =>
        `${name} differs at ${pointer}: it was edited by hand, or its sync is under way`,
    );
}

/** Whether every leaf that is declared is there with the same value; more in the cluster is fine in objects. */
function covers(actual: unknown, declared: unknown): boolean {
  if (Array.isArray(declared))
    return (
      Array.isArray(actual) &&
      actual.length === declared.length &&
      declared.every((it, index) => covers(actual[index], it))
    );
  if (typeof declared !== 'object' || declared === null)
    // A declared weight of 0 may be left out by a server that drops zero values.
    return actual === declared || (declared === 0 && actual === undefined);
  return Object.entries(declared).every(
    ([key, value]) =>
      typeof actual === 'object' && actual !== null && covers(Reflect.get(actual, key), value),
  );
}

/** Without a sync object, a position that brings digests back is given the time that a sync may take. */
function earliest(rollout: Rollout, applied: Applied): number {
  const blind = applied.kind === 'unasked' && bringsBack(rollout);
  return unix(rollout.state.at) + (blind ? rollout.plan.plan.analysis.syncSeconds : 0);
}

function liveSince(
  rollout: Rollout,
  pairs: readonly { question: Question; reading: ObjectReading | undefined }[],
  earliestSeconds: number,
): number {
  // Routes count whoever wrote them last: a weight that was edited and corrected starts the bake again.
  const counts = (file: string) =>
    rollout.state.changed.includes(file) || rollout.files.get(file)?.info.role === 'routing';
  const times = pairs.map(({ question, reading }) =>
    question.kind === 'there' && counts(question.target.file) && reading?.kind === 'found'
      ? (appliedAt(reading.object) ?? 0)
      : 0,
  );
  return Math.max(unix(rollout.state.at), earliestSeconds, ...times);
}

function listed(reasons: readonly string[], sync: readonly string[]): string {
  const more = reasons.length > 3 ? [`and ${reasons.length - 3} more`] : [];
  return [...reasons.slice(0, 3), ...more, ...sync].join('; ');
}
