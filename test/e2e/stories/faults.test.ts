import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isMissing } from '../servers/missing.ts';
import type { Prometheus } from '../servers/prometheus.ts';
import type { Server } from '../servers/server.ts';
import { printLogsOnFailure } from '../stack/failures.ts';
import { missingStack } from '../stack/stack.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import { expectNoResets, scaleWhileBaking } from './autoscaling.ts';
import { type Field, openField } from './field.ts';
import { startKiller } from './killer.ts';
import type { StoryProps } from './release.ts';
import {
  expectHeld,
  expectUndisturbed,
  type Rolling,
  rollOut,
  seen,
  untilBaking,
} from './rolling.ts';
import { printStories, tell } from './table.ts';

// Few, because every commit is a new revision for all of them, and used again and again.
const STORIES: readonly StoryProps[] = ['first', 'second', 'third', 'fourth'].map((id) => ({
  id,
  autoscaled: id === 'fourth',
  // Controllers find an API server again half a minute after it is back.
  progressSeconds: 120,
}));

/** What is away for a while in the middle of a bake, and what the analyzer says then. */
const AWAY = [
  ['the API server', 'kube-apiserver', 60, /the cluster cannot be read: .* cannot be reached/],
  ['the Git server', 'git', 8, /Failed to connect|refused/i],
  ['Prometheus', 'prometheus', 8, /^inconclusive: .*cannot be reached/],
] as const;

const tool = 'flux';
const missing = await missingStack({ sync: [tool], gateway: true, prometheus: true });
describe('a rollout goes on when', { skip: isMissing(missing), timeout: 300_000 }, () => {
  let field: Field;

  beforeAll(async () => {
    field = await openField(tool, STORIES);
  }, 300_000);
  afterAll(async () => {
    await field?.stop();
    printStories();
  }, 60_000);
  beforeEach(() => printLogsOnFailure(field.stack));

  test.each(AWAY)('%s is gone', (what, name, seconds, reason) =>
    tell({ story: `${what} is gone for ${seconds} s`, tool }, async () => {
      const story = async (it: Rolling) => {
        await untilBaking(it);
        await takeAway(it, field.stack.server(name), seconds, reason);
      };
      expectUndisturbed(await rollOut(field, 'first', { tag: `without-${name}` }, story));
      return 'nothing moved meanwhile';
    }),
  );

  async function takeAway(
    { id, analyzer }: Rolling,
    server: Server,
    seconds: number,
    reason: RegExp,
  ): Promise<void> {
    await server.stop();
    // What was on its way may arrive.
    await sleep(1000);
    const after = analyzer.lines.length;
    await expectHeld(field, [id], () => sleep((seconds - 1) * 1000));
    expect(await field.status(id)).toMatchObject({ phase: 'Progressing', weight: 20 });
    await heard(analyzer, { reason, after }, 1);
    expect(analyzer.running).toBe(true);
    await server.start();
  }

  test('Envoy is restarted', () =>
    tell({ story: 'Envoy is restarted, its counters begin at 0', tool }, async () => {
      const { gateway, prometheus } = field.stack;
      const story = async (it: Rolling) => {
        await untilBaking(it);
        await gateway.envoy.stop();
        await gateway.envoy.start();
      };
      expectUndisturbed(await rollOut(field, 'first', { tag: 'new-envoy' }, story));
      const counter = 'envoy_cluster_upstream_rq_xx{envoy_cluster_name="first_first-primary_80"}';
      const resets = await newest(prometheus, `sum(resets(${counter}[2m]))`);
      expect(resets).toBeGreaterThan(0);
      return undefined;
    }));

  test('the analyzer is killed at every stage', () =>
    tell({ story: 'the analyzer is killed at every stage', tool }, async () => {
      const { player } = field.stack;
      await player.behave([{ image: 'killed-bad', failedPercent: 40 }]);
      const killer = await startKiller(field);
      const { first: analyzer } = killer;
      const [good, bad] = await Promise.all([
        rollOut(field, 'first', { tag: 'killed', analyzer }),
        rollOut(field, 'second', { tag: 'killed-bad', analyzer, end: 'Failed' }),
      ]).finally(() => killer.stop());
      await player.behave([]);
      expectUndisturbed(good);
      expectUndisturbed(bad);
      // What two releases commit in one push is one stage.
      const pushes = new Set([...good.commits, ...bad.commits].map((it) => it.at)).size;
      expect(killer.kills()).toBeGreaterThanOrEqual(pushes);
      return `${killer.kills()} kills`;
    }));

  test('the sync tool is stopped', () =>
    tell({ story: 'the sync tool is stopped, also on a rollback', tool }, async () => {
      const { player, flux } = field.stack;
      const analyzer = field.analyzer();
      const at20: string[] = [];
      const both = async (it: Rolling) => {
        await seen(it, ({ weight }) => weight === 20);
        at20.push(it.id);
        await until(async () => at20.length === 2);
      };
      const story = async (it: Rolling) => {
        await both(it);
        await flux.kustomizeController.stop();
        await player.behave([{ image: 'unsynced-bad', failedPercent: 60 }]);
        await field.until('first', ({ weight }) => weight === 50);
        await field.until('second', ({ weight }) => weight === 0);
        // The pass that pushed them is over.
        await sleep(1500);
        const after = analyzer.lines.length;
        await expectHeld(field, ['first', 'second'], () => sleep(8000));
        for (const release of ['first', 'second']) {
          const reason = `is not live yet: .* not synced yet; Kustomization flux-system/${release} has applied commit`;
          await heard(analyzer, { release, after, reason: new RegExp(reason) }, 1);
        }
        expect(it.watch.glimpses.at(-1)?.weight).toBe(20);
        await flux.kustomizeController.start();
      };
      const [good, bad] = await Promise.all([
        rollOut(field, 'first', { tag: 'unsynced', analyzer }, story),
        rollOut(field, 'second', { tag: 'unsynced-bad', analyzer, end: 'Failed' }, both),
      ]).finally(() => analyzer.stop());
      await player.behave([]);
      expectUndisturbed(good);
      expectUndisturbed(bad);
      return 'held at 50 %, and on the rollback';
    }));

  // None of them touches what another one needs.
  describe.concurrent('two analyzers run at once, and', () => {
    let analyzers: readonly AnalyzerProcess[] = [];
    const shared = (tag: string) => ({ tag, analyzer: analyzers[0] ?? field.analyzer() });

    beforeAll(() => {
      analyzers = [field.analyzer(), field.analyzer()];
    });
    afterAll(async () => {
      for (const it of analyzers) await it.stop();
    });

    test('nothing else happens', () =>
      tell({ story: 'two analyzers at once', tool }, async () => {
        const rolledOut = await rollOut(field, 'first', shared('pair'));
        expectUndisturbed(rolledOut);
        const made = analyzers.map(({ lines }) =>
          lines.flatMap((it) => (it.release === 'first' ? (it.commit ?? []) : [])),
        );
        // Two that decide the same in the same second make the very same commit: its push is none.
        const oids = rolledOut.commits.map((it) => it.oid);
        expect([...new Set(made.flat())].sort()).toEqual(oids.sort());
        return `commits of each: ${made.map((it) => it.length).join(', ')}`;
      }));

    test('a right is missing', () =>
      tell({ story: 'the token lacks a right', tool }, async () => {
        const id = 'second';
        const { api } = field.stack;
        const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${id}/roles/perch`;
        const { rules } = await api.get<Role>(path);
        const fewer = rules.filter((it) => !it.resources.includes('httproutes'));
        await api.patch(path, { rules: fewer });
        const story = async ({ analyzer }: Rolling) => {
          // Said of the step: the end of an earlier rollback may be waited for in the same words.
          const reason =
            /^01.*HTTP 403 for httproutes\.gateway\.networking\.k8s\.io second in namespace second: .* the verb get on it/;
          await heard(analyzer, { release: id, reason }, 60);
          await expectHeld(field, [id], () => sleep(8000));
          expect(await field.status(id)).toMatchObject({ phase: 'Progressing', weight: 0 });
          await api.patch(path, { rules });
        };
        expect(fewer.length).toBeLessThan(rules.length);
        expectUndisturbed(await rollOut(field, id, shared('without-right'), story));
        return 'verb, resource and namespace are named';
      }));

    test('somebody edits a route by hand', () =>
      tell({ story: 'a route is edited by hand', tool }, async () => {
        const id = 'third';
        let correctedAt = 0;
        const story = async (it: Rolling) => {
          await untilBaking(it);
          const after = it.analyzer.lines.length;
          const edited = seen(it, ({ weight }) => weight === 100);
          await editRoute(id, 100);
          await edited;
          correctedAt = (await seen(it, ({ weight }) => weight === 20)).at;
          const reason = /differs at .*: it was edited by hand/;
          await heard(it.analyzer, { release: id, after, reason }, 1);
        };
        const rolledOut = await rollOut(field, id, shared('edited'), story);
        expectUndisturbed(rolledOut, 100);
        const next = rolledOut.commits.find((it) => it.subject.endsWith('20 → 50'));
        // The bake began again: window, settle time, and five points; a look may be a second late.
        expect(next?.at).toBeGreaterThan(correctedAt + 5 + 2 + 4 - 1);
        return 'corrected, and baked again';
      }));

    test('an HPA scales', () =>
      tell({ story: 'an HPA scales during a step', tool }, async () => {
        const { stack } = field;
        const story = (it: Rolling) => scaleWhileBaking(stack, it);
        const rolledOut = await rollOut(field, 'fourth', shared('scaled'), story);
        await stack.player.occupy([]);
        expectUndisturbed(rolledOut);
        return expectNoResets(rolledOut);
      }));
  });

  /** As `kubectl edit` does. */
  async function editRoute(id: string, canaryPercent: number): Promise<void> {
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

/** The value of the first series that Prometheus has now. */
async function newest(prometheus: Prometheus, query: string): Promise<number> {
  const [series] = await prometheus.query(query);
  return Number(series?.value?.[1]);
}
