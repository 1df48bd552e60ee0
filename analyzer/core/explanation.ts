import { checkText } from '../../lib/plan/judge.ts';
import type { Hook, Plan } from '../../lib/plan/plan.ts';
import type { ClusterView, JobStatus, Readiness } from './cluster/reading.ts';
import { type Said as CheckSaid, saidBy } from './judge/failed-point.ts';
import { type Grid, gridsOf, points } from './judge/grid.ts';
import { needOf, type Proof } from './judge/proof.ts';
import { type Said, saidOf } from './judge/proof-text.ts';
import type { Verdict } from './judge/verdict.ts';
import type { Observation } from './observation.ts';
import type { Status } from './phase.ts';
import { atRest, positionText, stepOf } from './position.ts';
import { hookReading } from './rules/ask.ts';
import { contextOf } from './rules/decide.ts';
import type { Context, Decision } from './rules/decision.ts';
import { isApproved, readingText, START } from './rules/gate.ts';
import { opensAt } from './rules/hours.ts';
import { limitsOf } from './rules/limits.ts';
import { neededIn } from './rules/may-go-on.ts';
import type { Situation } from './situation.ts';
import { isoTime } from './state.ts';

/** What was asked about a release, and what follows: plain data, as `perch explain --json` prints it. */
export interface Explanation extends Status {
  /** When it was asked; ISO 8601. */
  readonly at: string;
  readonly decision: DecisionExplained;
  /** Null where the cluster was not asked. */
  readonly cluster: ClusterExplained | null;
  readonly checks: readonly CheckExplained[];
  /** Null where no test is weighed. */
  readonly evidence: EvidenceExplained | null;
  /** Null where nothing is judged. */
  readonly count: CountExplained | null;
  readonly hooks: readonly HookExplained[];
  readonly gates: readonly GateExplained[];
  /** Null where the release has none. */
  readonly hours: { readonly open: boolean; readonly opensAt: string | null } | null;
  readonly dependsOn: readonly DependencyExplained[];
}

/** Whether the release stays, moves or rolls back. */
export interface DecisionExplained {
  readonly kind: 'rests' | 'stays' | 'moves' | 'rolls back';
  readonly reason: string;
  /** When the answer may be another one by itself; ISO 8601. */
  readonly until: string | null;
  /** The position that is taken. */
  readonly to: string | null;
}

/** What the cluster shows, object by object. */
export interface ClusterExplained {
  readonly live: boolean;
  readonly since: string | null;
  /** Why it is not live, or why nobody can tell. */
  readonly reason: string | null;
  readonly objects: readonly {
    readonly cluster: string | null;
    readonly kind: string;
    readonly namespace: string | null;
    readonly name: string;
    readonly wrong: readonly string[];
  }[];
  readonly tracks: Readonly<Partial<Record<string, Readiness>>>;
  readonly jobs: readonly (JobStatus & { readonly file: string })[];
}

/** One check of the step. */
export interface CheckExplained {
  readonly name: string;
  /** What passes, and what is enough to roll back: `≥ 99 %`. */
  readonly bounds: string;
  /** Its failures of the rollout; null where they count towards the threshold of the release. */
  readonly own: { readonly failed: number; readonly threshold: number } | null;
  readonly unit: string | null;
  /** On the grid from the step's commit, on which failures count. */
  readonly counted: readonly PointExplained[];
  /** On the grid from live, on which passing points count. */
  readonly clean: readonly PointExplained[];
}

/** What the tests of the step say. E-values are evidence: 1 is none, and each is proof at its level. */
export interface EvidenceExplained {
  readonly harm: { readonly e: number; readonly proof: number };
  /** That the next step is safe; null where no test says so. */
  readonly safety: { readonly e: number; readonly proof: number } | null;
  readonly isSafe: boolean;
  /** Requests to the canary that the next step still needs; null where it needs none. */
  readonly need: { readonly requests: number | null; readonly seconds: number | null } | null;
  readonly trouble: string | null;
  readonly tests: readonly Said[];
}

/** One point of a check; no value is one without data. */
export interface PointExplained {
  readonly at: string;
  readonly value: number | null;
  readonly verdict: Verdict;
  /** Why, where the check says more than its value. */
  readonly said: string | null;
}

/** How many points there are, and how many there must be, or may be. */
export interface CountExplained {
  readonly passed: number;
  readonly needed: number;
  readonly failed: number;
  readonly threshold: number;
  /** Failures that are the environment's. */
  readonly excused: number;
  /** Why an answer is missing. */
  readonly trouble: string | null;
}

/** A hook of the step. */
export interface HookExplained {
  readonly name: string;
  readonly type: Hook['type'];
  /** What it said, or how its last run ended. */
  readonly said: string;
}

/** A gate that the release comes to next. */
export interface GateExplained {
  /** `person`, or the name of a hook. */
  readonly opener: string;
  readonly approved: boolean;
  readonly said: string;
}

/** A release that this one waits for before it starts. */
export interface DependencyExplained {
  readonly release: string;
  readonly phases: readonly string[];
  readonly is: string | null;
}

/** What a pass has found out about one release. */
export interface Found {
  readonly status: Status;
  readonly observation: Observation;
  readonly decision: Decision;
  /** Unix seconds. */
  readonly at: number;
}

/** Makes an observation and its decision readable. */
export function explanationOf({ status, observation, decision, at }: Found): Explanation {
  const { rollout } = observation.situation;
  const context = rollout.kind === 'known' ? contextOf(observation, rollout.value, at) : undefined;
  const plan = planAhead(observation.situation);
  return {
    ...status,
    at: isoTime(at),
    decision: decisionOf(decision),
    cluster: observation.cluster === undefined ? null : clusterOf(observation.cluster),
    checks: context === undefined ? [] : checksOf(context),
    evidence: context?.proof === undefined ? null : evidenceOf(context.proof),
    count: context === undefined || observation.series.length === 0 ? null : countOf(context),
    hooks: context === undefined ? [] : hooksOf(context),
    gates: plan === undefined ? [] : gatesOf(observation, plan),
    hours: plan === undefined ? null : hoursOf(plan, at),
    dependsOn: plan === undefined ? [] : dependenciesOf(observation, plan),
  };
}

/** At rest gates and hours are those of the newest plan, which they keep from starting. */
function planAhead({ rollout, dist, plan }: Situation): Plan | undefined {
  const isResting = rollout.kind !== 'known' || atRest(rollout.value.state.position);
  const tree = isResting ? dist : plan;
  if (tree.kind !== 'known') return undefined;
  const isStable = rollout.kind === 'known' && tree.value.tree === rollout.value.stable?.tree;
  return isResting && isStable ? undefined : tree.value.plan;
}

function decisionOf(it: Decision): DecisionExplained {
  const { reason } = it;
  if (it.kind === 'move') {
    const isBack = it.transition === 'back' || it.transition === 'undo';
    const to = positionText(it.to);
    return { kind: isBack ? 'rolls back' : 'moves', reason, until: null, to };
  }
  const until = it.kind === 'hold' ? it.untilSeconds : undefined;
  return {
    kind: it.kind === 'hold' ? 'stays' : 'rests',
    reason,
    until: until === undefined ? null : isoTime(until),
    to: null,
  };
}

function clusterOf({ live, ready, jobs, objects = [] }: ClusterView): ClusterExplained {
  return {
    live: live.kind === 'live',
    since: live.kind === 'live' ? isoTime(live.sinceSeconds) : null,
    reason: live.kind === 'live' ? null : live.reason,
    objects: objects.map(({ ref: { kind, namespace = null, name }, cluster = null, wrong }) => ({
      cluster,
      ...{ kind, namespace, name },
      wrong,
    })),
    tracks: ready,
    jobs: [...(jobs ?? [])].map(([file, it]) => ({ file, ...it })),
  };
}

function checksOf(context: Context): readonly CheckExplained[] {
  const { rollout, observation, now } = context;
  const { series } = observation;
  const live = observation.cluster?.live ?? { kind: 'unknown', reason: 'not asked' };
  const window = Math.max(...series.map((one) => one.check.windowSeconds));
  const { fromCommit: counted, fromLive: clean } = gridsOf(rollout, live, window, now);
  const said = {
    counted: saidBy(series, (it) => it.fromCommit),
    clean: saidBy(series, (it) => it.fromLive),
  };
  return series.map(({ check }, index) => ({
    name: check.name,
    bounds: checkText(check),
    own: ownOf(context, check.name),
    unit: check.unit ?? null,
    counted: pointsOf(counted, (at) => said.counted(at)[index]),
    clean: clean === undefined ? [] : pointsOf(clean, (at) => said.clean(at)[index]),
  }));
}

function ownOf(context: Context, name: string): CheckExplained['own'] {
  const limit = limitsOf(context).find((it) => it.check === name);
  return limit === undefined ? null : { failed: limit.count, threshold: limit.threshold };
}

function pointsOf(
  grid: Grid,
  saidAt: (at: number) => CheckSaid | undefined,
): readonly PointExplained[] {
  return points(grid).map((at) => {
    const { value, verdict = 'unknown', text } = saidAt(at) ?? {};
    return { at: isoTime(at), value: value ?? null, verdict, said: text ?? null };
  });
}

function countOf(context: Context): CountExplained {
  const { judgement, failedChecks, rollout } = context;
  return {
    passed: judgement.passed,
    needed: neededIn(context),
    failed: failedChecks,
    threshold: rollout.plan.plan.analysis.threshold,
    excused: judgement.excused.length,
    trouble: judgement.trouble ?? null,
  };
}

function evidenceOf(proof: Proof): EvidenceExplained {
  const { harm, proofOfHarm, safety, proofOfSafety, isSafe, trouble, tests } = proof;
  const need = needOf(proof);
  const finite = (value: number | undefined) =>
    value === undefined || !Number.isFinite(value) ? null : value;
  return {
    harm: { e: Math.exp(harm), proof: Math.exp(proofOfHarm) },
    safety: safety === undefined ? null : { e: Math.exp(safety), proof: Math.exp(proofOfSafety) },
    isSafe,
    need:
      need === undefined
        ? null
        : { requests: finite(need.requests), seconds: finite(need.seconds) },
    trouble: trouble ?? null,
    tests: tests.map(saidOf),
  };
}

function hooksOf({ rollout: { state, plan }, observation }: Context): readonly HookExplained[] {
  const step = state.position.kind === 'step' ? stepOf(plan.plan, state.position) : undefined;
  return (plan.plan.hooks ?? [])
    .filter((it) => step?.hooks?.includes(it.name) === true)
    .map(({ name, type }) => {
      const reading = hookReading(observation.answers, name);
      const run = state.hooks?.filter((it) => it.hook === name && it.step === step?.name).at(-1);
      const ended = run === undefined ? 'not called yet' : (run.outcome ?? 'called, not ended');
      return { name, type, said: reading === undefined ? ended : readingText(reading) };
    });
}

function gatesOf(observation: Observation, plan: Plan): readonly GateExplained[] {
  const { rollout } = observation.situation;
  const state = rollout.kind === 'known' ? rollout.value.state : undefined;
  const step =
    state === undefined || atRest(state.position) ? undefined : stepOf(plan, state.position);
  const all = step === undefined ? plan.start : step.gates;
  const approved = isApproved(state, plan, step?.name ?? START);
  return (all ?? []).map((it) => {
    if (it.kind === 'person') {
      const said = approved ? 'open' : `closed: \`perch promote ${plan.release}\` opens it`;
      return { opener: 'person', approved, said };
    }
    const reading = hookReading(observation.answers, it.hook);
    const said = approved ? 'open' : reading === undefined ? 'not asked yet' : readingText(reading);
    return { opener: it.hook, approved, said };
  });
}

function hoursOf({ hours = [] }: Plan, now: number): Explanation['hours'] {
  if (hours.length === 0) return null;
  const at = opensAt(hours, now);
  return { open: at === undefined, opensAt: at === undefined ? null : isoTime(at) };
}

function dependenciesOf({ others }: Observation, plan: Plan): readonly DependencyExplained[] {
  return (plan.dependsOn ?? []).map(({ release, phases }) => ({
    release,
    phases,
    is: others?.get(release) ?? null,
  }));
}
