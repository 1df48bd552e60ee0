import type { Mistake, Reproof } from '../mistake.ts';
import {
  type Capabilities,
  cannot,
  type Limit,
  type MatchPart,
  matchesBy,
  type Shares,
} from './capabilities.ts';
import type { ReleaseContext, Router, RouterContext, Split } from './router.ts';
import { isOfAll, type Mirror, type Traffic } from './traffic.ts';

/**
 * What is wrong with the traffic of a release's steps: what no router can do, what this one cannot do, and what the
 * router itself says of the rest.
 *
 * @param traffics of all steps, in order
 */
export function routerMistakes(
  router: Router,
  context: RouterContext,
  traffics: readonly Traffic[],
): readonly Mistake[] {
  const { found, rest } = judged(router, context, traffics, router.capabilities(context));
  return [...found, ...router.mistakes(context, rest)];
}

/** The same where the release has no Service: its pods take work themselves, and no request comes to them. */
export function unroutedMistakes(
  router: Router,
  context: ReleaseContext,
  traffics: readonly Traffic[],
): readonly Mistake[] {
  return judged(router, context, traffics, UNREACHED).found;
}

/** What is found without a look at routes, and the traffic that is left to look at. */
function judged(
  { kind, splits }: Router,
  context: ReleaseContext,
  traffics: readonly Traffic[],
  can: Capabilities,
): { readonly found: readonly Mistake[]; readonly rest: readonly Traffic[] } {
  const found = traffics.flatMap((it) => [
    ...senseless(it),
    ...[...weightExcesses(it, splits, can), ...excesses(it, can)].map(
      ({ what, got, limit: { because, remedy } }) => ({
        problem: `traffic ${kind} cannot ${what}: ${because}`,
        got,
        remedy,
      }),
    ),
  ]);
  const rest = traffics.map((it) => within(it, can));
  return {
    found: [
      ...once(found).map((it) => ({ path: context.path, ...it })),
      ...(splits.kind === 'pods' ? splits.mistakes(context, rest) : []),
    ],
    rest,
  };
}

const UNSERVED = cannot(
  'the release has no Service, so it gets no requests',
  'leave it out of the strategy, or give service: { port: … }',
);

/** Of pods that take work themselves. */
const UNREACHED: Capabilities = {
  matches: matchesBy([], UNSERVED),
  mirrors: UNSERVED,
  affinity: UNSERVED,
  baseline: UNSERVED,
};

/** Most steps ask for the same: it is told with what the first of them got. */
function once(all: readonly Reproof[]): readonly Reproof[] {
  return all.filter((it, index) => all.findIndex((one) => one.problem === it.problem) === index);
}

/** What no router could do. */
function senseless({ weights, mirrors = [] }: Traffic): readonly Reproof[] {
  const { primary, canary, baseline = 0 } = weights;
  const all = [primary, canary, baseline];
  const sum = all.reduce((a, b) => a + b, 0);
  const isWhole = all.every((it) => it >= 0) && Math.abs(sum - 100) < 1e-6;
  const ofAll = mirrors.filter(isOfAll);
  return [
    ...(isWhole
      ? []
      : [
          {
            problem: 'the weights of a step must add up to 100',
            got: { primary, canary, baseline },
            remedy: 'let none of them be negative, and their sum be 100',
          },
        ]),
    ...mirrors
      .filter(({ percent }) => !(percent > 0 && percent <= 100))
      .map(({ percent }) => ({
        problem: 'a mirror must copy a percentage of the requests',
        got: percent,
        remedy: 'use more than 0 and at most 100',
      })),
    ...(ofAll.length <= 1
      ? []
      : [
          {
            problem: 'a step has two mirrors of all requests, and each request is copied once',
            got: ofAll,
            remedy: 'keep one of them',
          },
        ]),
  ];
}

/** Something that a step asks for and the router cannot do. */
interface Excess {
  /** Continues “it cannot”. */
  readonly what: string;
  readonly got: unknown;
  readonly limit: Limit;
}

function weightExcesses(
  { weights }: Traffic,
  splits: Split,
  { baseline: third }: Capabilities,
): Excess[] {
  const { canary, baseline } = weights;
  const shared = [canary, ...(baseline === undefined || third.kind === 'cannot' ? [] : [baseline])];
  const excesses: Excess[] = [];
  // Which weights a number of pods can give depends on that number: it is the router's to say.
  if (splits.kind === 'requests')
    for (const got of shared.filter((it) => !isShare(it, splits.weights)))
      excesses.push({
        what: `give a track ${got} % of the requests`,
        got,
        limit: splits.weights,
      });
  if (baseline !== undefined && third.kind === 'cannot')
    excesses.push({ what: 'give the baseline a weight', got: baseline, limit: third });
  return excesses;
}

/** What it cannot do of all that is said besides weights. */
function excesses({ routes = [], mirrors = [], affinity }: Traffic, can: Capabilities): Excess[] {
  return [
    ...routes.flatMap((it) => matchExcesses(it, can)),
    ...mirrors.flatMap((it) => [...matchExcesses(it, can), ...mirrorExcesses(it, can)]),
    ...(affinity === undefined || can.affinity.kind === 'can'
      ? []
      : [
          {
            what: 'keep users by a session cookie',
            got: affinity.cookie.name,
            limit: can.affinity,
          },
        ]),
  ];
}

/** How people call what a match asks for. */
const PARTS: Readonly<Record<MatchPart, string>> = {
  headers: 'headers',
  cookies: 'cookies',
  queryParams: 'query parameters',
  sourceLabels: 'labels of the client’s pod',
  path: 'path',
  method: 'method',
};
const MATCH_PARTS = Object.keys(PARTS) as readonly MatchPart[];

function matchExcesses({ match = [] }: Pick<Mirror, 'match'>, { matches }: Capabilities): Excess[] {
  return match.flatMap((it) =>
    MATCH_PARTS.flatMap((part) => {
      const limit = matches[part];
      const got = it[part];
      if (limit.kind === 'can' || got === undefined || Object.keys(got).length === 0) return [];
      return [{ what: `match requests by ${PARTS[part]}`, got, limit }];
    }),
  );
}

function mirrorExcesses({ percent }: Mirror, { mirrors }: Capabilities): Excess[] {
  if (mirrors.kind === 'cannot') return [{ what: 'copy requests', got: percent, limit: mirrors }];
  if (isShare(percent, mirrors)) return [];
  return [{ what: `copy ${percent} % of the requests`, got: percent, limit: mirrors }];
}

/** Whether a percentage is a number of whole parts. */
function isShare(percent: number, { total }: Shares): boolean {
  const parts = (percent * total) / 100;
  return Math.abs(parts - Math.round(parts)) < 1e-6;
}

/** The traffic without what the router cannot do, which is refused already. */
function within(traffic: Traffic, can: Capabilities): Traffic {
  const { weights, routes = [], mirrors = [], affinity } = traffic;
  const { baseline: _, ...two } = weights;
  return {
    weights: can.baseline.kind === 'can' ? weights : two,
    routes: routes.filter((it) => matchExcesses(it, can).length === 0),
    mirrors: mirrors.filter(
      (it) => matchExcesses(it, can).length === 0 && mirrorExcesses(it, can).length === 0,
    ),
    ...(affinity === undefined || can.affinity.kind === 'cannot' ? {} : { affinity }),
  };
}
