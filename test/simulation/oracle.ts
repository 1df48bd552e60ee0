import { illegal, violations } from '../../analyzer/core/legal.ts';
import type { Situation } from '../../analyzer/core/observation.ts';
import { canaryWeight, type PlanTree } from '../../analyzer/core/position.ts';
import { rolloutOf } from '../../analyzer/core/rollout.ts';
import type { State } from '../../analyzer/core/state.ts';
import type { World } from './world.ts';

/** What must never happen, found in a simulated run. */
export class Broken extends Error {
  readonly rule: string;

  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`);
    this.rule = rule;
  }
}

/** One commit of the analyzer, as the oracle sees it. */
export interface Commit {
  readonly at: number;
  readonly before: Situation;
  readonly after: Situation;
  readonly hadDisagreement: boolean;
  /** Whether the version that runs is good in truth. */
  readonly good: boolean;
  readonly verdict: string;
}

/** Settings of the simulated plans, repeated here so that the oracle does not trust the code under test. */
const PERIOD = 10;
const WINDOW = 30;
const SETTLE = 5;
const NEEDED = 3;
const THRESHOLD = 3;

/** Looks at every commit of a run, in order. */
export interface Oracle {
  /** @throws Broken when something happened that must never happen */
  check(commit: Commit): void;
}

export function createOracle(world: World): Oracle {
  /** Failed points of the steps that this rollout has left. */
  let spent = 0;
  let failed: string | undefined;
  return {
    check(commit) {
      check(commit, world);
      failed = failedAfter(commit, failed);
      const old = stateOf(commit.before);
      const next = stateOf(commit.after);
      if (next?.kind === 'start' || next?.kind === 'back') spent = 0;
      if (old?.position.kind !== 'step' || next === undefined || next.kind === 'note') return;
      const step = planOf(commit.before)?.plan.steps.find((it) => it.name === stepName(old));
      if (step === undefined || step.checks.length === 0) return;
      const begin = Date.parse(old.steps[0]?.at ?? old.at) / 1000 + WINDOW;
      spent += failedPoints(world, Date.parse(old.at) / 1000, commit.at, begin);
      if (next.kind !== 'back' && spent >= THRESHOLD)
        throw new Broken('budget', `${spent} failed points so far, and it goes on at ${commit.at}`);
    },
  };
}

/** The candidate that must not be started again, remembered here whatever the state says. */
function failedAfter(
  { after, verdict, at }: Commit,
  failed: string | undefined,
): string | undefined {
  const next = stateOf(after);
  if (next?.kind === 'back' && verdict === 'fail') return next.candidate;
  if (next?.kind !== 'start') return failed;
  if (next.candidate === failed)
    throw new Broken('failed-again', `${failed} was started again at ${at}`);
  return undefined;
}

/** @param begin from when on every sample is the candidate's own */
function failedPoints(world: World, from: number, now: number, begin: number): number {
  let failed = 0;
  for (let at = from + PERIOD; at <= now - SETTLE; at += PERIOD) {
    const value = world.truth(at);
    if (at >= begin && value !== undefined && value < 99) failed++;
  }
  return failed;
}

/**
 * Checks one commit against the truth of the world. Shares no arithmetic with the core: it knows what was
 * really applied, really ready and really measured.
 */
function check(commit: Commit, world: World): void {
  const { at, before, after } = commit;
  const wrong = violations(after);
  if (wrong.length > 0) throw new Broken('files', wrong.join('; '));
  if (commit.hadDisagreement && stateOf(after)?.kind !== 'back')
    throw new Broken(
      'hand-edit',
      'a transition other than a way back was made over an edit by hand',
    );
  const notLegal = illegal(before, after);
  if (notLegal !== undefined && !commit.hadDisagreement) throw new Broken('legal', notLegal);
  const old = stateOf(before);
  const next = stateOf(after);
  const plan = planOf(before);
  if (old === undefined || next === undefined || plan === undefined) return;
  const from = weightOf(plan, old);
  const to = weightOf(planOf(after), next);
  if (next.kind === 'back' || next.kind === 'next' || next.kind === 'complete')
    checkMove(commit, world, { plan, old, next, from, to });
  if (commit.good && commit.verdict === 'fail')
    throw new Broken('false-alarm', `a good version went back at ${at}: ${next.reason}`);
}

interface Moved {
  readonly plan: PlanTree;
  readonly old: State;
  readonly next: State;
  readonly from: number;
  readonly to: number;
}

function checkMove(commit: Commit, world: World, moved: Moved): void {
  const { at } = commit;
  const { old, next, from, to, plan } = moved;
  if (old.position.kind === 'step' && next.kind === 'next') {
    const names = plan.plan.steps.map((it) => it.name);
    const position = next.position.kind === 'step' ? next.position.step : '';
    if (names.indexOf(position) !== names.indexOf(old.position.step) + 1)
      throw new Broken('skip', `${old.position.step} → ${position}`);
  }
  if (next.kind !== 'back') checkForward(world, at, moved);
  if (to > from && !world.isReady('canary', at))
    throw new Broken('unready-canary', `weight ${from} → ${to}`);
  const returns = to < from;
  const promoted = old.position.kind === 'back' && old.position.part === 'primary';
  if (returns && (promoted || next.kind === 'next') && !world.isReady('primary', at))
    throw new Broken('unready-primary', `weight ${from} → ${to} at ${at}`);
  if (next.position.kind === 'stable' && world.weight() > 0)
    throw new Broken(
      'scaled-down-under-traffic',
      `the cluster still routes ${world.weight()} % at ${at}`,
    );
}

/** Going on is only right when the step was live, and its checks truly passed. */
function checkForward(world: World, at: number, { plan, old }: Moved): void {
  const since = world.appliedSince();
  if (since === undefined)
    throw new Broken('not-live', `left ${JSON.stringify(old.position)} before it was live`);
  const step = old.position.kind === 'step' ? old.position.step : undefined;
  const needs = plan.plan.steps.find((it) => it.name === step)?.bakeSeconds ?? 0;
  if (needs === 0) return;
  const start = since + WINDOW;
  let good = 0;
  for (let t = Math.ceil(start); t <= at - SETTLE; t++) if (isGood(world.truth(t))) good++;
  if (at - SETTLE - start < (NEEDED - 1) * PERIOD || good < NEEDED)
    throw new Broken(
      'not-baked',
      `left ${step} ${at - since} s after it was live, ${good} good seconds`,
    );
  const newest = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((it) => world.truth(at - SETTLE - it));
  if (!newest.some(isGood)) throw new Broken('bad-newest', `left ${step} on ${newest.join(',')}`);
}

function isGood(value: number | undefined): boolean {
  return value !== undefined && value >= 99;
}

function stepName({ position }: State): string | undefined {
  return position.kind === 'step' ? position.step : undefined;
}

function weightOf(plan: PlanTree | undefined, state: State): number {
  return plan === undefined ? 0 : canaryWeight(plan.plan, state.position);
}

function stateOf(situation: Situation): State | undefined {
  return situation.state.kind === 'known' ? situation.state.value : undefined;
}

function planOf(situation: Situation): PlanTree | undefined {
  const rollout = rolloutOf(situation);
  return rollout.kind === 'known' ? rollout.value.plan : undefined;
}
