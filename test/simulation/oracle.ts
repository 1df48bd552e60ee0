import { illegal, violations } from '../../analyzer/core/legal.ts';
import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Situation } from '../../analyzer/core/situation.ts';
import type { State } from '../../analyzer/core/state.ts';
import { rulesOf } from '../../analyzer/simulated/reach.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { replicasOf } from '../../analyzer/simulated/workloads.ts';
import type { Plan, Step } from '../../lib/plan/plan.ts';
import { nameOf } from '../../lib/traffic/reach.ts';
import { Broken } from './broken.ts';
import { createEvidenceOracle, type EvidenceOracle } from './evidence-oracle.ts';
import { type Asking, createGateOracle } from './gate-oracle.ts';
import { type World, workloadsOf } from './world.ts';

/** One commit, as the oracle sees it: of the analyzer, or of a person. */
export interface Commit {
  readonly at: number;
  readonly before: Situation;
  readonly after: Situation;
  /** The objects of `live/` after it. */
  readonly objects: readonly { readonly oid: string; readonly object: Manifest }[];
  /** The objects of `live/` before it. */
  readonly left: readonly Manifest[];
  readonly hadDisagreement: boolean;
  /** Whether nothing in the world speaks against the version that runs. */
  readonly good: boolean;
  readonly verdict: string;
  /** What a person asked for. @default - the analyzer decided */
  readonly asked?: string | undefined;
}

/** Settings of the simulated plans, repeated here so that the oracle does not trust the code under test. */
const PERIOD = 10;
const WINDOW = 30;
const SETTLE = 5;
const THRESHOLD = 3;

/** Looks at every commit of a run, in order. */
export interface Oracle {
  /** @throws Broken when something happened that must never happen */
  check(commit: Commit): void;
}

/** A candidate that failed, and in which attempt. */
interface Failed {
  readonly candidate: string;
  readonly attempt: number;
}

/** What is remembered of one release. */
interface Memory {
  /** Failed points of the steps that this rollout has left. */
  spent: number;
  /** The candidate that must not be started again, but in a higher attempt. */
  failed: Failed | undefined;
  /** The image that was promoted last. */
  stable: string | undefined;
  /** Whether the primary was not ready when the rollout began. */
  broken: boolean;
}

/** @param asking what is known of hooks and persons */
export function createOracle(world: World, asking: Asking): Oracle {
  const memories = new Map<string, Memory>();
  const gates = createGateOracle(world, asking);
  const evidence = createEvidenceOracle(world);
  return {
    check(commit) {
      const { id } = commit.after;
      const memory = memories.get(id) ?? emptyMemory();
      memories.set(id, memory);
      checkBaseline(commit, memory);
      gates.check(commit);
      check(commit, memory, world);
      checkEvidence(commit, evidence);
      remember(commit, memory, world);
    },
  };
}

function emptyMemory(): Memory {
  return { spent: 0, failed: undefined, stable: undefined, broken: false };
}

function remember(commit: Commit, memory: Memory, world: World): void {
  const old = stateOf(commit.before);
  const next = stateOf(commit.after);
  if (next === undefined) return;
  memory.failed = failedAfter(commit, memory.failed);
  if (next.kind === 'complete' || next.kind === 'configure')
    memory.stable = planOf(commit.after)?.plan.images[0];
  if (next.kind === 'undo') memory.stable = stableOf(commit.after)?.plan.images[0];
  if (next.kind === 'start')
    memory.broken = !world.isReady(primaryOf(stableOf(commit.after)?.plan), commit.at);
  if (next.kind === 'start' || next.kind === 'back' || next.kind === 'undo') memory.spent = 0;
  const step = stepIn(commit.before, old);
  if (old === undefined || step === undefined || next.kind === 'note') return;
  if (step.checks.length === 0 || next.kind === 'back' || next.kind === 'undo') return;
  // A step that asks for no passing point can be left while nobody tells what failed in it.
  if (world.isSilent(commit.at)) return;
  const begin = Date.parse(old.steps[0]?.at ?? old.at) / 1000 + WINDOW;
  const target = targetOf(planOf(commit.before)?.plan);
  const primary = primaryOf(planOf(commit.before)?.plan);
  memory.spent += failedPoints(
    world,
    { target, primary },
    Date.parse(old.at) / 1000,
    commit.at,
    begin,
  );
  if (commit.asked === undefined && memory.spent >= THRESHOLD)
    throw new Broken('budget', `${memory.spent} failed points, and it goes on at ${commit.at}`);
}

/** What the analyzer decided to leave must be proved; other moves begin or end what is weighed. */
function checkEvidence({ before, after, at, asked }: Commit, oracle: EvidenceOracle): void {
  const old = stateOf(before);
  const next = stateOf(after);
  const plan = planOf(before)?.plan;
  if (old === undefined || next === undefined || plan === undefined || next.kind === 'note') return;
  if (next.kind === 'next' && asked === undefined)
    oracle.check({ id: after.id, at, plan, old, next });
  else oracle.forget(after.id);
}

/** The candidate that must not be started again, remembered here whatever the state says. */
function failedAfter(
  { after, verdict, at, asked }: Commit,
  failed: Failed | undefined,
): Failed | undefined {
  const next = stateOf(after);
  const attempt = planOf(after)?.plan.attempt ?? 1;
  if ((next?.kind === 'back' && verdict === 'fail') || next?.kind === 'undo')
    return { candidate: next.candidate, attempt };
  if (asked === 'retry') return undefined;
  if (next?.kind !== 'start') return failed;
  if (next.candidate === failed?.candidate && attempt <= failed.attempt)
    throw new Broken('failed-again', `${failed.candidate} was started again at ${at}`);
  return undefined;
}

/** @param begin from when on every sample is the candidate's own */
function failedPoints(
  world: World,
  { target, primary }: { readonly target: string; readonly primary: string },
  from: number,
  now: number,
  begin: number,
): number {
  let failed = 0;
  for (let at = from + PERIOD; at <= now - SETTLE; at += PERIOD) {
    const value = world.truth(at, target);
    // What the stable version suffers too blames nobody.
    if (suffers(world, primary, at)) continue;
    if (at >= begin && value !== undefined && value < 99) failed++;
  }
  return failed;
}

/** Whether the stable version has troubles of its own at a point, which nobody can tell from the candidate's. */
export function suffers(world: World, primary: string, at: number): boolean {
  const value = world.truth(at, primary);
  return world.wasBroken(primary, at) || (value !== undefined && value < 99);
}

/**
 * Checks one commit against the truth of the world. Shares no arithmetic with the core: it knows what was
 * really applied, really ready and really measured.
 */
function check(commit: Commit, memory: Memory, world: World): void {
  const { at, before, after } = commit;
  const wrong = violations(after);
  if (wrong.length > 0) throw new Broken('files', wrong.join('; '));
  const next = stateOf(after);
  if (commit.hadDisagreement && next?.kind !== 'back')
    throw new Broken(
      'hand-edit',
      'a transition other than a rollback was made over an edit by hand',
    );
  const notLegal = illegal(before, after);
  if (notLegal !== undefined && !commit.hadDisagreement) throw new Broken('legal', notLegal);
  const old = stateOf(before);
  const plan = planOf(before)?.plan;
  if (old === undefined || next === undefined || plan === undefined) return;
  checkReach(commit, world);
  if (next.position.kind === 'back') checkRefused(commit, world);
  if (next.kind === 'next' || next.kind === 'complete') {
    checkOrder(plan, old, next);
    checkForward(world, commit, { plan, old, memory });
  }
  const undone = old.kind === 'undo' || old.position.kind === 'back';
  if (commit.good && commit.verdict === 'fail' && commit.asked === undefined && !undone)
    throw new Broken('false-alarm', `a good version went back at ${at}: ${next.reason}`);
}

/** A rollout passes through each of its steps, whatever it need not wait for. */
function checkOrder(plan: Plan, old: State, next: State): void {
  const names = plan.steps.map((it) => it.name);
  const from = old.position.kind === 'init' ? 0 : names.indexOf(stepName(old) ?? '');
  const to = next.position.kind === 'step' ? names.indexOf(next.position.step) : names.length - 1;
  if (old.position.kind !== 'init' && to !== from + 1)
    throw new Broken('skip', `${names[from]} → ${names[to]}`);
}

/** A rollback brings nothing that the cluster refuses and never had: it would be refused for the same reason. */
function checkRefused({ at, after, objects }: Commit, world: World): void {
  const there = new Set(world.holds(after.id).values());
  const stable = new Set(stableOf(after)?.blobs.values());
  for (const { oid, object } of objects) {
    if (there.has(oid) || stable.has(oid) || !world.refuses(object, at)) continue;
    throw new Broken('refused-again', `${after.id} at ${at}: ${nameOf(object)}`);
  }
}

/**
 * Whoever gets more requests than now must be ready now, and whoever gets some now must still run afterwards: the
 * order within one commit is the sync tool's.
 */
function checkReach(commit: Commit, world: World): void {
  const { at, after } = commit;
  const objects = commit.objects.map((it) => it.object);
  // While an edit in the cluster stands, the routes there are none of ours.
  if (world.isEdited()) return;
  const workloads = new Map(workloadsOf(objects).map((it) => [nameOf(it), it]));
  const now = shares(world.rules(after.id));
  for (const [key, share] of shares(rulesOf(objects, after.id))) {
    const names = key.split(' ');
    if (share <= (now.get(key) ?? 0) + 1e-9) continue;
    if (!names.some((name) => world.isReady(name, at) || mayReturn(commit, world, name)))
      throw new Broken(
        names.some((name) => name.endsWith('-primary')) ? 'unready-primary' : `unready-canary`,
        `${key} is to get ${share} parts, ${now.get(key) ?? 0} before, at ${at}`,
      );
  }
  for (const [key, share] of now) {
    const stays = key.split(' ').some((name) => {
      const it = workloads.get(name);
      return it === undefined ? !world.isOurs(name) : replicasOf(it) > 0;
    });
    if (share > 0 && !stays && !isRefusedNow(commit, world))
      throw new Broken('scaled-down-under-traffic', `${key} still gets ${share} parts at ${at}`);
  }
}

/**
 * Whether the cluster takes no more what it took before, so that no commit which keeps the pods can bring their routes
 * back: from the first commit of the rollback on until now.
 */
function isRefusedNow({ at, before, left }: Commit, world: World): boolean {
  const state = stateOf(before);
  if (state?.position.kind !== 'back') return false;
  const since = Date.parse(state.at) / 1000;
  return left.some((it) => world.refuses(it, since) && world.refuses(it, at));
}

/**
 * Whether a rollback may return to a primary that is not ready: a broken one that still serves somebody, or where
 * nobody is served as things are. A bad candidate is left whatever comes then, and a person knows what they ask for.
 */
function mayReturn({ at, after, verdict, asked }: Commit, world: World, name: string): boolean {
  const next = stateOf(after);
  const isBack = next !== undefined && (next.position.kind === 'back' || next.kind === 'back');
  if (!isBack || !world.wasBroken(name, at)) return false;
  const isUp = (it: string) => world.images(it, at).length > 0;
  const canary = targetOf(planOf(after)?.plan);
  const { dist } = after;
  const isReverted =
    dist.kind === 'known' && dist.value.plan.candidate === stableOf(after)?.plan.candidate;
  const isWanted = verdict === 'fail' || asked !== undefined || isReverted;
  return isUp(name) || !isUp(canary) || isWanted;
}

/** The largest part of any kind of request that goes to some workloads, by their names. */
function shares(rules: ReturnType<World['rules']>): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { to } of rules) {
    const total = to.reduce((sum, it) => sum + it.weight, 0);
    for (const { workloads, weight } of to) {
      const key = workloads.toSorted().join(' ');
      found.set(key, Math.max(found.get(key) ?? 0, total === 0 ? 0 : weight / total));
    }
  }
  return found;
}

/** What the candidate is compared with runs the version that was promoted last. */
function checkBaseline({ objects, after, at }: Commit, { stable }: Memory): void {
  const baseline = workloadsOf(objects.map((it) => it.object)).find(
    (it) => nameOf(it) === `${after.id}-baseline`,
  );
  if (baseline === undefined) return;
  const text = JSON.stringify(baseline.spec);
  if (stable === undefined || !text.includes(`"${stable}"`))
    throw new Broken('baseline', `it does not run ${stable} at ${at}`);
}

/** Going on is only right when the step was live, and its checks truly passed. */
function checkForward(
  world: World,
  { at, after }: Commit,
  { plan, old, memory }: { readonly plan: Plan; readonly old: State; readonly memory: Memory },
): void {
  const since = world.appliedSince(after.id);
  if (since === undefined)
    throw new Broken('not-live', `left ${JSON.stringify(old.position)} before it was live`);
  const step = plan.steps.find((it) => it.name === stepName(old));
  if (step === undefined || old.fast !== undefined) return;
  // Nobody is served worse than by a primary that was broken before and serves nobody.
  const isPromoted = step.phase === 'Promoting' || step.phase === 'Finalising';
  if (memory.broken && !isPromoted && world.images(primaryOf(plan), at).length === 0) return;
  const { stay } = step;
  if (stay.kind === 'guard') {
    if (step.phase !== 'Promoting') return;
    checkAnswered(world, plan, step, at);
    if (goodSeconds(world, targetOf(plan), since, at - SETTLE) === 0)
      throw new Broken('unseen-promotion', `left ${step.name} on no good answer at ${at}`);
    return;
  }
  if (stay.kind === 'wait') {
    if (at - since < stay.seconds)
      throw new Broken('not-waited', `left ${step.name} ${at - since} s after it was live`);
    return;
  }
  checkAnswered(world, plan, step, at);
  const needed = Math.ceil(stay.seconds / PERIOD);
  const target = targetOf(plan);
  const start = since + WINDOW;
  const good = goodSeconds(world, target, start, at - SETTLE);
  if (at - SETTLE - start < (needed - 1) * PERIOD || good < needed)
    throw new Broken(
      'not-baked',
      `left ${step.name} ${at - since} s after it was live, ${good} good seconds`,
    );
  checkCompared(world, plan, step, { start, at });
  const newest = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((it) => world.truth(at - SETTLE - it, target));
  if (!newest.some(isGood))
    throw new Broken('bad-newest', `left ${step.name} on ${newest.join(',')}`);
}

/** Ranks say nothing before both tracks had five points, and then as many must pass as of any check. */
function checkCompared(
  world: World,
  plan: Plan,
  step: Step,
  { start, at }: { readonly start: number; readonly at: number },
): void {
  const isCompared = plan.checks.some(
    (it) => step.checks.includes(it.name) && it.judge.kind === 'ranks',
  );
  if (!isCompared) return;
  const needed = step.stay.kind === 'bake' ? Math.ceil(step.stay.seconds / PERIOD) : 0;
  const sides = [targetOf(plan), primaryOf(plan)];
  let both = 0;
  for (let t = Math.ceil(start); t <= at - SETTLE; t++)
    if (sides.every((it) => Number.isFinite(world.truth(t, it)))) both++;
  if (both <= (needed + 3) * PERIOD)
    throw new Broken('too-few', `left ${step.name} at ${at} after ${both} seconds of both tracks`);
}

/** No step is left while one of its checks has no answer, whatever the others say. */
function checkAnswered(world: World, plan: Plan, step: Step, at: number): void {
  const silent = plan.checks.find(
    (it) => step.checks.includes(it.name) && world.isUnanswered(it.ask.canary, at),
  );
  if (silent !== undefined)
    throw new Broken(
      'unanswered',
      `left ${step.name} at ${at} without an answer to ${silent.name}`,
    );
}

function goodSeconds(world: World, target: string, from: number, to: number): number {
  let good = 0;
  for (let t = Math.ceil(from); t <= to; t++) if (isGood(world.truth(t, target))) good++;
  return good;
}

/** What runs a plan's stable version. */
export function primaryOf(plan: Plan | undefined): string {
  const { primary } = plan?.workloads ?? {};
  return (primary && plan?.files[primary.file]?.name) ?? plan?.shape.services?.stable ?? '';
}

/** The workload whose requests tell about a plan's candidate. */
export function targetOf(plan: Plan | undefined): string {
  if (plan === undefined) return '';
  const { services } = plan.shape;
  if (services !== undefined) return services.candidate;
  const { canary, primary } = plan.workloads;
  const file = (canary ?? primary)?.file ?? '';
  return plan.files[file]?.name ?? '';
}

function isGood(value: number | undefined): boolean {
  return value !== undefined && value >= 99;
}

function stepName({ position }: State): string | undefined {
  return position.kind === 'step' ? position.step : undefined;
}

function stepIn(situation: Situation, state: State | undefined): Step | undefined {
  const name = state && stepName(state);
  return planOf(situation)?.plan.steps.find((it) => it.name === name);
}

function stateOf(situation: Situation): State | undefined {
  return situation.state.kind === 'known' ? situation.state.value : undefined;
}

function planOf(situation: Situation): PlanTree | undefined {
  const rollout = situation.rollout;
  return rollout.kind === 'known' ? rollout.value.plan : undefined;
}

function stableOf(situation: Situation): PlanTree | undefined {
  const rollout = situation.rollout;
  return rollout.kind === 'known' ? rollout.value.stable : undefined;
}
