import type { Cluster } from '../cluster/cluster.ts';
import type { ReleaseTrees, Repository } from '../git/repository.ts';
import type { MetricStore } from '../metrics/store.ts';
import type { Analyzer } from '../tick/analyzer.ts';
import type { Provider } from './metrics.ts';

/** Is told of what passes between the analyzer and the world. */
export interface Watcher {
  asked(provider: Provider, seconds: number): void;
  /** Every release that a tick saw, the ones at rest too. */
  listed(releases: readonly ReleaseTrees[]): void;
}

/** The same analyzer, with each of its questions timed. */
export function watched(analyzer: Analyzer, watcher: Watcher): Analyzer {
  const timed = async <T>(provider: Provider, question: Promise<T>): Promise<T> => {
    const began = performance.now();
    try {
      return await question;
    } finally {
      watcher.asked(provider, (performance.now() - began) / 1000);
    }
  };
  const cluster = (it: Cluster): Cluster => ({
    read: (objects, until) => timed('kubernetes', it.read(objects, until)),
  });
  const store = (it: MetricStore): MetricStore => ({
    kind: it.kind,
    values: (question, points, until) => timed(it.kind, it.values(question, points, until)),
    growth: (question, points, until) => timed(it.kind, it.growth(question, points, until)),
  });
  const { repository, metrics } = analyzer;
  const watchedRepository: Repository = {
    ...repository,
    fetch: () => timed('git', repository.fetch()),
    push: (commit) => timed('git', repository.push(commit)),
    list: async (at) => {
      const releases = await repository.list(at);
      watcher.listed(releases);
      return releases;
    },
  };
  return {
    ...analyzer,
    repository: watchedRepository,
    metrics: new Map([...metrics].map(([name, it]) => [name, store(it)])),
    clusters: analyzer.clusters.map((it) => ({
      ...it,
      cluster: cluster(it.cluster),
      ...(it.sync === undefined ? {} : { sync: { ...it.sync, cluster: cluster(it.sync.cluster) } }),
    })),
  };
}
