import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { rulesOf } from '../../analyzer/simulated/reach.ts';
import {
  abTest,
  blueGreen,
  type Capabilities,
  type Counts,
  canary,
  Duration,
  type Limit,
  latency,
  type MatchPart,
  type Release,
  type ReleaseProps,
  type Rendered,
  type RequestMatch,
  type Router,
  type Shares,
  type Strategy,
  shadow,
  steps,
} from '../../lib/index.ts';
import { type Manifest, objectAt } from '../../lib/manifest/json.ts';
import { groupOf } from '../../lib/manifest/manifest.ts';
import type { Filled } from '../../lib/metrics/promql.ts';
import { latencyQuery, successRateQuery } from '../../lib/metrics/request-queries.ts';
import { namesOf } from '../../lib/names.ts';
import type { Step, Track } from '../../lib/plan/plan.ts';
import { RELEASE_KINDS } from '../../lib/plan/policy.ts';
import { build } from '../../lib/render/build.ts';
import { render } from '../../lib/render/render.ts';
import { deployment, mistakesOf, objectIn, sample, workload } from '../lib/sample.ts';
import { promqlFault } from './promql-fault.ts';

/** A router with some of its props, and how what it writes is read. */
export interface RouterUnderTest {
  readonly router: Router;
  /** What else the release needs. */
  readonly release?: Pick<ReleaseProps, 'service'>;
  /** Weights by track, for each place in a routing object where requests are split. */
  weightsIn(object: Manifest): readonly Readonly<Partial<Record<Track, number>>>[];
}

const TRACKS: readonly Track[] = ['primary', 'canary', 'baseline'];

/** The track of a Service of the contract's release, such as `shop-canary`. */
export function trackIn(service: unknown): string {
  return String(service).replace(/^shop-/, '');
}

/** How many pods the primary has. */
const PODS = 4;

/** A match for each thing that one can ask for, and the text by which it is known again. */
const MATCHES: readonly { readonly part: MatchPart; match: RequestMatch; text: string }[] = [
  { part: 'headers', match: { headers: { 'x-contract': { exact: 'h1' } } }, text: '"h1"' },
  { part: 'cookies', match: { cookies: { contract: { exact: 'c1' } } }, text: 'contract=c1' },
  { part: 'queryParams', match: { queryParams: { contract: { exact: 'q1' } } }, text: '"q1"' },
  { part: 'sourceLabels', match: { sourceLabels: { app: 's1' } }, text: '"s1"' },
  { part: 'path', match: { path: { exact: '/p1' } }, text: '"/p1"' },
  { part: 'method', match: { method: 'PATCH' }, text: '"PATCH"' },
];

const PROBLEM = {
  problem: expect.stringMatching(/./),
  got: expect.anything(),
  remedy: expect.stringMatching(/./),
};

/**
 * What a release relies on when it hands its traffic to a router.
 *
 * @param name of the router with these props
 */
export function routerContract(name: string, subject: RouterUnderTest): void {
  const { router } = subject;
  const { splits } = router;
  const isPods = splits.kind === 'pods';
  const shares = splits.kind === 'pods' ? [20, 50] : sharesOf(splits.weights);
  const small = canary({ stepWeights: isPods ? [50] : [100] });
  const release = (strategy: Strategy, more: Partial<ReleaseProps> = {}) =>
    sample({
      traffic: router,
      workload: workload(deployment({}, { spec: { replicas: PODS } })),
      analysis: {},
      ...subject.release,
      strategy,
      ...more,
    });
  const can = capabilitiesOf(router, release(small));
  const refuses = async (strategy: Strategy, { because, remedy }: Limit) => {
    const said = (await mistakesOf(release(strategy))).filter((it) =>
      it.startsWith(`shop: traffic ${router.kind} cannot `),
    );
    expect([because, remedy]).not.toContain('');
    expect(said).toEqual([expect.stringContaining(`: ${because}, got `)]);
    expect(said[0]?.endsWith(`; ${remedy}`), said[0]).toBe(true);
  };
  const shows = async (strategy: Strategy, text: string) => {
    const objects = routingOf(await render(release(strategy)));
    expect(objects.some((it) => JSON.stringify(it.spec).includes(text))).toBe(true);
  };

  describe(`${name} keeps the contract of routers`, () => {
    describe('weights', () => {
      test('are in every step of a canary, and add up to the whole', async () => {
        const rendered = await render(release(canary({ stepWeights: shares })));
        for (const step of rendered.plan.steps.slice(1)) expectShown(rendered, step, subject);
        const given = rendered.plan.steps.map((it) => it.weights.canary);
        expect(given).toEqual(expect.arrayContaining([0, ...shares]));
      });

      test('are what a simulated cluster sends to the pods of each track', async () => {
        const rendered = await render(release(canary({ stepWeights: shares })));
        for (const step of rendered.plan.steps.slice(1)) expectReached(rendered, step, isPods);
      });

      test('are in every step of a blue-green switch, where all requests can go over', async () => {
        if (isPods) {
          const found = await mistakesOf(release(blueGreen()));
          expect(found).toEqual([expect.stringMatching(/ gives the canary 100 %.*; use /)]);
          return;
        }
        const rendered = await render(release(blueGreen()));
        for (const step of rendered.plan.steps.slice(1)) expectShown(rendered, step, subject);
        expect(rendered.plan.steps.map((it) => it.weights.canary)).toContain(100);
      });

      // Which weights pods can give depends on how many there are.
      test.skipIf(isPods)('finer than the smallest share are refused', async () => {
        if (splits.kind === 'pods') return;
        const half = 50 / splits.weights.total;
        await refuses(canary({ stepWeights: [half] }), splits.weights);
      });

      test('are a baseline’s as well', async () => {
        const strategy = steps([{ setWeight: shares[0] ?? 0 }, { baseline: true }]);
        if (can.baseline.kind === 'cannot') return refuses(strategy, can.baseline);
        const rendered = await render(release(strategy));
        const compared = rendered.plan.steps.filter((it) => it.weights.baseline !== undefined);
        expect(compared).not.toEqual([]);
        for (const step of compared) expectShown(rendered, step, subject);
      });
    });

    describe('what it can do besides renders, and what it cannot is refused', () => {
      test.each(MATCHES)('matches by $part', async ({ part, match, text }) => {
        const ability = can.matches[part];
        const copied = steps([{ mirrorRoute: { name: 'some', percent: 100, match: [match] } }]);
        if (ability.kind === 'cannot') return refuses(abTest({ match: [match] }), ability);
        await shows(abTest({ match: [match] }), text);
        if (can.mirrors.kind === 'shares') await shows(copied, text);
      });

      test('mirrors', async () => {
        const { mirrors } = can;
        if (mirrors.kind === 'cannot') return refuses(shadow({ percent: 100 }), mirrors);
        const all = [...new Set([...sharesOf(mirrors), 100])];
        const rendered = await Promise.all(
          all.map((percent) => render(release(shadow({ percent })))),
        );
        const copied = rendered.map((it) => routesIn(it, '02-shadow'));
        const none = rendered.map((it) => routesIn(it, '04-remove-mirror'));
        expect(new Set(none).size).toBe(1);
        expect(new Set([...none, ...copied]).size).toBe(1 + all.length);
        await refuses(shadow({ percent: 50 / mirrors.total }), mirrors);
      });

      test('session affinity', async () => {
        const sessionAffinity = { name: 'contract-session', primaryName: 'contract-waiting' };
        const strategy = canary({ stepWeights: [100], sessionAffinity });
        if (can.affinity.kind === 'cannot') return refuses(strategy, can.affinity);
        await shows(strategy, sessionAffinity.name);
        await shows(strategy, sessionAffinity.primaryName);
      });
    });

    describe('kinds', () => {
      const kinds = router.kinds.map(({ group, kind }) => `${group || 'core'}/${kind}`);

      test('are those of what it writes, and no others', async () => {
        const written = routingOf(await render(release(small))).map(
          ({ apiVersion, kind }) => `${groupOf(apiVersion) || 'core'}/${kind}`,
        );
        expect([...new Set(written)].sort()).toEqual([...kinds].sort());
      });

      test('are such as the analyzer lets a release hold', () => {
        expect(RELEASE_KINDS).toEqual(expect.arrayContaining(kinds));
      });

      test('lie in mesh/ where the roots lie apart, or there can be one root only', async () => {
        const apart = release(small, { roots: 'mesh-and-workload' });
        if (router.groups.length === 0) {
          const problem = `shop: roots cannot lie apart: traffic ${router.kind} writes nothing`;
          expect(await mistakesOf(apart)).toEqual([expect.stringContaining(problem)]);
          return;
        }
        const { plan } = await render(apart);
        for (const [file, { role }] of Object.entries(plan.files))
          expect(file).toMatch(role === 'routing' ? /^mesh\// : /^workload\//);
      });
    });

    describe('counts', () => {
      const names = namesOf({ name: 'shop', namespace: 'contract' });
      const countsOf = (track: Track) => router.counts({ names, port: 9898 }, track);

      test.each<[string, (counts: Counts) => Filled]>([
        ['success rate', (it) => successRateQuery(it, '60s')],
        ['latency', (it) => latencyQuery(it, 0.99, '60s')],
      ])('give a %s of any track, or say what to ask instead', (_, queryOf) => {
        const all = TRACKS.map((it) => queryOf(countsOf(it)));
        expect(new Set(all.map((it) => it.kind)).size).toBe(1);
        for (const it of all) {
          if (it.kind === 'filled') expect(promqlFault(it.query), it.query).toBeUndefined();
          else expect(it.problems).toEqual([expect.objectContaining(PROBLEM)]);
        }
        const queries = all.flatMap((it) => (it.kind === 'filled' ? [it.query] : []));
        expect(new Set(queries).size, 'two tracks are asked for alike').toBe(queries.length);
        expect(queries.every((it) => it.includes(names.namespace))).toBe(true);
      });

      test('become checks of the canary that are held against the primary', async () => {
        const asked = latency({ max: Duration.seconds(1) });
        const judged = release(small, { analysis: { checks: [asked] } });
        const counts = countsOf('canary');
        if (counts.kind === 'none') {
          const { problem } = counts.problem;
          expect(await mistakesOf(judged)).toEqual([expect.stringContaining(problem)]);
          return;
        }
        const [check] = (await render(judged)).plan.checks;
        expect(check?.ask.primary).toBeDefined();
        expect(check?.ask.primary).not.toBe(check?.ask.canary);
      });
    });
  });
}

/** The smallest share that can be said, and one half if there is one. */
function sharesOf({ total }: Shares): readonly number[] {
  return total === 1 ? [100] : [100 / total, 50];
}

function capabilitiesOf(router: Router, release: Release): Capabilities {
  const { objects } = build(release);
  if (objects?.routed === undefined) throw new Error('the contract’s release has no Service');
  return router.capabilities(objects.routed);
}

/** That a step's routes, or its pods, say the weights that the plan says. */
function expectShown(rendered: Rendered, step: Step, { router, weightsIn }: RouterUnderTest): void {
  const { splits } = router;
  if (splits.kind === 'pods') {
    expectPods(rendered, step);
    return;
  }
  const { total } = splits.weights;
  const places = routingIn(rendered, step).flatMap(weightsIn);
  expect(places, step.name).not.toEqual([]);
  const asked = TRACKS.flatMap((track) => {
    const percent = step.weights[track];
    return percent === undefined ? [] : [[track, Math.round((percent * total) / 100)] as const];
  });
  for (const place of places) {
    expect(place, step.name).toEqual(Object.fromEntries(asked));
    expect(Object.values(place).reduce((a, b) => a + b, 0)).toBe(total);
  }
}

/** By objects alone, as a cluster that ran the very same release before holds them. */
function expectReached(rendered: Rendered, step: Step, isPods: boolean): void {
  const { steps } = rendered.plan;
  const objects = new Map<string, Manifest>();
  for (const { name, files } of [...steps.slice(-1), ...steps.slice(1, steps.indexOf(step) + 1)])
    for (const file of files) objects.set(file, objectIn(rendered, name, file));
  const to = rulesOf([...objects.values()], 'shop').at(-1)?.to ?? [];
  if (isPods) {
    const both = ['shop-canary', 'shop-primary'];
    expect(to.map((it) => it.workloads.toSorted())).toEqual([both]);
    return;
  }
  const total = to.reduce((sum, it) => sum + it.weight, 0);
  for (const track of TRACKS) {
    const own = to.filter((it) => it.workloads.join() === `shop-${track}`);
    const percent = own.reduce((sum, it) => sum + (100 * it.weight) / total, 0);
    expect(percent, `${step.name} ${track}`).toBeCloseTo(step.weights[track] ?? 0);
  }
}

function expectPods(rendered: Rendered, step: Step): void {
  expect(routingIn(rendered, step)).toEqual([]);
  const upTo = rendered.plan.steps.slice(0, rendered.plan.steps.indexOf(step) + 1);
  const replicasIn = (track: 'primary' | 'canary') => {
    const file = `deployment-shop-${track}.yaml`;
    const written = upTo.findLast((it) => it.files.includes(file));
    const isStable = track === 'primary' && !upTo.some((it) => it.phase === 'Promoting');
    const text = rendered.files.get(
      isStable
        ? `as-stable/primary-${step.pods?.primary}/${file}`
        : `steps/${written?.name}/${file}`,
    );
    return Number(objectAt(parse(String(text)), 'spec').replicas);
  };
  const pods = { primary: replicasIn('primary'), canary: replicasIn('canary') };
  if (step.phase !== 'Initializing') expect(step.pods, step.name).toEqual(pods);
  const share = (100 * pods.canary) / (pods.primary + pods.canary);
  expect(Math.abs(step.weights.canary - share), step.name).toBeLessThan(0.01);
}

function routingIn({ plan, files }: Rendered, step: Step): readonly Manifest[] {
  return step.files
    .filter((it) => plan.files[it]?.role === 'routing')
    .map((it) => objectIn({ files }, step.name, it));
}

function routingOf(rendered: Rendered): readonly Manifest[] {
  return rendered.plan.steps.flatMap((it) => routingIn(rendered, it));
}

/** What the routing objects of a step say, without what marks them. */
function routesIn(rendered: Rendered, name: string): string {
  const step = rendered.plan.steps.find((it) => it.name === name);
  if (step === undefined) throw new Error(`there is no step ${name}`);
  return JSON.stringify(routingIn(rendered, step).map((it) => it.spec));
}
