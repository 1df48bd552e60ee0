import type { Mistake, Reproof } from '../../mistake.ts';
import type { RequestMatch, Traffic } from '../traffic.ts';
import { keyOf, matchProblems } from './matches.ts';
import { type RulesInput, replacesPrefix, routeRules, sizeProblems } from './rules.ts';

/**
 * What of the steps' traffic cannot be put together with the rest of the route.
 *
 * @param inputs one for each rule of the author's that is split
 */
export function trafficMistakes(
  inputs: readonly RulesInput[],
  path: string,
  traffics: readonly Traffic[],
): Mistake[] {
  // Most steps differ by their weights alone.
  const different = new Map(traffics.map((it) => [JSON.stringify({ ...it, weights: 0 }), it]));
  const all = [...different.values()].flatMap((it) => [
    ...inputs.flatMap((input) => RULES.flatMap((rule) => rule(it, input))),
    ...neverMistakes(it, inputs),
  ]);
  return [...new Map(all.map((it) => [JSON.stringify(it), { path, ...it }])).values()];
}

/** What no request can have that any of the rules gets; where one rule has none of them, another may. */
function neverMistakes(it: Traffic, inputs: readonly RulesInput[]): readonly Reproof[] {
  if (requestMatches(it).flatMap(matchProblems).length > 0) return [];
  const [first = [], ...others] = inputs.map((input) => routeRules(input, it).never);
  const where = [...new Set(inputs.map(({ given }) => given.where))].join(' or ');
  return first
    .filter((match) => others.every((all) => all.some((one) => keyOf(one) === keyOf(match))))
    .map((got) => ({
      problem: `no request of ${where} is one that the strategy matches`,
      got,
      remedy: `match what ${where} lets through`,
    }));
}

const RULES: readonly ((it: Traffic, input: RulesInput) => readonly Reproof[])[] = [
  function matches(it, input) {
    const problems = requestMatches(it).flatMap(matchProblems);
    return problems.length > 0 ? problems : routeRules(input, it).problems;
  },
  function sizes(it, input) {
    return sizeProblems(routeRules(input, it).rules);
  },
  function replacedPrefix(it, { given }) {
    if (!replacesPrefix(given)) return [];
    return requestMatches(it)
      .filter(({ path }) => path !== undefined)
      .map(({ path }) => ({
        problem: 'a match of the strategy has a path where a filter of the route replaces a prefix',
        got: path,
        remedy: 'match something else: the gateway would replace the path of the match',
      }));
  },
  function persistence({ routes = [], affinity }, { given }) {
    if (given.sessionPersistence === undefined) return [];
    if (routes.length === 0 && affinity === undefined) return [];
    return [
      {
        problem:
          'sessionPersistence of the route would keep requests on the primary that the strategy sends to the canary',
        got: given.sessionPersistence,
        remedy: 'leave it out',
      },
    ];
  },
];

function requestMatches({ routes = [], mirrors = [] }: Traffic): readonly RequestMatch[] {
  return [...routes.flatMap((it) => it.match), ...mirrors.flatMap((it) => it.match ?? [])];
}
