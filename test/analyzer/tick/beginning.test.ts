import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Cluster } from '../../../analyzer/cluster/cluster.ts';
import type { ObjectReading } from '../../../analyzer/core/cluster/reading.ts';
import { messageText } from '../../../analyzer/git/index.ts';
import { verify } from '../../../analyzer/history/history.ts';
import { intervene } from '../../../analyzer/intervene.ts';
import type { Analyzer } from '../../../analyzer/tick/analyzer.ts';
import { ahead, gitClock } from '../../../analyzer/tick/clocks.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import { oneCluster } from '../../../analyzer/tick/world.ts';
import { afterFile } from '../../cleanups.ts';
import { oneStore } from '../../one-store.ts';
import { plan } from '../core/fixture.ts';
import { type Field, openMemoryField, untilRest } from '../field.ts';

/** What is asked before the first commit of a rollout. */

const PERSON = { by: 'Ann <ann@example.com>', reason: 'moved to a new repository' };
const INIT = { id: 'app', verb: 'begin', request: PERSON } as const;

async function fresh(): Promise<Field> {
  const field = openMemoryField();
  await field.release({ app: plan('v1') });
  return field;
}

async function decisionOf(analyzer: Analyzer) {
  const [outcome] = (await tick(analyzer)).outcomes;
  if (outcome === undefined) throw new Error('there is one release');
  return { ...outcome.decision, pushed: outcome.commit !== undefined };
}

/** A cluster that answers the same about every object. */
function showing(reading: ObjectReading, kinds = ['Deployment']): Cluster {
  const of = (kind: string): ObjectReading => (kinds.includes(kind) ? reading : { kind: 'absent' });
  return {
    read: async (refs) => ({
      kind: 'known',
      value: { objects: refs.map((it) => of(it.kind)) },
    }),
  };
}

const metadata = (annotations: object) => ({
  kind: 'found' as const,
  object: { metadata: { annotations } },
});
const OURS = metadata({ 'perch/digest': 'abc' });
const THEIRS = metadata({ 'somebody/else': 'abc' });

describe.concurrent('a release that Git knows nothing of', () => {
  test.each([
    ['its primary', ['Deployment'], /Deployment app\/app-primary\)/],
    ['its Service', ['Service'], /Service app\/app\)/],
    ['all of it', ['Deployment', 'Service'], / and 1 more\)/],
  ])(
    'is not initialized where the cluster runs %s, and the remedy is named',
    async (_, kinds, what) => {
      const field = await fresh();
      const analyzer = await field.analyzer();
      const clusters = oneCluster(showing(OURS, kinds));
      const { kind, reason, pushed } = await decisionOf({ ...analyzer, clusters });
      expect([kind, pushed]).toEqual(['rest', false]);
      expect(reason).toMatch(/^the cluster already runs this release/);
      expect(reason).toMatch(what);
      expect(reason).toMatch(/is it the right branch.*`perch begin app` begins anew$/);
    },
  );

  test('takes over what somebody else made, as before', async () => {
    const field = await fresh();
    const clusters = oneCluster(showing(THEIRS));
    const decision = await decisionOf({ ...(await field.analyzer()), clusters });
    expect(decision).toMatchObject({ kind: 'move', transition: 'start', pushed: true });
  });

  test('does not take the address of a load balancer from its users', async () => {
    const field = await fresh();
    const balanced = {
      kind: 'found' as const,
      object: { metadata: {}, spec: { type: 'LoadBalancer' } },
    };
    const clusters = oneCluster(showing(balanced, ['Service']));
    const { kind, reason } = await decisionOf({ ...(await field.analyzer()), clusters });
    expect(kind).toBe('rest');
    expect(reason).toMatch(/^Service \S+\/app is of type LoadBalancer and would become ClusterIP/);
    const same = plan('v2');
    const shape = { ...same.plan.shape, apexType: 'LoadBalancer' as const };
    await field.release({ app: { ...same, plan: { ...same.plan, shape } } });
    const next = await decisionOf({ ...(await field.analyzer()), clusters });
    expect(next).toMatchObject({ kind: 'move', transition: 'start', pushed: true });
  });

  test('without a Service takes none over, whatever one of the author’s is called', async () => {
    const field = await fresh();
    const balanced = {
      kind: 'found' as const,
      object: { metadata: {}, spec: { type: 'LoadBalancer' } },
    };
    const clusters = oneCluster(showing(balanced, ['Service']));
    const alone = plan('v2', { shape: { targetPorts: [] } });
    await field.release({ app: alone });
    const decision = await decisionOf({ ...(await field.analyzer()), clusters });
    expect(decision).toMatchObject({ kind: 'move', transition: 'start', pushed: true });
  });

  test.each<[string, Cluster]>([
    ['cannot be reached', { read: async () => ({ kind: 'unknown', reason: 'api is away' }) }],
    ['may not be read', showing({ kind: 'unknown', reason: 'api is away' })],
  ])('is not initialized while the cluster %s: not knowing is no yes', async (_, cluster) => {
    const field = await fresh();
    const decision = await decisionOf({
      ...(await field.analyzer()),
      clusters: oneCluster(cluster),
    });
    expect(decision).toMatchObject({
      kind: 'hold',
      pushed: false,
      reason: expect.stringMatching(
        /^before its first commit the cluster is asked .*: api is away$/,
      ),
    });
  });

  test('is looked for in each cluster, by what that one holds', async () => {
    const field = await fresh();
    const analyzer = await field.analyzer();
    const away: Cluster = { read: async () => ({ kind: 'unknown', reason: 'away' }) };
    const clusters = [
      { name: 'one', holds: 'workloads' as const, cluster: showing(OURS) },
      { name: 'mesh', holds: 'routes' as const, cluster: away },
    ];
    expect((await decisionOf({ ...analyzer, clusters })).reason).toMatch(/^the cluster already/);
    const none = clusters.map((it) => ({
      ...it,
      cluster: it.name === 'one' ? showing({ kind: 'absent' }) : away,
    }));
    expect((await decisionOf({ ...analyzer, clusters: none })).reason).toMatch(
      /cluster mesh: away$/,
    );
  });

  test('begins anew when a person says so, and every commit verifies', async () => {
    const field = await fresh();
    const analyzer = await field.analyzer();
    const clusters = oneCluster(showing(OURS));
    await decisionOf({ ...analyzer, clusters });
    const clock = () => field.now;
    const done = await intervene(analyzer.repository, INIT, clock);
    const message = messageText(done.message);
    expect(message).toMatch(/^app: initialize app:v1/);
    expect(message).toContain(PERSON.reason);
    await expect(intervene(analyzer.repository, INIT, clock)).rejects.toThrow(
      /known to the run branch already .* nothing to initialize/,
    );
    await field.world.sync();
    field.now += 70;
    await untilRest(field, analyzer);
    expect(field.read('rollouts/app/state.yaml')).toContain('kind: complete');
    const reader = await field.reader();
    const run = await reader.resolve('main');
    const all = await verify(reader, { run, source: run });
    expect(all.flatMap((it) => it.problems)).toEqual([]);
  });

  test('is not begun by a person either where its plan is refused', async () => {
    const field = await fresh();
    const { repository } = await field.analyzer();
    const admission = { policy: { kinds: new Set<string>() } };
    await expect(
      intervene(repository, { ...INIT, wishes: { admission } }, () => field.now),
    ).rejects.toThrow(/^app cannot be initialized: refused: /);
  });
});

describe.concurrent('a clock that is wrong before a rollout begins', () => {
  test.each<
    [string, number, (analyzer: Analyzer, by: number, now: () => number) => Analyzer, RegExp]
  >([
    [
      'ours, against the API server',
      95,
      clusterAhead,
      /^the clock of the API server is 95 s ahead of ours, more than the settle time of \d+ s/,
    ],
    ['ours, against the API server, the other way', -95, clusterAhead, /is 94 s behind ours/],
    [
      'ours, against the metric store',
      95,
      storeAhead,
      /^the clock of the metric store is 95 s ahead of ours/,
    ],
    [
      'ours, against the Git server',
      95,
      gitAhead,
      /^the clock of the Git server x is 95 s ahead of ours/,
    ],
  ])('%s: nothing is committed, and the server is named', async (_, by, spoil, reason) => {
    const field = await fresh();
    const analyzer = await field.analyzer();
    const now = () => field.now;
    const held = await decisionOf(spoil(analyzer, by, now));
    expect(held).toMatchObject({
      kind: 'hold',
      pushed: false,
      reason: expect.stringMatching(reason),
    });
  });

  test('holds a rollout after the first one as well, and no longer than it is wrong', async () => {
    const field = await fresh();
    const analyzer = await field.analyzer();
    await untilRest(field, analyzer);
    await field.release({ app: plan('v2') });
    expect(await decisionOf(gitAhead(analyzer, -95))).toMatchObject({
      kind: 'hold',
      pushed: false,
      reason: expect.stringMatching(/^the clock of the Git server x is 95 s behind ours/),
    });
    expect(await decisionOf(analyzer)).toMatchObject({ kind: 'move', transition: 'start' });
  });

  test('by less than the settle time holds nothing', async () => {
    const field = await fresh();
    const analyzer = await field.analyzer();
    const spoiled = gitAhead(analyzer, 3);
    expect(await decisionOf(spoiled)).toMatchObject({ kind: 'move', pushed: true });
  });
});

function clusterAhead(analyzer: Analyzer, by: number, now: () => number): Analyzer {
  const [source] = analyzer.clusters;
  if (source === undefined) throw new Error('there is one');
  const cluster: Cluster = {
    read: async (refs) => {
      const answer = await source.cluster.read(refs);
      if (answer.kind === 'unknown') return answer;
      return { kind: 'known', value: { ...answer.value, serverTime: now() + by } };
    },
  };
  return { ...analyzer, clusters: oneCluster(cluster) };
}

function storeAhead(analyzer: Analyzer, by: number, now: () => number): Analyzer {
  const store = analyzer.metrics.get('default');
  if (store === undefined) throw new Error('there is one');
  return {
    ...analyzer,
    metrics: oneStore({
      ...store,
      values: async (question, points) => {
        const answer = await store.values(question, points);
        if (answer.kind === 'unknown') return answer;
        return { kind: 'known', value: { ...answer.value, serverTime: now() + by } };
      },
    }),
  };
}

function gitAhead(analyzer: Analyzer, by: number): Analyzer {
  const aheadSeconds = async () => ({ kind: 'known', value: by }) as const;
  return { ...analyzer, clocks: [{ name: 'the Git server x', aheadSeconds }] };
}

describe("a Git server's clock", () => {
  test.each([200, 401, 404, 405])('is read whatever it answers (%i)', async (status) => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.setHeader('Date', new Date(1_800_000_100_000).toUTCString());
      response.writeHead(status).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    afterFile(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const clock = gitClock(`http://127.0.0.1:${port}/team/run.git/`);
    for (let count = 0; count < 3; count++)
      expect(await clock?.aheadSeconds(() => 1_800_000_000)).toEqual({ kind: 'known', value: 100 });
    expect(seen).toEqual(['HEAD /team/run.git/info/refs?service=git-upload-pack undefined']);
  });

  test('is no reason to wait where it cannot be had', async () => {
    expect(gitClock('git@git.example.com:team/run.git')).toBeUndefined();
    expect(gitClock('/srv/run.git')).toBeUndefined();
    const nobody = await gitClock('http://127.0.0.1:9/run.git')?.aheadSeconds(() => 0);
    expect(nobody).toEqual({
      kind: 'unknown',
      reason: '127.0.0.1:9 cannot be reached (ECONNREFUSED)',
    });
  });

  test.each([
    [undefined, 0],
    [100, 0],
    [99, 0],
    [111, 1],
    [98.5, -0.5],
  ])('at %s between 100 and 110 is %s s ahead', (time, seconds) => {
    expect(ahead(time, 100, 110)).toBe(seconds);
  });
});
