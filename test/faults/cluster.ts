import { isDeepStrictEqual } from 'node:util';
import { type Gitops, playGitops, type Sync } from '../../analyzer/simulated/gitops.ts';
import { SERVED_KINDS, type ServedKind } from '../../analyzer/simulated/served-kinds.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { playWorkloads } from '../../analyzer/simulated/workloads.ts';
import { type EmbeddedApiServer, startApiServer } from '../embedded/api-server.ts';
import { type EmbeddedPrometheus, startPrometheus } from '../embedded/prometheus.ts';
import { exposure, imagesOf } from './exposure.ts';
import { liveReader } from './live-reader.ts';
import { temperOf } from './releases.ts';

/** An API server with controllers, a GitOps controller for each release, and a metric store, in real time. */
export interface Cluster {
  readonly api: EmbeddedApiServer;
  readonly metrics: EmbeddedPrometheus;
  /** Why an object is refused; nothing of a commit that holds it is applied. */
  admission: (object: Manifest) => string | undefined;
  /** The objects of a release that are there now. */
  objects(release: string): readonly Manifest[];
  /** What users of a release get now: percent by image. */
  served(release: string): ReadonlyMap<string, number>;
  /** The commit that was applied last for a release. */
  applied(release: string): string | undefined;
  /** The most of a release's requests that an image ever got, in percent. */
  most(release: string, image: string): number;
  stop(): Promise<void>;
}

/** Every so often controllers get a turn. */
const BEAT_MS = 150;

const KINDS: readonly ServedKind[] = [
  ...SERVED_KINDS,
  { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', namespaced: true },
];

/** Starts it on the run branch of a bare repository. @param beatMs between two turns of the controllers */
export async function startCluster(
  repository: string,
  releases: readonly string[],
  beatMs = BEAT_MS,
): Promise<Cluster> {
  const clock = () => Date.now() / 1000;
  const api = await startApiServer({ clock, kinds: KINDS });
  const reader = liveReader(repository, releases);
  const workloads = playWorkloads({ store: api, clock, startSeconds });
  const watch = watchTraffic(api, clock);
  const metrics = await startPrometheus({ clock, answer: watch.answer });
  let admission: Cluster['admission'] = () => undefined;
  const syncs = releases.map((release): readonly [string, Gitops] => [
    release,
    playGitops({
      reader,
      store: api,
      clock,
      kinds: KINDS,
      release,
      intervalSeconds: 0.3,
      admission: (object) => admission(object),
    }),
  ]);
  const byRelease = new Map(syncs);
  let tip: string | undefined;
  const beat = async () => {
    const now = await reader.resolve('main').catch(() => tip);
    const moved = now !== tip;
    const all = await Promise.all(
      // What nobody pushed to is only looked at where something was refused before.
      (moved ? syncs : syncs.filter(([id]) => byRelease.get(id)?.lastApplied() !== now)).map(
        ([, it]) => it.beat().catch((): Sync => ({ kind: 'idle' })),
      ),
    );
    if (all.every((it) => it.kind === 'applied')) tip = now;
    workloads.beat();
    playJobs(api);
    watch.beat(releases);
  };
  const turns = repeat(beat, beatMs);
  return {
    api,
    metrics,
    get admission() {
      return admission;
    },
    set admission(it) {
      admission = it;
    },
    objects: (release) => inNamespace(api, release),
    served: (release) => exposure(inNamespace(api, release), release),
    applied: (release) => byRelease.get(release)?.lastApplied(),
    most: watch.most,
    async stop() {
      await turns.stop();
      await Promise.all([api.stop(), metrics.stop()]);
    },
  };
}

/** One turn after the other, never two at once. */
function repeat(
  turn: () => Promise<void>,
  everyMs: number,
): { readonly stop: () => Promise<void> } {
  let stopped = false;
  let wake: () => void = () => undefined;
  const run = async () => {
    while (!stopped) {
      await turn();
      await new Promise<void>((done) => {
        wake = done;
        setTimeout(done, everyMs);
      });
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}

function startSeconds(image: string): number {
  return temperOf(image) === 'slow' ? 1e9 : 0.2;
}

/** Jobs end at once. */
function playJobs(api: EmbeddedApiServer): void {
  for (const it of api.list()) {
    if (it.kind !== 'Job') continue;
    const { name, namespace } = it.metadata as { name: string; namespace: string };
    const failed = JSON.stringify(it).includes(':job-');
    const conditions = [{ type: failed ? 'Failed' : 'Complete', status: 'True' }];
    api.setStatus({ apiVersion: 'batch/v1', kind: 'Job', name, namespace }, { conditions });
  }
}

interface Seen {
  readonly at: number;
  /** Percent by image. */
  readonly exposure: ReadonlyMap<string, number>;
  /** Image by workload. */
  readonly images: ReadonlyMap<string, string>;
}

/** What users get, seen every beat; the metric store answers from it. */
function watchTraffic(api: EmbeddedApiServer, clock: () => number) {
  const seen = new Map<string, Seen[]>();
  return {
    beat(releases: readonly string[]) {
      const all = byNamespace(api.list());
      for (const id of releases) {
        const list = seen.get(id) ?? [];
        const own = all.get(id) ?? [];
        const now = { exposure: exposure(own, id), images: imagesOf(own) };
        const { at: _, ...before } = list.at(-1) ?? { at: 0 };
        // Most of the time nothing changes.
        if (!isDeepStrictEqual(before, now)) list.push({ at: clock(), ...now });
        seen.set(id, list);
      }
    },
    most(release: string, image: string): number {
      return Math.max(0, ...(seen.get(release) ?? []).map((it) => it.exposure.get(image) ?? 0));
    },
    /** The percent of good answers that a workload gave, as of a moment; undefined where nobody asked it. */
    answer(query: string, at: number): number | undefined {
      const [, release = '', workload = ''] =
        /namespace="([^"]+)",workload="([^"]+)"/.exec(query) ?? [];
      const then = (seen.get(release) ?? []).findLast((it) => it.at <= at + 0.2);
      const image = then?.images.get(workload) ?? '';
      if ((then?.exposure.get(image) ?? 0) === 0) return undefined;
      return temperOf(image) === 'bad' ? 50 : 99.9;
    },
  };
}

function byNamespace(objects: readonly Manifest[]): ReadonlyMap<string, readonly Manifest[]> {
  const found = new Map<string, Manifest[]>();
  for (const it of objects) {
    const namespace = namespaceOf(it) ?? '';
    found.set(namespace, [...(found.get(namespace) ?? []), it]);
  }
  return found;
}

function inNamespace(api: EmbeddedApiServer, namespace: string): readonly Manifest[] {
  return api.list().filter((it) => namespaceOf(it) === namespace);
}

function namespaceOf({ metadata }: Manifest): string | undefined {
  return (metadata as { readonly namespace?: string }).namespace;
}
