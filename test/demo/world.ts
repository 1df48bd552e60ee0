import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { kubernetes } from '../../analyzer/cluster/kubernetes.ts';
import { openLocal, openRepository, type Reader } from '../../analyzer/git/index.ts';
import { prometheus } from '../../analyzer/metrics/prometheus.ts';
import { type Gitops, playGitops, type Sync } from '../../analyzer/simulated/gitops.ts';
import { playTraffic, type TrafficOptions } from '../../analyzer/simulated/traffic.ts';
import { playWorkloads } from '../../analyzer/simulated/workloads.ts';
import type { Analyzer } from '../../analyzer/tick/analyzer.ts';
import { newMemory } from '../../analyzer/tick/analyzer.ts';
import { pushing } from '../../analyzer/tick/delivery.ts';
import { oneCluster } from '../../analyzer/tick/world.ts';
import { type EmbeddedApiServer, startApiServer } from '../embedded/api-server.ts';
import { type GitServer, startGitServer } from '../embedded/git-server.ts';
import { startPrometheus } from '../embedded/prometheus.ts';
import { oneStore } from '../one-store.ts';
import { type Author, cloneAsAuthor, GIT_ENVIRONMENT } from './author.ts';
import { type Clock, paced } from './clock.ts';
import { growth } from './growth.ts';
import { answer } from './queries.ts';

/** Everything around the analyzer, in this process and on loopback. */
export interface World {
  readonly clock: Clock;
  readonly git: GitServer;
  readonly api: EmbeddedApiServer;
  readonly author: Author;
  /** The bare repository, as the GitOps controller reads it. */
  readonly reader: Reader;
  /** The real one, with the demo's clock. */
  readonly analyzer: Analyzer;
  readonly gitops: Gitops;
  /** Lets a few seconds pass for controllers and users. @returns what the GitOps controller did */
  beat(): Promise<Sync>;
  /** Stops it, and removes all that need not be kept. */
  stop(): Promise<void>;
}

/** What the world is made of. */
export interface WorldOptions {
  readonly release: TrafficOptions['release'];
  readonly behaviour: TrafficOptions['behaviour'];
  readonly factor: number;
  readonly signal: AbortSignal;
  /** Where the bare repository is left; it must not exist, or be empty. @default - nothing is left */
  readonly keep?: string | undefined;
  readonly onReady: (what: string, detail: string) => void;
  /**
   * When its clock starts, in Unix seconds.
   * @default - a fixed time, so that each run makes the very same commits
   */
  readonly start?: number;
}

/** How often controllers and users get a turn, in simulated seconds. */
const BEAT_SECONDS = 5;

const START = Date.UTC(2026, 0, 5, 9) / 1000;

/** Starts the servers and players. @throws Error when `keep` is taken, or git is missing */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { onReady, signal } = options;
  if (options.keep !== undefined) await assertFree(options.keep);
  const cleanups: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const clock = paced({ start: options.start ?? START, factor: options.factor, signal });
    const { now } = clock;
    const folder = await mkdtemp(join(tmpdir(), 'perch-demo-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    const keep = options.keep ?? join(folder, 'repository.git');
    const git = await startGitServer({ folder: keep, clock: now });
    cleanups.push(git.stop);
    onReady('git', `an empty bare repository at ${git.url}`);
    const api = await startApiServer({ clock: now });
    cleanups.push(api.stop);
    onReady(
      'cluster',
      `a Kubernetes API at ${api.url}, with GitOps, Deployment and HPA controllers`,
    );
    const workloads = playWorkloads({ store: api, clock: now });
    const traffic = playTraffic({ ...options, store: api, workloads, clock: now });
    const metrics = await startPrometheus({
      clock: now,
      answer: (query, at) => growth(traffic, query, at) ?? answer(traffic, query, at),
    });
    cleanups.push(metrics.stop);
    onReady('metrics', `a Prometheus API at ${metrics.url}, with synthetic traffic`);
    const author = await cloneAsAuthor(git.url, join(folder, 'author'));
    const environment = GIT_ENVIRONMENT;
    const reader = await openLocal({ folder: git.folder, environment });
    cleanups.push(reader.close);
    const branch = { remote: git.url, branch: 'main' };
    const identity = { name: 'Perch', email: 'perch@example.com' };
    const repository = await openRepository({ run: branch, source: branch, identity, environment });
    cleanups.push(repository.close);
    const gitops = playGitops({ reader, store: api, clock: now });
    const analyzer: Analyzer = {
      repository,
      delivery: pushing,
      clusters: oneCluster(kubernetes({ kubeconfig: api.kubeconfigPath })),
      metrics: oneStore(prometheus({ address: metrics.url })),
      clock: now,
      memory: newMemory(),
    };
    const beat = async () => {
      await clock.pass(BEAT_SECONDS);
      workloads.beat();
      traffic.beat();
      return gitops.beat();
    };
    return { clock, git, api, author, reader, analyzer, gitops, beat, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assertFree(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR')
      throw new Error(`--keep: ${resolve(folder)} is a file: name a new folder`);
    throw error;
  });
  if (entries.length > 0)
    throw new Error(`--keep: ${resolve(folder)} is not empty: name a new folder, or an empty one`);
}
