/** What `npm run test:e2e` leaves to `npm run test:e2e:all`. */
interface LeftOut {
  /** Below `test/e2e/`. */
  readonly file: string;
  /** Titles of tests, or of a `describe` with all that is in it. @default - the whole file */
  readonly titles?: readonly string[];
  /** What holds the promise meanwhile. */
  readonly heldBy: string;
}

/**
 * The one list of what the core does without: each promise is tried once in it, and what takes its minutes to try it
 * another time, with another tool or another strategy, is for before a release.
 */
export const LEFT_OUT: readonly LeftOut[] = [
  {
    file: 'stories/faults.test.ts',
    titles: [
      'the API server is gone',
      'the Git server is gone',
      'Prometheus is gone',
      'the analyzer is killed at every stage',
      'the sync tool is stopped',
      'Envoy is restarted',
    ],
    heldBy:
      'test:faults: outside, git, kills, races; outages: the cluster is lost; readiness; processes/patience',
  },
  {
    file: 'stories/outages.test.ts',
    titles: ['the gateway is restarted', 'a node is lost'],
    heldBy: 'the cluster is lost; the simulation: outages',
  },
  {
    file: 'stories/main.test.ts',
    titles: ['a release with real servers, applied by flux'],
    heldBy: 'the same story with Argo CD; the other stories, most of them with Flux',
  },
  {
    file: 'stories/refusals.test.ts',
    titles: ['what the cluster refuses, applied by flux'],
    heldBy: 'the same stories with Argo CD',
  },
  {
    file: 'stories/groups.test.ts',
    heldBy: 'test:faults: upgrades of a group; undo; test/analyzer/tick: groups and undo',
  },
  {
    file: 'stories/evidence.test.ts',
    titles: ['both versions fail alike: nobody is blamed'],
    heldBy: 'the other stories of evidence; test/analyzer/core/judge; bench:judge: shared bursts',
  },
  { file: 'stories/autoscaling.test.ts', heldBy: 'stories/main: its good release has an HPA' },
  {
    file: 'stories/broken-primary.test.ts',
    titles: [
      'all pods of v1 crash: its fix gets out by blue/green',
      'all pods of v1 crash: its fix gets out without analysis',
      'v1 does not come back: the rollback waits while v2 serves',
    ],
    heldBy: 'the fix as a canary; the simulation: rollback-stuck, unready-primary',
  },
  {
    file: 'stories/strategies.test.ts',
    titles: [
      'canary: every weight is the share of the requests',
      'A/B by header: those who ask get the canary, and nobody else',
      'A/B by cookie: those who have it get the canary, and nobody else',
      'shadow: the canary gets a copy of each request, and no user its answer',
      'session affinity: who was on the canary never sees the old version again',
    ],
    heldBy: 'stories/main: weights; traffic-gateway: headers, cookies; blue/green: copies',
  },
  {
    file: 'stories/ways.test.ts',
    titles: [
      'recreate: no two versions at a time, and nobody between',
      'ramped: pod by pod',
      'a worker without a Service: pods alone, forward and back',
      'a StatefulSet part by part, and back from a version that never gets ready',
      'a DaemonSet on two nodes, its route applied by a sync object of its own',
      'two Services that exist already',
    ],
    heldBy: 'examples and walks: every step of them; workloads: under Kubernetes’ own controllers',
  },
  {
    file: 'stories/brought.test.ts',
    titles: [
      'the list of Flagger’s tutorials: a query by app finds the pods of both tracks',
      'a canary by pods is rolled back: the primary grows before the canary goes',
    ],
    heldBy:
      'examples: podinfo and replicas; stories/ways: a canary without a router; the simulation',
  },
  {
    file: 'hosts.test.ts',
    heldBy: 'test/analyzer/hosts: the contract, with servers that answer as documented',
  },
  { file: 'demo.test.ts', heldBy: 'examples and walks: every step of every strategy' },
  { file: 'stack/main.test.ts', heldBy: 'every story, which starts and ends such a stack' },
  { file: 'rollout.test.ts', heldBy: 'stories/main; live: the routes of Istio' },
  { file: 'stack/stack.test.ts', heldBy: 'every story, which starts such a stack' },
  {
    file: 'stack/behaviour.test.ts',
    titles: [
      'are ready at once, later, or never, or crash',
      'fail and take long as their version does, which Prometheus sees',
      'are more when they are busy',
      'a cluster is lost and built again',
    ],
    heldBy: 'the stories, which need pods and clusters that behave so',
  },
];

/** Files that are left out whole, as vitest excludes them. */
export const EXCLUDED = LEFT_OUT.filter((it) => it.titles === undefined).map(
  (it) => `test/e2e/${it.file}`,
);

/** Fits the full name of every test that is in the core. */
export const IN_CORE = new RegExp(
  `^(?!(?:.* )?(?:${LEFT_OUT.flatMap((it) => it.titles ?? [])
    .map((it) => it.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('|')})(?:[ ,]|$))`,
);

/** Says before the core runs what is not in it: a test that is left out looks like one that is not there. */
export default function tell(): void {
  const lines = LEFT_OUT.map(({ file, titles, heldBy }) => {
    const what = titles === undefined ? '' : `: ${titles.join('; ')}`;
    return `  ${file}${what}\n    held meanwhile by ${heldBy}`;
  });
  console.warn(
    `\nTHE CORE ONLY. Left out, and run by npm run test:e2e:all before a release:\n${lines.join('\n')}\n`,
  );
}
