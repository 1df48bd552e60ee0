import { quote } from '../../../lib/plan/plain.ts';
import type { FileInfo, Plan } from '../../../lib/plan/plan.ts';
import {
  contentRefusal,
  kindRefusal,
  namespaceRefusal,
  type Policy,
} from '../../../lib/plan/policy.ts';
import type { Refusal } from '../../../lib/plan/refusal.ts';
import type { PlanTree } from '../position.ts';
import { type ManifestFile, type ManifestReading, readManifest } from './manifest.ts';

/** A blob of a plan as Git holds it. */
export type BlobText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** So many reasons say enough; what is wrong with a file of a hostile plan need not be looked for further. */
const MOST_REASONS = 5;

/** Names that a hostile plan made up may be long. */
const LONGEST_REASON = 600;

/** Words and signs of a plan's files together: reading them takes some seconds, once. */
export const MOST_TOKENS = 2_000_000;

/**
 * Why a plan must not be pinned, whatever it is compared with: what its files really hold, byte for byte, is not
 * what plan.yaml says, or nothing that a release may hold. Each reason names the file, the object and the remedy.
 *
 * @param id the folder below dist/ that the plan was found in
 * @param texts the text of each blob of its steps, by blob id
 */
export function planFaults(
  id: string,
  tree: PlanTree,
  texts: ReadonlyMap<string, BlobText>,
  policy: Policy,
): readonly string[] {
  return [...planExamination(id, tree, texts, policy)].flatMap((it) => it ?? []);
}

/**
 * The same, file by file, for a caller who has something else to do meanwhile: undefined is a rest, one after each
 * file.
 */
export function* planExamination(
  id: string,
  tree: PlanTree,
  texts: ReadonlyMap<string, BlobText>,
  policy: Policy,
): Generator<string | undefined> {
  let found = 0;
  for (const fault of allFaults({ id, tree, texts, policy })) {
    yield fault === undefined ? undefined : quote(fault, LONGEST_REASON);
    if (fault !== undefined) found += 1;
    if (found === MOST_REASONS) return;
  }
}

/** Blob ids of the files of all steps, each once: what `planFaults` wants the texts of. */
export function manifestBlobs({ plan, blobs }: PlanTree): readonly string[] {
  const oids = stepPaths(plan).flatMap(({ path }) => blobs.get(path) ?? []);
  return [...new Set(oids)].filter(isFile);
}

interface Examined {
  readonly id: string;
  readonly tree: PlanTree;
  readonly texts: ReadonlyMap<string, BlobText>;
  readonly policy: Policy;
}

/** Lazily: the costly part comes last, and a plan that is refused already is not read to its end. */
function* allFaults(it: Examined): Generator<string | undefined> {
  yield* planYamlFaults(it);
  yield* treeFaults(it);
  let tokens = 0;
  for (const [oid, places] of placesByBlob(it.tree)) {
    const reading = readingOf(it.texts.get(oid));
    tokens += reading.kind === 'read' ? reading.tokens : 0;
    if (tokens > MOST_TOKENS)
      return yield `the files of dist/${it.id} have more than ${MOST_TOKENS} words and signs: make it smaller`;
    for (const { path, info } of places) {
      const fault = fileFault(it, reading, info);
      if (fault !== undefined) yield `dist/${it.id}/${path} ${fault}`;
    }
    yield undefined;
  }
}

interface Place {
  readonly path: string;
  readonly info: FileInfo;
}

/** Each file with what plan.yaml says of it. A blob that stands in many places is read once. */
function placesByBlob({ plan, blobs }: PlanTree): ReadonlyMap<string, readonly Place[]> {
  const places = new Map<string, Place[]>();
  const seen = new Set<string>();
  for (const { path, name } of stepPaths(plan)) {
    const oid = blobs.get(path);
    const info = plan.files[name];
    const key = `${oid} ${name}`;
    if (oid === undefined || info === undefined || !isFile(oid) || seen.has(key)) continue;
    seen.add(key);
    const known = places.get(oid);
    if (known === undefined) places.set(oid, [{ path, info }]);
    else known.push({ path, info });
  }
  return places;
}

function readingOf(blob: BlobText | undefined): ManifestReading {
  if (blob?.kind === 'text') return readManifest(blob.text);
  return { kind: 'refused', reason: `cannot be read: ${blob?.reason ?? 'it was not read'}` };
}

function* planYamlFaults({ id, tree: { plan } }: Examined): Generator<string> {
  const place = `dist/${id}/plan.yaml`;
  if (plan.release !== id)
    yield `${place} is the plan of release ${plan.release}: run \`npm run synth\`, and rename no folder`;
  const namespace = namespaceRefusal(plan.namespace);
  if (namespace !== undefined) yield `${place} ${refusalText(namespace)}`;
  const used = new Set(stepPaths(plan).map((it) => it.name));
  for (const [name, info] of Object.entries(plan.files)) {
    if (!used.has(name)) yield `${place} describes ${name}, which no step holds: ${SYNTH}`;
    if (!/\.yaml$/.test(name) || RESERVED.test(name.slice(name.lastIndexOf('/') + 1)))
      yield `${place} names the file ${name}, which a GitOps tool takes for something else than a manifest: ${SYNTH}`;
    if (info.kind === 'Secret' && info.asked)
      yield `${place} wants Secret ${info.name} to be read from the cluster, which is never done: ${SYNTH}`;
  }
}

const SYNTH = 'run `npm run synth` and commit dist/ as it is';

/** Files that make Flux or Argo CD render a folder instead of applying its manifests. */
const RESERVED = /^(?:kustomization|chart)\.yaml$/i;

/** Only files, only those that steps name: what nobody looks at could be applied, or hide in `live/`, one day. */
function* treeFaults({ id, tree: { plan, blobs } }: Examined): Generator<string> {
  const wanted = new Set(stepPaths(plan).map(({ path }) => path));
  for (const path of wanted) if (!blobs.has(path)) yield `dist/${id}/${path} is missing: ${SYNTH}`;
  for (const [path, oid] of blobs) {
    const shown = `dist/${id}/${path.length > 200 ? `${path.slice(0, 200)}…` : path}`;
    if (!isFile(oid)) yield `${shown} is a symbolic link or a submodule: put the file there`;
    else if (!wanted.has(path) && !OWN_FILES.has(path))
      yield `${shown} belongs to no step: take it away, or ${SYNTH}`;
  }
}

const OWN_FILES: ReadonlySet<string> = new Set(['plan.yaml', 'PLAN.md']);

/** Links and submodules carry their mode in front of their id. */
function isFile(oid: string): boolean {
  return !oid.includes(':');
}

/** Where a plan's files lie: those of its steps, and those of its candidate as the next rollout's baseline. */
function stepPaths(plan: Plan): readonly { readonly path: string; readonly name: string }[] {
  const steps = plan.steps.flatMap((step) =>
    step.files.map((name) => ({ path: `steps/${step.name}/${name}`, name })),
  );
  const baseline = plan.baseline ?? [];
  return [...steps, ...baseline.map((name) => ({ path: `as-stable/baseline/${name}`, name }))];
}

function fileFault(
  { tree: { plan }, policy }: Examined,
  reading: ManifestReading,
  info: FileInfo,
): string | undefined {
  if (reading.kind === 'refused') return reading.reason;
  const { manifest } = reading;
  const kind = kindRefusal(manifest, policy);
  if (kind !== undefined) return refusalText(kind);
  const fault = namespaceFault(manifest, plan.namespace) ?? identityFault(manifest, info);
  if (fault !== undefined) return fault;
  const content = contentRefusal(manifest);
  return content && refusalText(content);
}

function refusalText({ problem, remedy, kind }: Refusal): string {
  return `${problem}: ${remedy}${kind === undefined ? '' : `, or allow it with --allow-kind ${kind}`}`;
}

function namespaceFault(it: ManifestFile, namespace: string): string | undefined {
  if (it.namespace === namespace) return undefined;
  const where = it.namespace === undefined ? 'without a namespace' : `in namespace ${it.namespace}`;
  return `holds ${it.kind} ${it.name} ${where}, and the release is in ${namespace}: give it metadata.namespace "${namespace}"`;
}

/** What the cluster is asked for is what plan.yaml says; so it must be what the file holds. */
function identityFault(it: ManifestFile, info: FileInfo): string | undefined {
  const same =
    it.apiVersion === info.apiVersion &&
    it.kind === info.kind &&
    it.name === info.name &&
    it.namespace === info.namespace;
  if (same) return undefined;
  return `holds ${identity(it)}, and plan.yaml says ${identity(info)}: ${SYNTH}`;
}

function identity(it: Omit<ManifestFile, 'at'> | FileInfo): string {
  return `${it.kind} ${it.namespace ?? '(no namespace)'}/${it.name} (${it.apiVersion})`;
}
