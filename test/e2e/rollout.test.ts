import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubernetes } from '../../analyzer/cluster/kubernetes.ts';
import type { Status } from '../../analyzer/core/phase.ts';
import { openLocal, openRepository, type Reader } from '../../analyzer/git/index.ts';
import { walk } from '../../analyzer/history/history.ts';
import { prometheus } from '../../analyzer/metrics/prometheus.ts';
import { newReadMemory } from '../../analyzer/situation/situation.ts';
import type { Analyzer } from '../../analyzer/tick/analyzer.ts';
import { newMemory } from '../../analyzer/tick/analyzer.ts';
import { pushing } from '../../analyzer/tick/delivery.ts';
import { atRest, type TickReport, tick } from '../../analyzer/tick/tick.ts';
import { oneCluster } from '../../analyzer/tick/world.ts';
import { podinfo } from '../../apps/podinfo.ts';
import {
  canary,
  Duration,
  latency,
  type Release,
  render,
  successRate,
  Testing,
} from '../../lib/index.ts';
import { type Author, cloneAsAuthor, GIT_ENVIRONMENT } from '../demo/author.ts';
import { type GitServer, startGitServer } from '../embedded/git-server.ts';
import { oneStore } from '../one-store.ts';
import { applier } from './applier.ts';
import { variant, withDeploymentSpec } from './plans.ts';
import { playKubelet } from './pods.ts';
import {
  istioCrdsPath,
  type Kubernetes,
  missingKubernetes,
  startKubernetes,
} from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';
import { missingPrometheus, type Prometheus, startPrometheus } from './servers/prometheus.ts';
import { trafficHistory } from './traffic.ts';

/** Two releases of podinfo, side by side: one works, and half of the other's requests fail. */
const RELEASES = [
  { id: 'podinfo', namespace: 'test', failedPercent: 0 },
  { id: 'podinfo-bad', namespace: 'test-bad', failedPercent: 50 },
] as const;

const missing =
  missingKubernetes(['istio-crds.yaml', 'kube-controller-manager']) ?? missingPrometheus();
describe('a rollout on real servers', { skip: isMissing(missing) }, () => {
  let folder: string;
  let cluster: Kubernetes;
  let metrics: Prometheus;
  let git: GitServer;
  let author: Author;
  let reader: Reader;
  let analyzer: Analyzer;
  let gitops: Loop;
  const cleanups: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perch-rollout-e2e-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    cluster = await startKubernetes({ crds: [istioCrdsPath()], controllerManager: true });
    cleanups.push(cluster.stop);
    for (const { namespace } of RELEASES) await cluster.kubectl(['create', 'namespace', namespace]);
    metrics = await startPrometheus({ openMetrics: history() });
    cleanups.push(metrics.stop);
    git = await startGitServer();
    cleanups.push(git.stop);
    author = await cloneAsAuthor(git.url, join(folder, 'author'));
    reader = await openLocal({ folder: git.folder, environment: GIT_ENVIRONMENT });
    cleanups.push(reader.close);
    const branch = { remote: git.url, branch: 'main' };
    const repository = await openRepository({
      run: branch,
      source: branch,
      identity: { name: 'Perch', email: 'perch@example.com' },
      environment: GIT_ENVIRONMENT,
    });
    cleanups.push(repository.close);
    analyzer = {
      repository,
      delivery: pushing,
      clusters: oneCluster(kubernetes({ kubeconfig: cluster.kubeconfigPath })),
      metrics: oneStore(prometheus({ address: metrics.url })),
      clock: () => Date.now() / 1000,
      memory: newMemory(),
    };
    gitops = playOthers(cluster, reader);
    cleanups.push(gitops.stop);
  });
  afterAll(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });

  test('is promoted when its metrics are good, and rolls back when they are not', async () => {
    await publish(author, 'podinfo:1');
    await untilRest(analyzer, gitops);
    expect(await phases()).toEqual(['Initialized', 'Initialized']);
    const [, before] = await liveTrees();

    await publish(author, 'podinfo:2');
    await untilRest(analyzer, gitops);
    expect(await phases()).toEqual(['Succeeded', 'Failed']);
    const after = await liveTrees();
    // The bad one is what it was before; the good one is not.
    expect(after[1]).toBe(before);

    expect(await subjects('podinfo')).toEqual([
      'podinfo: initialize podinfo:1',
      'podinfo: initialized podinfo:1',
      'podinfo: start podinfo:2',
      'podinfo: weight 0 → 20',
      'podinfo: weight 20 → 50',
      'podinfo: promote: the primary gets podinfo:2',
      'podinfo: weight 50 → 0',
      'podinfo: promoted podinfo:2',
    ]);
    expect(await subjects('podinfo-bad')).toEqual([
      'podinfo-bad: initialize podinfo:1',
      'podinfo-bad: initialized podinfo:1',
      'podinfo-bad: start podinfo:2',
      'podinfo-bad: weight 0 → 20',
      'podinfo-bad: roll back: weight 20 → 0',
      'podinfo-bad: rolled back: the stable set is restored',
    ]);
  }, 240_000);

  test('leaves the cluster with the image that Git says', async () => {
    await gitops.applied((await reader.resolve('main')) ?? '');
    const images = async (namespace: string) => {
      const path = '{range .items[*]}{.metadata.name}={..image} {.spec.replicas},{end}';
      const flags = [`--namespace=${namespace}`, `--output=jsonpath=${path}`];
      return cluster.kubectl(['get', 'deployments', ...flags]);
    };
    expect(await images('test')).toBe('podinfo-canary=podinfo:2 0,podinfo-primary=podinfo:2 2,');
    expect(await images('test-bad')).toBe(
      'podinfo-canary=podinfo:1 0,podinfo-primary=podinfo:1 2,',
    );
  });

  test('perch verify finds nothing wrong', async () => {
    const { stdout } = await perch('verify');
    expect(stdout.split('\n').filter((it) => it !== '')).toEqual([
      'podinfo: verified, 8 transitions, 8 commits checked for other paths, plans found in the source',
      'podinfo-bad: verified, 6 transitions, 6 commits checked for other paths, plans found in the source',
    ]);
  });

  async function phases(): Promise<readonly string[]> {
    const { stdout } = await perch('status', '--json');
    return (JSON.parse(stdout) as Status[]).map((it) => it.phase);
  }

  function perch(...args: readonly string[]) {
    const command = ['--import', 'tsx', 'analyzer/main.ts', ...args, '--repo', git.folder];
    return promisify(execFile)(process.execPath, command);
  }

  async function liveTrees(): Promise<readonly (string | undefined)[]> {
    const run = await reader.resolve('main');
    return (await reader.list({ run, source: run })).map((it) => it.live);
  }

  async function subjects(id: string): Promise<readonly (string | undefined)[]> {
    const { visits } = await walk(
      reader,
      (await reader.resolve('main')) ?? '',
      id,
      newReadMemory(),
    );
    expect(visits.flatMap((it) => it.problems)).toEqual([]);
    return visits.map(({ commit }) => commit.message.split('\n')[0]?.replace(/ \(.*/, ''));
  }
});

/** Both releases with one image; all waiting times as short as real servers allow. */
function releases(image: string): readonly Release[] {
  return RELEASES.map(({ id, namespace }) => {
    const app = podinfo(Testing.apps(), { image });
    const window = Duration.seconds(5);
    return variant(
      app,
      {
        namespace,
        name: 'podinfo',
        workload: withDeploymentSpec(app, { minReadySeconds: 1 }),
        strategy: canary({ stepWeights: [20, 50] }),
        analysis: {
          checkPeriod: Duration.seconds(1),
          bakeTime: Duration.seconds(3),
          settleTime: Duration.seconds(1),
          syncInterval: Duration.seconds(3),
          threshold: 2,
          checks: [
            successRate({ min: 99, window }),
            latency({ quantile: 0.99, max: Duration.millis(500), window }),
          ],
        },
      },
      id,
    );
  });
}

/** Merges what synth writes for one image. */
async function publish(author: Author, image: string): Promise<void> {
  const rendered = await Promise.all(releases(image).map(render));
  const files = rendered.flatMap(({ id, files }) =>
    [...files].map(([path, content]): [string, string] => [
      `dist/${id}/${path}`,
      Buffer.from(content).toString('utf8'),
    ]),
  );
  const at = Math.floor(Date.now() / 1000);
  await author.push({ subject: image, at, replaces: ['dist'], files: new Map(files) });
}

/** From before the test to after its end. */
function history(): string {
  const now = Math.floor(Date.now() / 1000);
  const canaries = RELEASES.map(({ namespace, failedPercent }) => ({
    workload: 'podinfo-canary',
    namespace,
    requestsPerSecond: 100,
    failedPercent,
  }));
  return trafficHistory(canaries, { start: now - 60, end: now + 600 });
}

/** GitOps tool and kubelets. */
interface Loop {
  /** Waits until a commit is applied. @throws what went wrong in the loop */
  applied(commit: string): Promise<void>;
  /** @throws what went wrong in the loop */
  check(): void;
  stop(): Promise<void>;
}

/** Syncs `live/` and makes pods ready, about once a second, until it is stopped. */
function playOthers(server: Kubernetes, reader: Reader): Loop {
  const { kubectl } = server;
  const { apply } = applier(server);
  const kubelets = RELEASES.map(({ namespace }) => playKubelet(kubectl, namespace));
  let isStopped = false;
  let applied: string | undefined;
  let failure: unknown;
  const run = async () => {
    while (!isStopped) {
      const revision = await reader.resolve('main');
      if (revision !== undefined && revision !== applied) {
        const texts = await liveTexts(reader, revision);
        if (texts.length > 0) await apply(texts);
        applied = revision;
      }
      for (const kubelet of kubelets) await kubelet.beat();
      await sleep(300);
    }
  };
  const ended = run().catch((error: unknown) => {
    failure = error;
  });
  const check = () => {
    if (failure !== undefined) throw failure;
  };
  return {
    check,
    async applied(commit) {
      while (applied !== commit) {
        check();
        await sleep(100);
      }
    },
    async stop() {
      isStopped = true;
      await ended;
    },
  };
}

async function liveTexts(reader: Reader, revision: string): Promise<readonly string[]> {
  const trees = await reader.list({ run: revision, source: undefined });
  const folders = await Promise.all(
    trees.map(async ({ live }) =>
      live === undefined ? [] : [...(await reader.files(live)).values()],
    ),
  );
  return reader.texts(folders.flat());
}

/** Lets the analyzer look once a second until every release is at rest. */
async function untilRest(analyzer: Analyzer, gitops: Loop): Promise<void> {
  const deadline = Date.now() + 110_000;
  let report: TickReport | undefined;
  while (report === undefined || !atRest(report)) {
    if (Date.now() > deadline) {
      const reasons = report?.outcomes.map((it) => `${it.release}: ${it.decision.reason}`);
      throw new Error(`no rest: ${reasons?.join('; ')}`);
    }
    gitops.check();
    report = await tick(analyzer);
    expect(report.refused).toBeUndefined();
    await sleep(1000);
  }
}
