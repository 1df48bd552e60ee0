import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compare, Duration } from '../../../lib/index.ts';
import { isMissing } from '../servers/missing.ts';
import { type Load, startLoad } from '../stack/load.ts';
import type { Behaviour } from '../stack/player/protocol.ts';
import { missingStack } from '../stack/stack.ts';
import { until } from '../stack/until.ts';
import type { AnalyzerProcess } from './analyzer.ts';
import { expectCounted } from './counted.ts';
import { type Field, openField } from './field.ts';
import { hostOf, type StoryProps } from './release.ts';
import { printStories, tell } from './table.ts';
import { type Watch, watchRelease } from './watch.ts';

const INTERVAL = 5;
const WEIGHTS = [20, 50];
const PER_SECOND = 120;
const tool = 'flux';
const missing = await missingStack({ sync: [tool], gateway: true, prometheus: true });

const TESTED: Omit<StoryProps, 'id'> = {
  weights: WEIGHTS,
  bakeSeconds: INTERVAL,
  progressSeconds: 60,
  checks: [compare.errorRate(), compare.latency()],
  evidence: { interval: Duration.seconds(INTERVAL), budget: 1 },
};

const STORIES: readonly StoryProps[] = [
  { ...TESTED, id: 'good' },
  { ...TESTED, id: 'broken' },
  // The cap is a minute's, and 2 % would take some of them: this story waits for proof, and not for the cap.
  {
    ...TESTED,
    id: 'worse',
    checks: [compare.errorRate({ capped: false }), compare.latency()],
    evidence: { ...TESTED.evidence, budget: 0.1 },
  },
  // Its versions alone are hit by the outage.
  { ...TESTED, id: 'shared', image: 'shared' },
  { ...TESTED, id: 'quiet' },
];

/** How versions answer; what is not said is well. */
const BEHAVIOURS: readonly Behaviour[] = [
  { image: 'broken', failedPercent: 30 },
  { image: 'worse', failedPercent: 2 },
];

describe('tests of evidence', { skip: isMissing(missing) }, () => {
  let field: Field;
  const analyzers: AnalyzerProcess[] = [];
  const loads = new Map<string, Load>();
  const watches = new Map<string, Watch>();

  beforeAll(async () => {
    field = await openField(tool, STORIES);
    await field.stack.player.behave(BEHAVIOURS);
    const served = STORIES.map((it) => it.id).filter((it) => it !== 'quiet');
    const { url } = field.stack.gateway;
    for (const id of served)
      loads.set(id, startLoad({ url, host: hostOf(id), perSecond: PER_SECOND }));
    for (const { id } of STORIES) {
      const load = loads.get(id);
      watches.set(id, watchRelease(field.stack, id, load === undefined ? {} : { load }));
    }
    // What is usual is learned from what came before.
    await sleep(5000);
    analyzers.push(field.analyzer());
  }, 240_000);
  afterAll(async () => {
    await Promise.all([...loads.values()].map((it) => it.stop()));
    await Promise.all([...watches.values()].map((it) => it.stop()));
    await field?.stop();
    printStories();
  }, 60_000);

  const story = (name: string, run: () => Promise<string | undefined>) =>
    test.concurrent(name, { timeout: 180_000 }, () => tell({ story: name, tool }, run));

  story('as good as the primary: each step waits for proof, and tells it', async () => {
    const id = 'good';
    await field.publish({ [id]: { tag: 'v2' } });
    for (const weight of WEIGHTS) {
      await shown(id, weight);
      // In the middle of an interval: what was counted is asked again.
      await sleep(INTERVAL * 1000);
      await analyzers.at(-1)?.kill();
      analyzers.push(field.analyzer());
    }
    await field.until(id, (it) => it.phase === 'Succeeded' && it.step === undefined, 120);
    const commits = await field.commits(id);
    expect(commits.slice(2).map((it) => it.subject)).toEqual([
      'good: start story:v2',
      'good: weight 0 → 20',
      'good: weight 20 → 50',
      'good: promote: the primary gets story:v2',
      'good: weight 50 → 0',
      'good: promoted story:v2',
    ]);
    const proven = commits.filter((it) => it.message.includes('that the next step is safe'));
    expect(proven.map((it) => it.subject)).toEqual([
      'good: weight 20 → 50',
      'good: promote: the primary gets story:v2',
    ]);
    for (const { state } of proven)
      expect(state?.evidence?.map((it) => it.test)).toEqual(['error-rate', 'latency']);
    return counted(id);
  });

  story('30 % of its requests fail: one look is enough', async () => {
    const id = 'broken';
    const seconds = await back(id, 'catastrophe');
    return `${seconds.toFixed(1)} s at ${WEIGHTS[0]} %; ${await counted(id)}`;
  });

  story('2 % of its requests fail: proof takes a little longer', async () => {
    const id = 'worse';
    const seconds = await back(id, 'worse');
    return `${seconds.toFixed(1)} s at ${WEIGHTS[0]} %; ${await counted(id)}`;
  });

  story('both versions fail alike: nobody is blamed', async () => {
    const id = 'shared';
    await field.publish({ [id]: { tag: 'v2' } });
    await shown(id, WEIGHTS[0] ?? 0);
    const down = ['v1', 'v2'].map((tag) => ({ image: `shared:${tag}`, failedPercent: 40 }));
    await field.stack.player.behave([...BEHAVIOURS, ...down]);
    await sleep(3 * INTERVAL * 1000);
    await field.stack.player.behave(BEHAVIOURS);
    await field.until(id, (it) => it.phase === 'Succeeded' && it.step === undefined, 120);
    const subjects = (await field.commits(id)).map((it) => it.subject);
    expect(subjects).not.toContainEqual(expect.stringContaining('roll back'));
    return counted(id);
  });

  story('nobody sends requests: the step is held, and says what it needs', async () => {
    const id = 'quiet';
    await field.publish({ [id]: { tag: 'v2' } });
    await shown(id, WEIGHTS[0] ?? 0);
    const said = () =>
      analyzers
        .flatMap((it) => it.lines)
        .find((it) => it.release === id && /needs .*canary request/.test(it.reason ?? ''));
    await until(async () => said() !== undefined, 60);
    await sleep(2 * INTERVAL * 1000);
    expect((await field.status(id)).stepName).toBe('02-weight-20');
    return said()?.reason;
  });

  /** Until the route in the API server has a weight. */
  async function shown(id: string, weight: number): Promise<void> {
    const { glimpses = [] } = watches.get(id) ?? {};
    await until(async () => glimpses.some((it) => it.weight === weight), 90);
  }

  /** Releases a bad version. @returns how long it had requests, in seconds */
  async function back(id: string, claim: string): Promise<number> {
    await field.publish({ [id]: { tag: id } });
    await field.until(id, (it) => it.phase === 'Failed' && it.step === undefined, 120);
    const commits = await field.commits(id);
    const rollback = commits.find((it) => it.subject === `${id}: roll back: weight 20 → 0`);
    expect(rollback?.message).toMatch(new RegExp(`Error-rate: .* at 02-weight-20: ${claim};`));
    const { glimpses = [] } = watches.get(id) ?? {};
    const up = glimpses.find((it) => it.weight === WEIGHTS[0])?.at ?? Number.NaN;
    const down = glimpses.find((it) => it.at > up && it.weight === 0)?.at ?? Number.NaN;
    return down - up;
  }

  /** That the commits of a release say what its pods answered. */
  async function counted(release: string): Promise<string> {
    const { glimpses = [] } = watches.get(release) ?? {};
    const up = await field.stack.prometheus.query('up{job="envoy"}[15m]');
    const scrapes = (up[0]?.values ?? []).map(([at, it]) => ({ at, isAnswered: it === '1' }));
    const how = {
      release,
      test: 'error-rate',
      intervalSeconds: INTERVAL,
      settleSeconds: 2,
      scrapes,
    };
    const lines = expectCounted(await field.commits(release), glimpses, how);
    expect(lines.length).toBeGreaterThan(0);
    return lines.join('; ');
  }
});
