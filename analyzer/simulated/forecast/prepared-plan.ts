import type { Check, Plan, Stay, Step } from '../../../lib/plan/plan.ts';
import { sizeFolder } from '../../../lib/plan/plan.ts';
import { FORMAT } from '../../../lib/plan/versions.ts';
import { outcome } from '../../core/change.ts';
import { BASELINE, type PlanTree } from '../../core/position.ts';
import { situationAfter, withRollout } from '../../core/rollout.ts';
import type { Rollout, Situation } from '../../core/situation.ts';
import { isoTime, type State } from '../../core/state.ts';

/** What a check's query asks, as far as simulated counts can answer it. */
export type Asked = 'success-rate' | { readonly quantile: number };

/** A plan that can be played without a cluster, a Git repository and people. */
export interface PreparedPlan {
  readonly tree: PlanTree;
  /** The release that runs before: the same plan of another candidate. */
  readonly stable: PlanTree;
  /** What each check asks, by its name. */
  readonly asked: ReadonlyMap<string, Asked>;
  /** What of the plan is not played, for people. */
  readonly leftOut: readonly string[];
}

/** Leaves out what nobody can simulate, and what waits for somebody: gates, hooks, Jobs and hours are taken as open. */
export function prepared(plan: Plan): PreparedPlan {
  const asked = new Map(
    plan.checks.flatMap((it) => {
      const found = askedBy(it);
      return found === undefined ? [] : [[it.name, found] as const];
    }),
  );
  const played: Plan = {
    ...plan,
    checks: plan.checks.filter((it) => asked.has(it.name)),
    hooks: undefined,
    start: undefined,
    suspend: undefined,
    hours: undefined,
    dependsOn: undefined,
    steps: plan.steps.map((it) => playedStep(it, asked)),
  };
  return {
    tree: treeOf(played, plan.candidate),
    stable: treeOf({ ...played, candidate: '0000000000', group: undefined }, '0000000000'),
    asked,
    leftOut: leftOutOf(plan, asked),
  };
}

function playedStep(step: Step, asked: ReadonlyMap<string, Asked>): Step {
  const checks = step.checks.filter((it) => asked.has(it));
  return {
    ...step,
    checks,
    stay: checks.length === 0 ? waitOf(step.stay) : step.stay,
    gates: undefined,
    hooks: undefined,
    jobs: undefined,
  };
}

/** What is left of a stay without checks: its time, and how early tests may end it. */
function waitOf(stay: Stay): Stay {
  if (stay.kind === 'guard') return { kind: 'wait', seconds: 0 };
  return { ...stay, kind: 'wait' };
}

/** The built-in queries are known by how they are written; lib/metrics/request-queries.ts writes them. */
function askedBy({ judge, ask: { canary: query } }: Check): Asked | undefined {
  if (judge.kind !== 'bounds') return undefined;
  const isRate =
    (query.startsWith('100 * (sum(rate(') && query.endsWith(' > 0)')) ||
    (query.startsWith('clamp_min(100 * (1 - (') && query.endsWith(' > 0)), 0)'));
  if (isRate) return 'success-rate';
  const quantile = /^(?:1000 \* )?histogram_quantile\((0?\.\d+), sum by \(le\) \(rate\(/.exec(
    query,
  );
  return quantile === null ? undefined : { quantile: Number(quantile[1]) };
}

function leftOutOf(plan: Plan, asked: ReadonlyMap<string, Asked>): readonly string[] {
  const unplayed = plan.checks.filter((it) => !asked.has(it.name));
  const namesOf = (kind: Check['judge']['kind']) =>
    unplayed.filter((it) => it.judge.kind === kind).map((it) => it.name);
  const [own, compared] = [namesOf('bounds'), namesOf('ranks')];
  const isOpen =
    [plan.hooks, plan.start, plan.hours, plan.dependsOn].some((it) => it !== undefined) ||
    plan.steps.some((it) => it.gates !== undefined || it.jobs !== undefined);
  const isUnchecked = unplayed.length > 0 && asked.size === 0 && plan.evidence === undefined;
  const strata = plan.evidence?.tests.some((it) => it.strata !== undefined) === true;
  return [
    ...(own.length === 0
      ? []
      : [`checks with a query of their own cannot be simulated: ${own.join(', ')}`]),
    ...(compared.length === 0
      ? []
      : [`comparisons by ranks are not simulated: ${compared.join(', ')}`]),
    ...(isUnchecked ? ['no check is left, so nothing but its pods can take a rollout back'] : []),
    ...(isOpen ? ['gates, hooks, Jobs and hours are taken as open'] : []),
    ...(strata ? ['all requests are taken to be of one stratum'] : []),
  ];
}

/** Ids stand for bytes that nobody reads. */
function treeOf(plan: Plan, candidate: string): PlanTree {
  const blobs = new Map<string, string>();
  const add = (folder: string, names: readonly string[]) => {
    for (const name of names) blobs.set(`${folder}/${name}`, `${candidate} ${folder}/${name}`);
  };
  for (const it of plan.steps) add(`steps/${it.name}`, it.files);
  add(BASELINE, plan.baseline ?? []);
  const primary = plan.workloads.primary?.file;
  for (const size of plan.sizes ?? [])
    add(sizeFolder(size), primary === undefined ? [] : [primary]);
  return { tree: candidate.padEnd(40, '0'), plan, blobs };
}

/** A rollout right after the commit of its first step. */
export interface Started {
  readonly rollout: Rollout;
  readonly situation: Situation;
}

/** Starts the plan's rollout. @param now Unix seconds */
export function started({ tree, stable }: PreparedPlan, now: number): Started {
  const { plan } = tree;
  const known = <T>(value: T) => ({ kind: 'known', value }) as const;
  const state: State = {
    transition: 1,
    version: FORMAT,
    release: plan.release,
    kind: 'complete',
    position: { kind: 'complete' },
    at: isoTime(now),
    reason: 'the release before',
    candidate: stable.plan.candidate,
    plan: stable.tree,
    stable: stable.tree,
    steps: [],
    changed: [],
    removed: [],
  };
  const resting = withRollout({
    id: plan.release,
    state: known(state),
    plan: known(stable),
    stable: known(stable),
    dist: known(tree),
    live: new Map(),
    lastCommit: undefined,
  });
  const rollout = outcome(
    resting,
    {
      kind: 'move',
      transition: 'start',
      to: { kind: 'step', step: plan.steps[1]?.name ?? '' },
      pins: true,
      failed: undefined,
      verdict: 'none',
      reason: 'a new candidate',
    },
    now,
  );
  return { rollout, situation: situationAfter(resting, rollout) };
}
