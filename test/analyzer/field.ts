import { stringify } from 'yaml';
import type { Cluster } from '../../analyzer/cluster/cluster.ts';
import type { ObjectReading } from '../../analyzer/core/cluster/reading.ts';
import type { Sample } from '../../analyzer/core/judge/series.ts';
import type { PlanTree } from '../../analyzer/core/position.ts';
import { openLocal, type Reader, type Repository } from '../../analyzer/git/index.ts';
import type { MetricStores } from '../../analyzer/metrics/store.ts';
import type { Analyzer } from '../../analyzer/tick/analyzer.ts';
import { newMemory } from '../../analyzer/tick/analyzer.ts';
import { pushing } from '../../analyzer/tick/delivery.ts';
import { type TickReport, tick } from '../../analyzer/tick/tick.ts';
import { oneCluster } from '../../analyzer/tick/world.ts';
import { afterFile } from '../cleanups.ts';
import { type MemoryRemote, memoryRemote } from '../embedded/git-memory.ts';
import { oneStore } from '../one-store.ts';
import { blobs, plan, T0 } from './core/fixture.ts';
import { bare, git, IDENTITY, merge, open } from './git/fixture.ts';
import { noCounters } from './no-counters.ts';

/** A repository with releases in it, a person who edits it, and a cluster and metrics in memory. */
export interface Field {
  readonly world: FakeWorld;
  /** Time of everything, in Unix seconds; tests move it on. */
  now: number;
  /** An analyzer with a clone of its own; `wrap` may spy on it or get in its way. */
  analyzer(wrap?: (it: Repository) => Repository): Promise<Analyzer>;
  /** Somebody who only reads; closed after the tests of the file. */
  reader(): Promise<Reader>;
  /** Merges a plan for each release, in one commit. */
  release(plans: Readonly<Record<string, PlanTree>>): Promise<string>;
  /** Deletes folders, and writes files, as a person would. */
  edit(files: Readonly<Record<string, string>>, removes?: readonly string[]): Promise<string>;
  /** The text of a file on the run branch, without the newline at its end. */
  read(path: string): string;
  /** The id of a commit, tree or blob: `main~1`, `main:live/app`. */
  id(revision: string): string;
  /** Subjects of the run branch's commits, the oldest first; the last so many. @default - all */
  subjects(count?: number): readonly string[];
}

/** A field on a real repository. */
export interface GitField extends Field {
  /** What git clones and pushes to. */
  readonly url: string;
  /** The bare repository behind it. */
  readonly folder: string;
}

/** What the analyzer sees of the world: in memory, and always in order unless told otherwise. */
export interface FakeWorld {
  readonly cluster: Cluster;
  readonly metrics: MetricStores;
  /** Applies live/ of the run branch. */
  sync(): Promise<void>;
  /** The value of a release's check. @default 99.9 */
  value: (release: string, at: number) => number | undefined;
}

/** Where the commits of a field are, and who makes them. */
type Ground = Pick<MemoryRemote, 'id' | 'read' | 'subjects' | 'write'> & {
  readonly open: () => Promise<Repository>;
  readonly reader: () => Promise<Reader>;
};

/** Opens a field on a bare repository. @param url how git reaches it @default - the folder itself */
export async function openField(folder: string, url = folder): Promise<GitField> {
  const ground = {
    ...person(folder),
    open: () => open(url),
    reader: () => openReader(folder),
  };
  return Object.assign(fieldOn(ground), { url, folder });
}

/** Opens a field in memory, where the way to the repository plays no part: git itself would start a hundred processes. */
export function openMemoryField(remote = memoryRemote()): Field {
  const repository = async () => remote.open(IDENTITY);
  return fieldOn({ ...remote, open: repository, reader: repository });
}

function fieldOn(ground: Ground): Field {
  const field: Field = {
    world: fakeWorld(ground.reader, () => field.now),
    now: T0,
    reader: ground.reader,
    async analyzer(wrap = (it) => it) {
      const repository = wrap(await ground.open());
      const { cluster, metrics } = field.world;
      const clusters = oneCluster(cluster);
      return {
        repository,
        delivery: pushing,
        clusters,
        metrics,
        clock: () => field.now,
        memory: newMemory(),
      };
    },
    async release(plans) {
      const ids = Object.keys(plans);
      const files = ids.flatMap((id) => [...distFiles(id, plans[id] ?? plan('v1'))]);
      const removes = ids.map((id) => `dist/${id}`);
      const subject = `release ${ids.join(', ')}`;
      return ground.write({ subject, at: field.now, removes, files });
    },
    async edit(files, removes = []) {
      const subject = 'by hand';
      return ground.write({ subject, at: field.now, removes, files: Object.entries(files) });
    },
    read: (path) => ground.read(path).trim(),
    id: ground.id,
    subjects: (count = 0) => ground.subjects().slice(-count),
  };
  return field;
}

/** What is asked of main by a person whom no analyzer knows of. */
export function person(folder: string): Pick<MemoryRemote, 'id' | 'read' | 'subjects' | 'write'> {
  return {
    id: (revision) => git(folder, 'rev-parse', revision),
    read: (path) => git(folder, 'show', `main:${path}`),
    subjects: () => git(folder, 'log', '--reverse', '--format=%s', 'main').split('\n'),
    write: ({ subject, at, removes, files }) =>
      merge(folder, Object.fromEntries(files), { at, message: subject, removes }),
  };
}

/** The files of dist/<id>, with a namespace and a query of the release's own. */
export function distFiles(id: string, of: PlanTree): ReadonlyMap<string, string> {
  const text = (it: string) => it.replaceAll('"namespace":"test"', `"namespace":"${id}"`);
  const files = Object.entries(of.plan.files).map(([name, it]) => [name, { ...it, namespace: id }]);
  const checks = of.plan.checks.map((it) => ({ ...it, ask: { canary: id } }));
  const whole = {
    ...of.plan,
    release: id,
    name: id,
    namespace: id,
    checks,
    files: Object.fromEntries(files),
  };
  return new Map([
    [`dist/${id}/plan.yaml`, stringify(whole, { aliasDuplicateObjects: false })],
    ...[...of.blobs].map(([path, oid]): [string, string] => [
      `dist/${id}/${path}`,
      text(blobs.get(oid) ?? ''),
    ]),
  ]);
}

/** Ticks, and lets the cluster follow, until every release is at rest. */
export async function untilRest(field: Field, analyzer: Analyzer): Promise<readonly TickReport[]> {
  const reports: TickReport[] = [];
  for (let ticks = 0; ticks < 40; ticks++) {
    const report = await tick(analyzer);
    reports.push(report);
    await field.world.sync();
    if (report.outcomes.every((it) => it.decision.kind === 'rest')) return reports;
    field.now += 70;
  }
  throw new Error(
    `no rest: ${reports
      .at(-1)
      ?.outcomes.map((it) => it.decision.reason)
      .join('; ')}`,
  );
}

/** Ticks until the release stands in a step. */
export async function untilStep(
  field: Field,
  analyzer: Analyzer,
  id: string,
  step: string,
): Promise<void> {
  for (let ticks = 0; ticks < 40; ticks++) {
    await tick(analyzer);
    await field.world.sync();
    if (field.read(`rollouts/${id}/state.yaml`).includes(`step: ${step}`)) return;
    field.now += 70;
  }
  throw new Error(`${id} never came to ${step}`);
}

/** A field in memory whose release `app` runs v1 and stands in a step of v2; the way there is walked once. */
export async function inStep(
  step: string,
): Promise<{ readonly field: Field; readonly analyzer: Analyzer }> {
  const { remote, now } = await walked(step);
  return arrived(openMemoryField(remote.fork()), now);
}

/** The same on a real repository, which may be served. */
export async function inStepOfGit(
  step: string,
  serve: (folder: string) => Promise<string> = async (folder) => folder,
): Promise<{ readonly field: GitField; readonly analyzer: Analyzer }> {
  const { remote, now } = await walked(step);
  const { folder } = await bare();
  await remote.save(folder);
  return arrived(await openField(folder, await serve(folder)), now);
}

function walked(step: string): ReturnType<typeof walk> {
  const known = remotes.get(step) ?? walk(step);
  remotes.set(step, known);
  return known;
}

const remotes = new Map<string, ReturnType<typeof walk>>();

async function walk(step: string) {
  const remote = memoryRemote();
  const field = openMemoryField(remote);
  const analyzer = await field.analyzer();
  await field.release({ app: plan('v1') });
  await untilRest(field, analyzer);
  await field.release({ app: plan('v2') });
  await untilStep(field, analyzer, 'app', step);
  return { remote, now: field.now };
}

async function arrived<F extends Field>(
  field: F,
  now: number,
): Promise<{ readonly field: F; readonly analyzer: Analyzer }> {
  field.now = now;
  await field.world.sync();
  return { field, analyzer: await field.analyzer() };
}

function fakeWorld(open: () => Promise<Reader>, clock: () => number): FakeWorld {
  let reader: Reader | undefined;
  const held = new Map<string, { readonly text: string; readonly object: unknown }>();
  const read = (key: string): ObjectReading => {
    const it = held.get(key);
    return it === undefined ? { kind: 'absent' } : { kind: 'found', object: it.object };
  };
  const world: FakeWorld = {
    value: () => 99.9,
    cluster: {
      read: async (refs) => ({
        kind: 'known',
        value: {
          objects: refs.map((it) => read(`${it.kind}/${it.namespace}/${it.name}`)),
          serverTime: clock(),
        },
      }),
    },
    metrics: oneStore({
      kind: 'prometheus',
      ...noCounters,
      values: async ({ query }, { start, end, stepSeconds }) => {
        const samples: Sample[] = [];
        for (let at = start; at <= end; at += stepSeconds) {
          const value = world.value(query, at);
          if (value !== undefined) samples.push({ at, value });
        }
        return { kind: 'known', value: { samples, serverTime: clock() } };
      },
    }),
    async sync() {
      reader ??= await open();
      const texts = await liveTexts(reader);
      const wanted = new Map(texts.map((text) => [keyOf(text), text]));
      for (const key of held.keys()) if (!wanted.has(key)) held.delete(key);
      for (const [key, text] of wanted)
        if (held.get(key)?.text !== text) held.set(key, { text, object: applied(text, clock()) });
    },
  };
  return world;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec?: { readonly replicas?: number };
}

function keyOf(text: string): string {
  const { kind, metadata } = JSON.parse(text) as Manifest;
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

/** The object with what an API server and ready pods add. */
function applied(text: string, at: number): unknown {
  const object = JSON.parse(text) as Manifest;
  const replicas = object.spec?.replicas ?? 1;
  const fieldsV1 = { 'f:metadata': { 'f:annotations': { 'f:perch/digest': {} } } };
  const time = new Date(at * 1000).toISOString();
  const counts = { replicas, updatedReplicas: replicas, availableReplicas: replicas };
  return {
    ...object,
    metadata: { ...object.metadata, generation: 1, managedFields: [{ time, fieldsV1 }] },
    status: { observedGeneration: 1, ...counts },
  };
}

async function openReader(folder: string): Promise<Reader> {
  const reader = await openLocal({ folder });
  afterFile(() => reader.close());
  return reader;
}

async function liveTexts(reader: Reader): Promise<readonly string[]> {
  const run = await reader.resolve('main');
  const all = await reader.list({ run, source: run });
  const trees = all.flatMap((it) => it.live ?? []);
  const files = await Promise.all(trees.map((it) => reader.files(it)));
  return reader.texts(files.flatMap((it) => [...it.values()]));
}
