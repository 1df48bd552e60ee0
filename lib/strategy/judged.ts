import type { Duration } from 'cdk8s';
import * as z from 'zod';
import { aCheck } from '../analysis/checks.ts';
import { wholeSeconds } from '../analysis/whole-seconds.ts';
import type { Mistake } from '../mistake.ts';
import { duration, fields, listOf } from '../props/fields.ts';
import type { RequestMatch } from '../traffic/traffic.ts';
import type { StageProps } from './stages.ts';

/** How long the candidate is judged in a stage; at most one of the two. */
export interface BakeProps extends z.infer<typeof bakeProps> {}

/** The schema of `BakeProps`. */
export const bakeProps = fields({
  /**
   * How long the checks must pass.
   * @default - the release's `analysis.bakeTime`
   */
  bake: duration.optional(),
  /**
   * How many check points must pass, one each check period.
   * @default - as many as the bake time has
   */
  iterations: z.number().optional(),
});

/** Checks of one stage alone. */
export interface OwnChecksProps extends z.infer<typeof ownChecksProps> {}

/** The schema of `OwnChecksProps`. */
export const ownChecksProps = fields({
  /** All must pass. */
  checks: listOf(aCheck),
  /**
   * How long they must pass.
   * @default - the release's `analysis.bakeTime`
   */
  bake: duration.optional(),
});

/** The stage's own part of a step. */
export function baking({ bake, iterations }: BakeProps): StageProps {
  if (bake !== undefined) return { checks: 'bake', bake };
  return { checks: 'bake', ...(iterations === undefined ? {} : { points: iterations }) };
}

/** Checks of a stage beside the release's. */
export function judging({ checks, bake }: OwnChecksProps): StageProps {
  return { own: checks, ...(bake === undefined ? {} : { bake }) };
}

/** What is wrong with how long a stage is judged. */
export function bakeMistakes(
  path: string,
  props: BakeProps,
  { field = '', least = 1 }: { readonly field?: string; readonly least?: number } = {},
): Mistake[] {
  const { bake, iterations } = props;
  const mistakes = durationMistakes(path, `${field}bake`, bake);
  if (iterations === undefined) return mistakes;
  if (!Number.isInteger(iterations) || iterations < least)
    mistakes.push({
      path,
      problem: `strategy.${field}iterations must be a whole number`,
      got: iterations,
      remedy: `use ${least} or more`,
    });
  if (bake !== undefined)
    mistakes.push({
      path,
      problem: `strategy has ${field}iterations beside ${field}bake`,
      got: iterations,
      remedy: 'keep one of them: each check period is one iteration',
    });
  return mistakes;
}

/** What is wrong with a duration that a strategy waits for. */
export function durationMistakes(
  path: string,
  field: string,
  value: Duration | undefined,
): Mistake[] {
  if (value === undefined) return [];
  return [...wholeSeconds(path, `strategy.${field}`, value, 1).mistakes];
}

/** What is wrong with the checks of one stage. */
export function ownCheckMistakes(
  path: string,
  field: string,
  props: OwnChecksProps | undefined,
): Mistake[] {
  if (props === undefined) return [];
  const time = durationMistakes(path, `${field}.bake`, props.bake);
  if (props.checks.length > 0) return time;
  const remedy = 'give at least one check, or leave it out';
  return [...time, { path, problem: `strategy.${field}.checks is empty`, got: [], remedy }];
}

/** What is wrong with the requests that a route or a mirror names. */
export function matchMistakes(
  path: string,
  field: string,
  match: readonly RequestMatch[],
): Mistake[] {
  if (match.length === 0)
    return [
      {
        path,
        problem: `strategy.${field} is empty`,
        got: match,
        remedy: 'name at least one kind of request',
      },
    ];
  return match.flatMap((it, index) => [
    ...emptyMistakes(path, `${field}[${index}]`, it),
    ...Object.keys(it.headers ?? {})
      .filter((name) => name !== name.toLowerCase())
      .map((got) => ({
        path,
        problem: `strategy.${field}[${index}].headers must be named in lower case`,
        got,
        remedy: `write ${got.toLowerCase()}: requests may have it either way`,
      })),
  ]);
}

function emptyMistakes(path: string, field: string, it: RequestMatch): Mistake[] {
  const { headers = {}, cookies = {}, queryParams = {}, sourceLabels = {}, path: at, method } = it;
  const named = [headers, cookies, queryParams, sourceLabels].some(
    (all) => Object.keys(all).length > 0,
  );
  if (named || at !== undefined || method !== undefined) return [];
  const remedy = 'name a header, a cookie, a query parameter, a source label, a path or a method';
  return [{ path, problem: `strategy.${field} matches every request`, got: it, remedy }];
}
