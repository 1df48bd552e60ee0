import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { abTest, blueGreen, canary, Duration, shadow, successRate } from '../../../lib/index.ts';
import { isMissing } from '../servers/missing.ts';
import { clopperPearson } from '../stack/binomial.ts';
import { missingStack } from '../stack/stack.ts';
import type { AnalyzerProcess } from './analyzer.ts';
import { type Field, openField } from './field.ts';
import { answered, during, returningUsers, rollOutUnder, type Told } from './kinds.ts';
import type { StoryProps } from './release.ts';
import { printStories, tell } from './table.ts';

const COOKIE = 'stays';

/** How fast the pods are played does not matter here, so the latency is not among them. */
const checks = [successRate({ min: 99, window: Duration.seconds(5) })];

const STORIES: readonly StoryProps[] = [
  { checks, id: 'weights', strategy: canary({ stepWeights: [20, 50] }) },
  {
    checks,
    id: 'by-header',
    strategy: abTest({ match: [{ headers: { 'x-canary': { exact: 'always' } } }] }),
  },
  {
    checks,
    id: 'by-cookie',
    strategy: abTest({ match: [{ cookies: { group: { exact: 'beta' } } }] }),
  },
  { checks, id: 'copies', strategy: shadow({ percent: 100 }) },
  { checks, id: 'switch', strategy: blueGreen({ mirror: { percent: 100 } }) },
  {
    checks,
    id: 'sticky',
    strategy: canary({ stepWeights: [20, 50], sessionAffinity: { name: COOKIE, path: '/' } }),
  },
  {
    checks,
    id: 'sticky-bad',
    strategy: canary({ stepWeights: [20, 50], sessionAffinity: { name: COOKIE, path: '/' } }),
  },
];

const missing = await missingStack({ sync: ['flux'], gateway: true, prometheus: true });

describe('every strategy with real requests, and who saw what', {
  skip: isMissing(missing),
}, () => {
  let field: Field;
  let analyzer: AnalyzerProcess;

  beforeAll(async () => {
    field = await openField('flux', STORIES);
    await field.stack.player.behave([{ image: 'fails', failedPercent: 20 }]);
    analyzer = field.analyzer();
  }, 240_000);
  afterAll(async () => {
    await analyzer?.stop();
    await field?.stop();
    printStories();
  }, 60_000);

  const story = (name: string, run: () => Promise<string>) =>
    test.concurrent(name, { timeout: 180_000 }, () => tell({ story: name, tool: 'flux' }, run));

  story('canary: every weight is the share of the requests', async () => {
    const told = await rollOutUnder(field, 'weights', { kinds: [{ kind: 'anyone' }] });
    expectAnswered(told);
    const shares = [20, 50].map((weight) => {
      const counts = during(told, `weight-${weight}`);
      const mine = answered(counts, 'anyone', 'canary');
      const all = mine + answered(counts, 'anyone', 'primary');
      const [low, high] = clopperPearson(mine, all);
      expect(low).toBeLessThanOrEqual(weight / 100);
      expect(high).toBeGreaterThanOrEqual(weight / 100);
      return `${mine} of ${all} at ${weight} %`;
    });
    return shares.join(', ');
  });

  story('A/B by header: those who ask get the canary, and nobody else', async () => {
    const told = await rollOutUnder(field, 'by-header', {
      kinds: [
        { kind: 'testers', headers: { 'x-canary': 'always' } },
        { kind: 'others' },
        { kind: 'almost', headers: { 'x-canary': 'always-not' } },
      ],
    });
    return expectApart(told, { canary: ['testers'], primary: ['others', 'almost'] });
  });

  story('A/B by cookie: those who have it get the canary, and nobody else', async () => {
    const told = await rollOutUnder(field, 'by-cookie', {
      kinds: [
        { kind: 'testers', headers: { cookie: 'a=b; group=beta; c=d' } },
        { kind: 'others', headers: { cookie: 'a=b' } },
        { kind: 'almost', headers: { cookie: 'group=betas; subgroup=beta' } },
      ],
    });
    return expectApart(told, { canary: ['testers'], primary: ['others', 'almost'] });
  });

  story('shadow: the canary gets a copy of each request, and no user its answer', async () => {
    const told = await rollOutUnder(field, 'copies', { kinds: [{ kind: 'anyone' }] });
    return expectCopied(told, 'shadow');
  });

  story('blue/green: copies, then all requests at once', async () => {
    const told = await rollOutUnder(field, 'switch', { kinds: [{ kind: 'anyone' }] });
    const copied = expectCopied(told, 'preview');
    const counts = during(told, 'switch');
    const switched = answered(counts, 'anyone', 'canary');
    expect(switched).toBeGreaterThan(100);
    expect(answered(counts, 'anyone', 'primary')).toBe(0);
    expect(answered(counts, 'copy of anyone', 'canary')).toBe(0);
    return `${copied}; ${switched} of ${switched} after the switch`;
  });

  story('session affinity: who was on the canary never sees the old version again', async () => {
    const users = returningUsers(field, 'sticky', COOKIE);
    const told = await rollOutUnder(field, 'sticky', { kinds: [{ kind: 'anyone' }] }).finally(
      users.stop,
    );
    const visits = await users.stop();
    expectAnswered(told);
    for (const { versions, given } of visits) {
      const first = versions.indexOf('v2');
      expect(versions.slice(0, first).every((it) => it === 'v1')).toBe(true);
      // Without a cookie the new version came by promotion, and the primary has no rollback to the old one.
      if (given) expect(versions.slice(first).every((it) => it === 'v2')).toBe(true);
    }
    const given = visits.filter((it) => it.given).length;
    const taken = visits.filter((it) => it.taken).length;
    expect(given).toBeGreaterThan(5);
    expect(taken).toBeGreaterThan(0);
    // Who keeps no cookie is split by each request, also while others stay.
    const mine = answered(during(told, 'weight-20'), 'anyone', 'canary');
    expect(mine).toBeGreaterThan(0);
    const all = visits.reduce((sum, it) => sum + it.versions.length, 0);
    return `${given} of ${visits.length} users stayed in ${all} requests, ${taken} lost the cookie`;
  });

  story('session affinity: the rollback takes everybody along, cookie or not', async () => {
    const users = returningUsers(field, 'sticky-bad', COOKIE);
    const options = { kinds: [{ kind: 'anyone' }], tag: 'fails', end: 'Failed' } as const;
    const told = await rollOutUnder(field, 'sticky-bad', options).finally(users.stop);
    const visits = await users.stop();
    expect(told.commits.at(-1)?.subject).toMatch(/rolled back/);
    const stuck = visits.filter((it) => it.given);
    expect(stuck.length).toBeGreaterThan(5);
    // Their cookies are still there.
    expect(stuck.some((it) => it.taken)).toBe(false);
    expect(visits.map((it) => it.versions.at(-1))).toEqual(visits.map(() => 'v1'));
    return `${stuck.length} of ${visits.length} users had stayed on the bad version`;
  });
});

/** No request failed, and none was left without an answer, from before the rollout until after it. */
function expectAnswered({ id, answers }: Told): void {
  for (const [kind, { sent, byStatus, unanswered }] of Object.entries(answers)) {
    expect(byStatus, `${id}, ${kind}`).toEqual({ 200: sent });
    expect(unanswered).toBe(0);
  }
}

interface Sides {
  readonly canary: readonly string[];
  readonly primary: readonly string[];
}

/** In the A/B step each kind of request reached one track only. */
function expectApart(told: Told, sides: Sides): string {
  expectAnswered(told);
  const counts = during(told, 'ab-test');
  const numbers = (['canary', 'primary'] as const).flatMap((track) =>
    sides[track].map((kind) => {
      const mine = answered(counts, kind, track);
      expect(mine, kind).toBeGreaterThan(100);
      expect(answered(counts, kind, track === 'canary' ? 'primary' : 'canary'), kind).toBe(0);
      return `${kind}: ${mine} of ${mine} ${track}`;
    }),
  );
  return numbers.join(', ');
}

/** In this step the primary answered all, and the canary got copies of all. */
function expectCopied(told: Told, step: string): string {
  expectAnswered(told);
  const counts = during(told, step);
  const all = answered(counts, 'anyone', 'primary');
  const copies = answered(counts, 'copy of anyone', 'canary');
  expect(all).toBeGreaterThan(100);
  expect(answered(counts, 'anyone', 'canary')).toBe(0);
  // Some were under way at the moments of the two looks.
  expect(Math.abs(all - copies)).toBeLessThanOrEqual(10);
  return `${copies} copies of ${all}`;
}
