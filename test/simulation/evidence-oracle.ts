import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Decision } from '../../analyzer/core/rules/decision.ts';
import type { State } from '../../analyzer/core/state.ts';
import type { Evidence } from '../../lib/plan/evidence.ts';
import type { Plan, Step } from '../../lib/plan/plan.ts';
import { Broken } from './broken.ts';
import { METRICS, type Tally } from './counters.ts';
import type { World } from './world.ts';

/** A commit that leaves a step, as far as evidence is concerned. */
export interface Leaving {
  readonly id: string;
  readonly at: number;
  readonly plan: Plan;
  readonly old: State;
  readonly next: State;
}

/** Looks whether what tests of evidence promise holds, by what really became of all requests. */
export interface EvidenceOracle {
  /**
   * Of each commit that a release makes towards its next step.
   *
   * @throws Broken when the step must not be left
   */
  check(leaving: Leaving): void;
  /** A rollout begins, or ends. */
  forget(id: string): void;
}

/** Settings of the simulated plans, repeated here so that the oracle does not trust the code under test. */
const SETTLE = 5;
const INTERVAL = 15;
const LEAST = 20;
const CANARY = 'app-canary';
const PRIMARY = 'app-primary';
const TEST = 'error-rate';
/** Two clocks, and counters that lost a few requests, may differ by so much: ln 2. */
const SLACK = Math.log(2);

/** Requests to both tracks in one interval. */
interface Arms {
  readonly canary: Tally;
  readonly primary: Tally;
}

/** What tests should know of a rollout from the steps that it has left. */
interface Rollout {
  /** ln of the wealth that was staked on each ratio when the rollout began. */
  readonly logs: readonly number[];
  readonly requests: number;
  /** Since when it is weighed; Unix seconds. */
  readonly from: number;
}

/** How many times as bad as allowed, as docs/judge.md has it. */
const WORSE = spaced(40, (part) => 1.1 * (100 / 1.1) ** part);
const BETTER = [
  ...spaced(10, (part) => 0.001 * (0.3 / 0.001) ** part),
  ...spaced(30, (part) => 0.33 + (0.95 - 0.33) * part),
];

function spaced(count: number, of: (part: number) => number): readonly number[] {
  return Array.from({ length: count }, (_, index) => of(index / (count - 1)));
}

/** @param world whose requests are counted */
export function createEvidenceOracle(world: World): EvidenceOracle {
  const rollouts = new Map<string, Rollout>();

  /**
   * Whole intervals between two moments, at multiples of their length.
   *
   * @param since the one in which the step got live is of two splits, and is not weighed @default - it is in none
   */
  function intervals(from: number, to: number, since = from): readonly Arms[] {
    const all: Arms[] = [];
    for (let at = Math.ceil(from / INTERVAL) * INTERVAL; at + INTERVAL <= to; at += INTERVAL) {
      if (at < since && since < at + INTERVAL) continue;
      const of = (name: string) => world.counted(name, at, at + INTERVAL);
      all.push({ canary: of(CANARY), primary: of(PRIMARY) });
    }
    return all;
  }

  function checkSafe({ id, at, plan }: Leaving, evidence: Evidence, step: Step): void {
    const since = world.appliedSince(id);
    if (since === undefined) return;
    const arms = intervals(since, at - SETTLE);
    const requests = arms.reduce((sum, it) => sum + it.canary.requests, 0);
    const said = `left ${step.name} at ${at}, live since ${since}, on ${requests} canary requests`;
    if (evidence.advance === 'no-harm-seen') {
      if (requests < LEAST / 2) throw new Broken('unproven', said);
      return;
    }
    const next = plan.steps[plan.steps.indexOf(step) + 1];
    const weight = next?.phase === 'Promoting' ? 1 : (next?.weights.canary ?? 100) / 100;
    const margin = { relative: 1.25, absolute: evidence.budget / weight };
    const safe = meanOf(
      arms.reduce((logs, it) => advanced(logs, it, BETTER, margin), zero(BETTER)),
    );
    if (safe < Math.log(1 / evidence.beta) - SLACK)
      throw new Broken('unproven', `${said}, with evidence of ${Math.exp(safe)}`);
  }

  /** What the whole rollout says, the step that is left included. */
  function whole({ id, at, old }: Leaving, { alpha }: Evidence): Rollout {
    const before = rollouts.get(id) ?? {
      logs: zero(WORSE),
      requests: 0,
      from: unix(old),
    };
    const arms = intervals(unix(old), at - SETTLE, world.appliedSince(id));
    const cap = ((Math.log(1 / alpha) / 3) * INTERVAL) / 60;
    const margin = { relative: 1.5, absolute: 0.001 };
    return {
      ...before,
      logs: arms.reduce((logs, it) => advanced(logs, it, WORSE, margin, cap), before.logs),
      requests: arms.reduce((sum, it) => sum + it.canary.requests, before.requests),
    };
  }

  return {
    forget: (id) => void rollouts.delete(id),
    check(leaving) {
      const { id, at, plan, old, next } = leaving;
      const { evidence } = plan;
      const step = plan.steps.find((it) => 'step' in old.position && it.name === old.position.step);
      if (evidence === undefined || step?.tests === undefined || old.fast !== undefined) return;
      // Where the primary serves nobody, nobody is served worse.
      if (world.images(PRIMARY, at).length === 0) return;
      if (world.isUnanswered(METRICS.requests, at))
        throw new Broken('unanswered', `left ${step.name} at ${at} without counts`);
      checkSafe(leaving, evidence, step);
      const found = whole(leaving, evidence);
      rollouts.set(id, found);
      // What counters lost, or show late, nobody can weigh.
      if (world.isMiscounted(found.from, at)) return;
      const share = evidence.tests.find((it) => it.name === TEST)?.share ?? 0;
      const harm = Math.log(share * 0.8 * 0.5) + meanOf(found.logs);
      if (harm > Math.log(1 / evidence.alpha) + SLACK)
        throw new Broken(
          'harm',
          `left ${step.name} at ${at} on evidence of harm ${Math.exp(harm)}`,
        );
      const kept = next.evidence?.find((it) => it.test === TEST)?.canary.requests ?? 0;
      if (next.kind === 'next' && kept < found.requests * 0.9)
        throw new Broken(
          'evidence-lost',
          `${kept} of ${found.requests} requests are kept at ${at}`,
        );
    },
  };
}

/** For how long a candidate of which every request fails may keep its traffic. */
const DEAD = INTERVAL + SETTLE + 5;

/** What `watchDead` looks at after each decision. */
export interface Watched {
  readonly world: World;
  readonly plan: PlanTree | undefined;
  readonly state: State | undefined;
  readonly decision: Decision;
  readonly now: number;
  readonly tickSeconds: number;
}

/** @throws Broken when a candidate of which every request fails is not taken back soon */
export function watchDead({ world, plan, state, decision, now, tickSeconds }: Watched): void {
  const { position } = state ?? {};
  if (state === undefined || plan === undefined || position?.kind !== 'step') return;
  const step = plan.plan.steps.find((it) => it.name === position.step);
  if (step?.tests === undefined) return;
  const from = now - DEAD - tickSeconds;
  if (from < unix(state) || world.isMiscounted(from, now)) return;
  const canary = world.counted(CANARY, from, now - DEAD);
  const primary = world.counted(PRIMARY, from, now);
  const isDead = canary.requests >= LEAST && canary.failures === canary.requests;
  if (!isDead || primary.requests < LEAST || primary.failures > primary.requests / 20) return;
  if (decision.kind !== 'move' || decision.transition !== 'back')
    throw new Broken('dead', `all of ${step.name} fails since ${from}, and it stays at ${now}`);
}

function unix({ at }: State): number {
  return Date.parse(at) / 1000;
}

function zero(ratios: readonly number[]): readonly number[] {
  return ratios.map(() => 0);
}

/** The wealth of each ratio after one interval, by the formula of docs/judge.md. */
function advanced(
  logs: readonly number[],
  { canary, primary }: Arms,
  ratios: readonly number[],
  margin: { readonly relative: number; readonly absolute: number },
  cap = Infinity,
): readonly number[] {
  if (canary.requests === 0 || primary.requests === 0) return logs;
  const a = canary.requests / (canary.requests + primary.requests);
  return logs.map((log, index) => {
    const r = ratios[index] ?? 1;
    const rho = r * margin.relative;
    const c = (margin.relative * a + 1 - a) / (rho * a + 1 - a);
    const s = r * c;
    const gain =
      canary.failures * Math.log(s) +
      primary.failures * Math.log(c) -
      margin.absolute * canary.requests * (s - 1);
    return log + Math.min(cap, gain);
  });
}

/** ln of the mean wealth. */
function meanOf(logs: readonly number[]): number {
  const most = Math.max(...logs);
  return most + Math.log(logs.reduce((sum, it) => sum + Math.exp(it - most), 0) / logs.length);
}
