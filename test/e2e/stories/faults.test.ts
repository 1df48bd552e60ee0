import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isMissing } from '../servers/missing.ts';
import type { Server } from '../servers/server.ts';
import { printLogsOnFailure } from '../stack/failures.ts';
import { missingStack } from '../stack/stack.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import { expectNoResets, scaleWhileBaking } from './autoscaling.ts';
import { type Field, openField } from './field.ts';
import type { StoryProps } from './release.ts';
import {
  expectHeld,
  expectHistory,
  promoted,
  type Rolling,
  rolledBack,
  rollOut,
  seen,
  untilBaking,
} from './rolling.ts';
import { printStories, tell } from './table.ts';
import { watchRelease } from './watch.ts';

/** Controllers find an API server again half a minute after it is back. */
const PATIENT = { progressSeconds: 120 };

const STORIES: readonly StoryProps[] = [
  { id: 'no-api', ...PATIENT },
  { id: 'no-git' },
  { id: 'no-metrics' },
  { id: 'new-envoy' },
  { id: 'killed' },
  { id: 'killed-bad' },
  // Long enough that one of them fails before the other has baked.
  { id: 'unsynced', bakeSeconds: 9 },
  { id: 'unsynced-bad', bakeSeconds: 9 },
  { id: 'pair' },
  { id: 'rights' },
  { id: 'scaled', autoscaled: true, progressSeconds: 60 },
  { id: 'edited' },
  { id: 'rebuilt', ...PATIENT },
];

const tool = 'flux';
const missing = await missingStack({ sync: [tool], gateway: true, prometheus: true });
describe('a rollout goes on when', { skip: isMissing(missing), timeout: 240_000 }, () => {
  let field: Field;

  beforeAll(async () => {
    field = await openField(tool, STORIES);
  }, 300_000);
  afterAll(async () => {
    await field?.stop();
    printStories();
  }, 60_000);
  beforeEach(() => printLogsOnFailure(field.stack));

  test.each([
    {
      story: 'the API server is gone for a minute',
      id: 'no-api',
      server: 'kube-apiserver',
      seconds: 60,
      reason: /the cluster cannot be read/,
    },
    { story: 'the Git server is gone', id: 'no-git', server: 'git', seconds: 12, reason: /git/ },
    {
      story: 'Prometheus is gone',
      id: 'no-metrics',
      server: 'prometheus',
      seconds: 12,
      reason: /^inconclusive: /,
    },
  ])('$story', ({ story, id, server, seconds, reason }) =>
    tell({ story, tool }, async () => {
      const glimpses = await rollOut(field, id, async (it) => {
        await untilBaking(it);
        await takenAway(it, field.stack.server(server), seconds, reason);
      });
      await expectHistory(field, id, promoted(id), glimpses);
      return `nothing moved in ${seconds} s`;
    }),
  );

  async function takenAway(
    it: Rolling,
    server: Server,
    seconds: number,
    reason: RegExp,
  ): Promise<void> {
    await server.stop();
    // What was on its way may arrive.
    await sleep(1000);
    const after = it.analyzer.lines.length;
    await expectHeld(field, [it.id], () => sleep((seconds - 1) * 1000));
    expect(await field.status(it.id)).toMatchObject({ phase: 'Progressing', weight: 20 });
    await heard(it.analyzer, { reason, after }, 1);
    expect(it.analyzer.running).toBe(true);
    await server.start();
  }

  test('Envoy is restarted', () =>
    tell({ story: 'Envoy is restarted, its counters begin at 0', tool }, async () => {
      const id = 'new-envoy';
      const { gateway, prometheus } = field.stack;
      const glimpses = await rollOut(field, id, async (it) => {
        await untilBaking(it);
        await gateway.envoy.stop();
        await gateway.envoy.start();
      });
      await expectHistory(field, id, promoted(id), glimpses);
      const cluster = `envoy_cluster_name="${id}_${id}-primary_80"`;
      const query = `sum(resets(envoy_cluster_upstream_rq_xx{${cluster}}[2m]))`;
      expect(await newest(prometheus.url, query)).toBeGreaterThan(0);
      return undefined;
    }));

  test('the analyzer is killed at every stage', () =>
    tell({ story: 'the analyzer is killed at every stage', tool }, async () => {
      const [good, bad] = ['killed', 'killed-bad'];
      await field.stack.player.behave([{ image: bad, failedPercent: 40 }]);
      const killer = await startKiller(field);
      const [ofGood, ofBad] = await Promise.all([
        rollOut(field, good, async () => undefined, { analyzer: killer.first }),
        rollOut(field, bad, async () => undefined, { analyzer: killer.first, end: 'Failed' }),
      ]).finally(() => killer.stop());
      await field.stack.player.behave([]);
      await expectHistory(field, good, promoted(good), ofGood);
      await expectHistory(field, bad, rolledBack(bad), ofBad);
      // Once for each of their transitions, those at the same moment together, and in the bake.
      expect(killer.kills()).toBeGreaterThanOrEqual(8);
      return `${killer.kills()} kills`;
    }));

  test('the sync tool is stopped', () =>
    tell({ story: 'the sync tool is stopped, also on a way back', tool }, async () => {
      const [good, bad] = ['unsynced', 'unsynced-bad'];
      const { kustomizeController } = field.stack.flux;
      const { player } = field.stack;
      const analyzer = field.analyzer();
      const both = { analyzer };
      let both20 = 0;
      const story = async (it: Rolling) => {
        await untilBaking(it);
        both20 += 1;
        await until(async () => both20 === 2);
        if (it.id === bad) return;
        await kustomizeController.stop();
        await player.behave([{ image: bad, failedPercent: 60 }]);
        await field.until(bad, (one) => one.weight === 0);
        await field.until(good, (one) => one.weight === 50);
        const after = analyzer.lines.length;
        await expectHeld(field, [good, bad], () => sleep(8000));
        const behind = (release: string) =>
          heard(
            analyzer,
            {
              release,
              after,
              reason: new RegExp(
                `is not live yet: .*not synced yet.*Kustomization flux-system/${release} has applied commit`,
              ),
            },
            1,
          );
        await behind(good);
        await behind(bad);
        expect(it.watch.glimpses.at(-1)?.weight).toBe(20);
        await kustomizeController.start();
      };
      const [ofGood, ofBad] = await Promise.all([
        rollOut(field, good, story, both),
        rollOut(field, bad, story, { ...both, end: 'Failed' }),
      ]).finally(() => analyzer.stop());
      await player.behave([]);
      await expectHistory(field, good, promoted(good), ofGood);
      await expectHistory(field, bad, rolledBack(bad), ofBad);
      return 'held at 50 %, and with the way back committed';
    }));

  // None of them touches what another one needs.
  describe.concurrent('two analyzers run at once, and', () => {
    let analyzers: readonly AnalyzerProcess[];
    beforeAll(() => {
      analyzers = [field.analyzer(), field.analyzer()];
    });
    afterAll(async () => {
      for (const it of analyzers) await it.stop();
    });
    const first = () => analyzers[0] as AnalyzerProcess;

    test('nothing else happens', () =>
      tell({ story: 'two analyzers at once', tool }, async () => {
        const id = 'pair';
        const glimpses = await rollOut(field, id, async () => undefined, { analyzer: first() });
        await expectHistory(field, id, promoted(id), glimpses);
        const made = analyzers.map(
          (it) =>
            it.lines.filter((line) => line.release === id && line.commit !== undefined).length,
        );
        expect(made.reduce((sum, it) => sum + it, 0)).toBe(7);
        return `commits of each: ${made.join(', ')}`;
      }));

    test('a right is missing', () =>
      tell({ story: 'the token lacks a right', tool }, async () => {
        const id = 'rights';
        const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${id}/roles/perch`;
        const { api } = field.stack;
        const role = await api.get<Role>(path);
        await api.patch(path, {
          rules: role.rules.filter((it) => !it.resources.includes('httproutes')),
        });
        const glimpses = await rollOut(
          field,
          id,
          async ({ analyzer }) => {
            const reason =
              /HTTP 403 for httproutes\.gateway\.networking\.k8s\.io rights in namespace rights: .* verb get/;
            await heard(analyzer, { release: id, reason });
            await expectHeld(field, [id], () => sleep(8000));
            expect(await field.status(id)).toMatchObject({ phase: 'Progressing', weight: 0 });
            await api.patch(path, { rules: role.rules });
          },
          { analyzer: first() },
        );
        await expectHistory(field, id, promoted(id), glimpses);
        return 'verb, resource and namespace are named';
      }));

    test('an HPA scales', () =>
      tell({ story: 'an HPA scales during a step', tool }, async () => {
        const id = 'scaled';
        const glimpses = await rollOut(field, id, (it) => scaleWhileBaking(field.stack, it), {
          analyzer: first(),
        });
        await field.stack.player.occupy([]);
        await expectHistory(field, id, promoted(id), glimpses);
        return expectNoResets(glimpses, id);
      }));

    test('somebody edits a route by hand', () =>
      tell({ story: 'a route is edited by hand', tool }, async () => {
        const id = 'edited';
        let correctedAt = 0;
        const glimpses = await rollOut(
          field,
          id,
          async (it) => {
            await untilBaking(it);
            const after = it.analyzer.lines.length;
            await routeTo(id, 100);
            await seen(it, ({ weight }) => weight === 100);
            await heard(it.analyzer, {
              release: id,
              after,
              reason: /differs at .*: it was edited by hand/,
            });
            correctedAt = (await seen(it, ({ weight }) => weight === 20)).at;
          },
          { analyzer: first() },
        );
        const next = (await field.commits(id)).find((it) => it.subject.endsWith('20 → 50'));
        // Window, settle time and bake, anew; a look takes a moment.
        expect(next?.at).toBeGreaterThan(correctedAt + 5 + 2 + 3);
        await expectHistory(
          field,
          id,
          promoted(id),
          glimpses.filter((it) => it.weight !== 100),
        );
        return 'corrected, and baked again';
      }));
  });

  /** As `kubectl patch` does, all at once. */
  async function routeTo(id: string, canaryPercent: number): Promise<void> {
    const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${id}/httproutes/${id}`;
    const { spec } = await field.stack.api.get<Route>(path);
    const rules = spec.rules.map((rule) => ({
      ...rule,
      backendRefs: rule.backendRefs.map((it) => ({
        ...it,
        weight: it.name === `${id}-canary` ? canaryPercent : 100 - canaryPercent,
      })),
    }));
    await field.stack.api.patch(path, { spec: { rules } });
  }

  // The last: everything else is built again with it.
  test('the cluster is lost and built again', () =>
    tell({ story: 'the cluster is lost and built again', tool }, async () => {
      const id = 'rebuilt';
      const others = watchRelease(field.stack, 'pair');
      const glimpses = await rollOut(field, id, async (it) => {
        await untilBaking(it);
        await expectHeld(field, [id], async () => {
          await field.rebuild();
          expect((await seen(it, ({ weight }) => weight !== undefined)).weight).toBe(20);
        });
        // The new cluster has the same step: not the stable set, and not the new version for everyone.
        expect(await field.status(id)).toMatchObject({ weight: 20, stepName: '02-weight-20' });
      });
      await others.stop();
      await expectHistory(field, id, promoted(id), glimpses);
      // What was at rest is there again as well.
      expect(others.glimpses.at(-1)?.weight).toBe(0);
      return undefined;
    }));
});

interface Role {
  readonly rules: readonly { readonly resources: readonly string[] }[];
}

interface Route {
  readonly spec: {
    readonly rules: readonly {
      readonly backendRefs: readonly { readonly name: string; readonly weight: number }[];
    }[];
  };
}

/** Ends analyzers as crashes do. */
interface Killer {
  /** The one that runs first. */
  readonly first: AnalyzerProcess;
  kills(): number;
  stop(): Promise<void>;
}

/** Kills the analyzer whenever a transition is in Git, and once in a bake, and starts the next one at once. */
async function startKiller(field: Field): Promise<Killer> {
  const first = field.analyzer();
  const end = new AbortController();
  let kills = 0;
  const run = async () => {
    let analyzer = first;
    let baked = false;
    let tip = await field.reader.resolve('main');
    while (!end.signal.aborted) {
      await sleep(50);
      const now = await field.reader.resolve('main');
      const bakes: boolean =
        !baked && analyzer.lines.some((it) => /^[1-9] of/.test(it.reason ?? ''));
      if (now === tip && !bakes) continue;
      tip = now;
      baked ||= bakes;
      await analyzer.kill();
      kills += 1;
      analyzer = field.analyzer();
    }
    await analyzer.stop();
  };
  const running = run();
  return {
    first,
    kills: () => kills,
    async stop() {
      end.abort();
      await running;
    },
  };
}

async function newest(prometheus: string, query: string): Promise<number> {
  const answer = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query })}`);
  const { data } = (await answer.json()) as Answer;
  return Number(data.result[0]?.value[1]);
}

interface Answer {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}
