import { expect, test } from 'vitest';
import { istio, type Router, type Traffic } from '../../../lib/index.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { CAN, cannot, matchesBy } from '../../../lib/traffic/capabilities.ts';
import { routerMistakes } from '../../../lib/traffic/mistakes.ts';
import { SHOP } from './route.ts';

const NOT = cannot('it is small', 'use a larger one');
const WEIGHTS = { primary: 90, canary: 10 };
const A = { headers: { a: { exact: '1' } } };
const B = { method: 'GET' };

/** One that can do little, and what it was asked about. */
function small(): { readonly router: Router; readonly asked: Traffic[] } {
  const asked: Traffic[] = [];
  const router: Router = {
    ...istio(),
    kind: 'small',
    splits: { kind: 'requests', weights: { ...NOT, kind: 'shares', total: 20 } },
    capabilities: () => ({
      matches: matchesBy(['headers'], NOT),
      mirrors: { ...NOT, kind: 'shares', total: 1 },
      affinity: NOT,
      baseline: CAN,
    }),
    mistakes: (_, traffics) => {
      asked.push(...traffics);
      return [];
    },
  };
  return { router, asked };
}

function wrongs(...traffics: readonly Traffic[]): readonly string[] {
  return routerMistakes(small().router, SHOP, traffics).map(mistakeText);
}

test('what a router cannot do is told once for all steps, with the router and its remedy', () => {
  const step = (canary: number): Traffic => ({
    weights: { primary: 100 - canary, canary },
    routes: [{ name: 'r', match: [A, B] }],
    mirrors: [{ percent: 50, match: [B] }],
    affinity: { cookie: { name: 'c' }, ends: false },
  });
  const said = (what: string, got: string) =>
    `shop: traffic small cannot ${what}: it is small, got ${got}; use a larger one`;
  expect(wrongs(step(0), step(5), step(12), step(12.5))).toEqual([
    said('match requests by method', '"GET"'),
    said('copy 50 % of the requests', '50'),
    said('keep users by a session cookie', '"c"'),
    said('give a track 12 % of the requests', '12'),
    said('give a track 12.5 % of the requests', '12.5'),
  ]);
});

test('the router itself is asked about the rest', () => {
  const { router, asked } = small();
  const fine = { name: 'fine', match: [A] } as const;
  routerMistakes(router, SHOP, [
    {
      weights: WEIGHTS,
      routes: [{ name: 'r', match: [A, B] }, fine],
      mirrors: [{ percent: 50 }, { percent: 100, match: [A] }],
      affinity: { cookie: { name: 'c' }, ends: true },
    },
  ]);
  expect(asked).toEqual([
    { weights: WEIGHTS, routes: [fine], mirrors: [{ percent: 100, match: [A] }] },
  ]);
});

test('a condition that asks for nothing needs no ability', () => {
  const routes = [{ name: 'r', match: [{ ...A, cookies: {}, sourceLabels: {} }] as const }];
  expect(wrongs({ weights: WEIGHTS, routes })).toEqual([]);
});

test.each<[Partial<Traffic>, string]>([
  [{ weights: { primary: 40, canary: 60, baseline: 60 } }, 'weights of a step must add up to 100'],
  [{ weights: { primary: -25, canary: 125 } }, 'the weights of a step must add up to 100'],
  [{ weights: { primary: 10, canary: 10 } }, 'the weights of a step must add up to 100'],
  [{ mirrors: [{ percent: 0 }] }, 'a mirror must copy a percentage of the requests, got 0'],
  [
    { mirrors: [{ percent: 100 }, { percent: 100, match: [] }] },
    'a step has two mirrors of all requests, and each request is copied once',
  ],
])('no router could do %j', (traffic, said) => {
  expect(wrongs({ weights: WEIGHTS, ...traffic })).toEqual([expect.stringContaining(said)]);
});
