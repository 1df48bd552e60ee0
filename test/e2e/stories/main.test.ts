import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clopperPearson } from '../stack/binomial.ts';
import { startLoad } from '../stack/load.ts';
import { total } from '../stack/player/player.ts';
import { missingStack } from '../stack/stack.ts';
import { type Field, openField, type Tool } from './field.ts';
import { hostOf, type StoryProps } from './release.ts';
import { printStories, tell } from './table.ts';
import { expectInSync, type Glimpse, watchRelease } from './watch.ts';

const WEIGHTS = [10, 30, 50];
const PER_SECOND = 200;
/** At this rate each step has its 2,000 requests. */
const BAKE_SECONDS = 10;

const STORIES: readonly StoryProps[] = ['good', 'fails', 'slow', 'stuck'].map((id) => ({
  id,
  weights: WEIGHTS,
  bakeSeconds: BAKE_SECONDS,
  autoscaled: id === 'good',
  // An HPA looks every 15 seconds.
  progressSeconds: id === 'good' ? 60 : 12,
}));

describe.each<Tool>(['flux', 'argo-cd'])('a release with real servers, applied by %s', (tool) => {
  const missing = missingStory(tool);
  let field: Field;

  beforeAll(async () => {
    if ((await missing) === undefined) field = await openField(tool, STORIES);
  }, 240_000);
  afterAll(async () => {
    await field?.stop();
    printStories();
  }, 60_000);

  test('is promoted when it is good, and rolls back when it is not', async ({ skip }) => {
    const why = await missing;
    if (why !== undefined) return skip(why);
    await tell({ story: 'good, 5 % failing, 30 ms slower, never ready', tool }, () => story(field));
  }, 300_000);
});

async function missingStory(tool: Tool): Promise<string | undefined> {
  return missingStack({ sync: [tool], gateway: true, prometheus: true });
}

async function story(field: Field): Promise<string> {
  const { stack } = field;
  await stack.player.behave([
    { image: 'fails', failedPercent: 5 },
    { image: 'slow', addedMs: 30 },
  ]);
  const ids = STORIES.map((it) => it.id);
  const loads = ids.map((id) =>
    startLoad({ url: stack.gateway.url, host: hostOf(id), perSecond: PER_SECOND }),
  );
  const isArgoCd = field.tool === 'argo-cd';
  const watches = ids.map((id) =>
    watchRelease(stack, id, { application: isArgoCd, replicas: id === 'good' }),
  );
  const analyzer = field.analyzer();
  await field.publish({
    good: { tag: 'v2' },
    fails: { tag: 'fails' },
    slow: { tag: 'slow' },
    stuck: { tag: 'v2', podAnnotations: { 'perch-stack/pod': 'never-ready' } },
  });
  const ends = { good: 'Succeeded', fails: 'Failed', slow: 'Failed', stuck: 'Failed' } as const;
  for (const [id, phase] of Object.entries(ends))
    await field.until(id, (it) => it.phase === phase && it.step === undefined, 200);
  await analyzer.stop();
  const glimpses = await Promise.all(watches.map((it) => it.stop()));
  const answers = await Promise.all(loads.map((it) => it.stop()));

  // The good one: every step, in order, and the requests where they belong.
  expect((await field.commits('good')).map((it) => it.subject)).toEqual([
    'good: initialize story:v1',
    'good: initialized story:v1',
    'good: start story:v2',
    'good: weight 0 → 10',
    'good: weight 10 → 30',
    'good: weight 30 → 50',
    'good: promote: the primary gets story:v2',
    'good: weight 50 → 0',
    'good: promoted story:v2',
  ]);
  const shares = await sharesOf(field, 'good', glimpses[0] ?? []);
  for (const { weight, canary, all } of shares) {
    expect(all).toBeGreaterThanOrEqual(2000);
    const [low, high] = clopperPearson(canary, all);
    expect(low, `${canary} of ${all} at ${weight} %`).toBeLessThanOrEqual(weight / 100);
    expect(high, `${canary} of ${all} at ${weight} %`).toBeGreaterThanOrEqual(weight / 100);
  }
  expect(answers[0]?.byStatus).toEqual({ 200: answers[0]?.sent });

  // The others: back, and nothing of the candidate left where traffic goes.
  for (const id of ['fails', 'slow', 'stuck']) {
    const subjects = (await field.commits(id)).map((it) => it.subject);
    expect(subjects.at(-1)).toBe(`${id}: rolled back: the stable set is restored`);
    expect(subjects).not.toContainEqual(expect.stringMatching(/promote/));
  }
  // No pod of the stuck one ever answered.
  const stuck = (await stack.player.counts()).filter((it) => it.namespace === 'stuck');
  expect(total(stuck, (it) => it.workload === 'stuck-canary')).toBe(0);
  const longest = isArgoCd ? Math.max(...glimpses.map(expectInSync)) : 0;
  expectNoFight(glimpses[0] ?? []);
  const counted = shares.map((it) => `${it.canary} of ${it.all} at ${it.weight} %`).join(', ');
  return isArgoCd ? `${counted}; OutOfSync ${longest.toFixed(1)} s at most` : counted;
}

interface Share {
  readonly weight: number;
  readonly canary: number;
  readonly all: number;
}

/** What the pods of each track answered from one second after a weight was applied until the next commit. */
async function sharesOf(
  field: Field,
  id: string,
  glimpses: readonly Glimpse[],
): Promise<readonly Share[]> {
  const commits = await field.commits(id);
  return WEIGHTS.map((weight) => {
    const index = commits.findIndex((it) => it.subject.endsWith(`→ ${weight}`));
    const next = commits[index + 1];
    const shown = glimpses.find((it) => it.weight === weight);
    if (next === undefined || shown === undefined)
      throw new Error(`${id} never ran at ${weight} %`);
    const inside = glimpses.filter((it) => it.at > shown.at + 1 && it.at < next.at);
    const [first, last] = [inside[0], inside.at(-1)];
    if (first === undefined || last === undefined) throw new Error(`nobody looked at ${weight} %`);
    const count = (track: string) =>
      total(last.counts, (it) => it.workload === `${id}-${track}`) -
      total(first.counts, (it) => it.workload === `${id}-${track}`);
    return { weight, canary: count('canary'), all: count('canary') + count('primary') };
  });
}

/** An HPA and a GitOps tool that both want replicas would set them up and down. */
function expectNoFight(glimpses: readonly Glimpse[]): void {
  for (const name of ['good-canary', 'good-primary']) {
    const seen = glimpses.flatMap((it) => it.replicas?.[name] ?? []);
    const changes = seen.filter((it, index) => index > 0 && it !== seen[index - 1]);
    // Up by the HPA (over 1, which Kubernetes sets), and down once.
    expect(changes.length, `${name}: ${changes.join(' ')}`).toBeLessThanOrEqual(3);
  }
}
