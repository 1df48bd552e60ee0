import { outcome } from '../../analyzer/core/change.ts';
import type { Target } from '../../analyzer/core/cluster/liveness.ts';
import { parseSyncTarget } from '../../analyzer/core/cluster/sync.ts';
import { groupOf, together } from '../../analyzer/core/group.ts';
import { disagreement } from '../../analyzer/core/integrity.ts';
import type { Observation } from '../../analyzer/core/observation.ts';
import { stepOf } from '../../analyzer/core/position.ts';
import { decide } from '../../analyzer/core/rules/decide.ts';
import type { Decision, Move } from '../../analyzer/core/rules/decision.ts';
import type { Rollout, Situation } from '../../analyzer/core/situation.ts';
import { parseState, type State, stateText } from '../../analyzer/core/state.ts';
import type { HookCalls } from '../../analyzer/hooks/calls.ts';
import { rulesOf } from '../../analyzer/simulated/reach.ts';
import type { Analyzer } from '../../analyzer/tick/analyzer.ts';
import { decideAsking } from '../../analyzer/tick/asking.ts';
import type { Observer } from '../../analyzer/tick/clusters.ts';
import { observe } from '../../analyzer/tick/observe.ts';
import type { ClusterSource } from '../../analyzer/tick/world.ts';
import { oneCluster } from '../../analyzer/tick/world.ts';
import { workOf } from '../work.ts';
import { type Arrival, createArrival } from './arrival.ts';
import { Broken } from './broken.ts';
import type { Grown } from './counters.ts';
import { watchDead } from './evidence-oracle.ts';
import { within } from './faults.ts';
import {
  editLive,
  emptyGit,
  type Git,
  revisionOf,
  situationOf,
  touched,
  versionOf,
} from './git.ts';
import { isGood } from './good.ts';
import { createHooks, type Hooks } from './hooks.ts';
import { createOracle, primaryOf, suffers, targetOf } from './oracle.ts';
import { type PersonEvent, personMove } from './person.ts';
import { type Blobs, objectOf } from './plans.ts';
import { createReplays, type Replays } from './replays.ts';
import type { Scenario } from './scenario.ts';
import { createWorld, type World } from './world.ts';

/** A bug planted into the analyzer, to see whether the simulation finds it. */
export interface Plant {
  /** @param startedAt since when the analyzer runs; Unix seconds */
  readonly observation?: (it: Observation, startedAt: number) => Observation;
  readonly decision?: (it: Decision, observation: Observation, now: number) => Decision;
  readonly state?: (it: State) => State;
  readonly outcome?: (it: Rollout) => Rollout;
  readonly calls?: (it: HookCalls) => HookCalls;
  /** How growth is made of what the store has seen of a counter. */
  readonly grownBy?: Grown;
  /** Releases of a group move each by itself. */
  readonly apart?: true;
  /** Hooks are called though the commit that says so was not pushed. */
  readonly callsUnpushed?: true;
}

/** What a run left behind. */
export interface Run {
  /** One line for each commit: time, release, transition, position, reason. */
  readonly log: readonly string[];
  /** The state of the first release. */
  readonly last: State;
  readonly ticks: number;
  /** What happened: kinds of transitions, what persons asked for, `fast`, and `again` for a failed candidate. */
  readonly kinds: ReadonlySet<string>;
  /** What was decided, and why: the reasons of all passes. */
  readonly reasons: ReadonlySet<string>;
  /** The version that is stable in the end. */
  readonly finalVersion: string;
}

/** Restarts at these ticks lose all that the analyzer keeps in memory. */
export type Restarts = (tick: number) => boolean;

/** At rest for so many ticks, with nothing to come: the story is over. */
const QUIET_TICKS = 5;

/** What all parts of a run work with. */
interface Running {
  readonly scenario: Scenario;
  readonly blobs: Blobs;
  readonly world: World;
  readonly hooks: Hooks;
  readonly plant: Plant;
  readonly releases: readonly Git[];
  readonly arrival: Arrival;
  readonly replays: Replays;
  readonly check: (git: Git, before: Situation, now: number, moved: Moved) => void;
  readonly log: string[];
  readonly kinds: Set<string>;
  readonly reasons: Set<string>;
}

/** Whose move it was. */
interface Moved {
  readonly verdict: string;
  readonly asked?: string;
}

/** What files ask of a cluster, by blob id, for all runs: a blob never changes. */
const targets = new Map<string, Target>();

/**
 * Runs the analyzer's real core and observation over fake time, with the oracle looking at each commit.
 *
 * @throws Broken when something happened that must never happen
 */
export async function simulate(
  scenario: Scenario,
  blobs: Blobs,
  restarts: Restarts = () => false,
  plant: Plant = {},
): Promise<Run> {
  const running = begin(scenario, blobs, plant);
  const { releases, log, kinds, reasons } = running;
  try {
    const ticks = await walk(running, restarts);
    const [first] = releases;
    if (first?.state === undefined) throw new Broken('start', 'nothing was ever released');
    return { log, last: first.state, ticks, kinds, reasons, finalVersion: versionOf(first) };
  } catch (error) {
    if (error instanceof Broken) error.log = log;
    throw error;
  }
}

function begin(scenario: Scenario, blobs: Blobs, plant: Plant): Running {
  const { behaviours, faults, outside, tickSeconds, ids, traffic } = scenario;
  const read = (oid: string) => objectOf(oid, blobs);
  const reach = scenario.kind === 'worker' ? workOf : rulesOf;
  const { grownBy } = plant;
  const world = createWorld({ blobs, behaviours, faults, outside, reach, traffic, grownBy });
  const hooks = createHooks(scenario.hooks);
  const releases = ids.map(emptyGit);
  const oracle = createOracle(world, { hooks });
  const arrival = createArrival({
    world,
    faults,
    tickSeconds,
    members: ids.length,
    objectOf: read,
  });
  const check: Running['check'] = (git, before, now, { verdict, asked }) => {
    const rollout = before.rollout;
    const hadDisagreement =
      rollout.kind === 'known' && disagreement(before, rollout.value) !== undefined;
    const objects = [...git.files.values()].map(({ oid }) => ({ oid, object: read(oid) }));
    const good = isGood(running, now);
    const after = situationOf(git, scenario, now);
    const had = rollout.kind === 'known' ? [...rollout.value.files.values()] : [];
    const left = had.map(({ oid }) => read(oid));
    oracle.check({ at: now, before, after, objects, left, hadDisagreement, good, verdict, asked });
  };
  const replays = createReplays(world);
  const seen = { kinds: new Set<string>(), reasons: new Set<string>() };
  const empty = { log: [], replays, ...seen };
  const running = { scenario, blobs, world, hooks, plant, releases, arrival, check, ...empty };
  return running;
}

/** @returns how many ticks it took */
async function walk(running: Running, restarts: Restarts): Promise<number> {
  const { scenario, world, hooks, releases } = running;
  let memory = freshMemory(scenario.start);
  let ticks = 0;
  let quiet = 0;
  let now = scenario.start;
  for (; now < scenario.end; now += scenario.tickSeconds, ticks++) {
    happen(running, now);
    world.advance(
      now,
      releases.map((it) => ({ ...it, revision: revisionOf(it.state) })),
    );
    const [unserved] = world.unserved();
    if (unserved !== undefined) throw new Broken('unserved', unserved);
    if (restarts(ticks)) {
      memory = freshMemory(now);
      hooks.restart();
      running.arrival.restart(now);
    }
    const isResting = await pass(running, memory, now);
    quiet = isResting ? quiet + 1 : 0;
    const isApplied = releases.every((it) => world.appliedSince(it.id) !== undefined);
    if (quiet > QUIET_TICKS && isApplied && now > scenario.lastChange) break;
  }
  await running.replays.check(now);
  return ticks;
}

/** What the analyzer's process remembers, as far as decisions rest on it. */
type Memory = Pick<Analyzer['memory'], 'unreachable' | 'stuck' | 'arrived'> & {
  readonly startedAt: number;
};

function freshMemory(startedAt: number): Memory {
  return { unreachable: new Map(), stuck: new Map(), arrived: new Set(), startedAt };
}

/** Lets persons do what the story says they do now. */
function happen(running: Running, now: number): void {
  const { scenario, world, releases } = running;
  const { tickSeconds } = scenario;
  for (const event of scenario.events.filter((it) => it.at > now - tickSeconds && it.at <= now)) {
    if (event.kind === 'editWeight') world.editWeight(now, event.canary);
    // Nobody else can push either.
    else if (isCutOff(scenario, now)) continue;
    else if (event.kind === 'editLive') releases.forEach(editLive);
    else if (event.kind === 'revert') releases.forEach(touched);
    else ask(running, event, now);
  }
}

/** Whether nothing can be pushed now. */
function isCutOff({ faults }: Scenario, now: number): boolean {
  return within(faults.gitDown, now) || within(faults.pushRefused, now);
}

/** A person's word is about all releases of a group, or about none. */
function ask(running: Running, event: PersonEvent, now: number): void {
  const { scenario, releases } = running;
  const moves = releases.map((git) => personMove(situationOf(git, scenario, now), event, git));
  for (const [index, git] of releases.entries()) {
    const move = moves[index];
    if (move === undefined || moves.includes(undefined)) return;
    const before = situationOf(git, scenario, now);
    commit(running, git, { situation: before, move, now, by: 'Robin' });
    running.kinds.add(event.kind);
    running.check(git, before, now, { verdict: move.verdict, asked: event.kind });
  }
}

/** One tick of the analyzer. @returns whether everything is at rest */
async function pass(running: Running, memory: Memory, now: number): Promise<boolean> {
  const { scenario, world, hooks, plant, releases } = running;
  if (within(scenario.faults.gitDown, now)) return skipped(running, now, 'Git cannot be read');
  const calls = hooks.calls(() => now);
  const planted = plant.calls?.(calls) ?? calls;
  const decided = [];
  for (const git of releases) {
    const situation = situationOf(git, scenario, now);
    const observer = observerOf(running, git, memory, now);
    const asker = { world: { ...observer.world, hooks: planted }, memory };
    const real = await decideAsking(asker, await observe(observer, situation, now), now);
    const observation = plant.observation?.(real.observation, memory.startedAt) ?? real.observation;
    const first = plant.observation === undefined ? real.decision : decide(observation, now);
    const decision = plant.decision?.(first, observation, now) ?? first;
    decided.push({ id: git.id, observation, decision, situation });
  }
  const group = decided.map((it) => groupOf(it.observation)).find((it) => it !== undefined);
  const decisions =
    group === undefined || plant.apart
      ? decided.map((it) => it.decision)
      : together(group, decided, now);
  const refused = within(scenario.faults.pushRefused, now);
  if (refused) skipped(running, now, 'the push was refused');
  for (const [index, git] of releases.entries()) {
    const decision = decisions[index];
    const own = decided[index];
    if (decision === undefined || own === undefined) continue;
    watchBad(git, world, decision, now);
    const { state, plan } = git;
    const { tickSeconds } = scenario;
    watchDead({ world, plan, state, decision, now, tickSeconds });
    if (decision.kind !== 'move' || (refused && !plant.callsUnpushed)) continue;
    const { situation } = own.observation;
    if (!refused) {
      commit(running, git, { situation, move: decision, now });
      running.check(git, own.situation, now, { verdict: decision.verdict });
    }
    const hook = git.plan?.plan.hooks?.find((it) => it.name === decision.calls);
    if (hook !== undefined && git.plan !== undefined)
      planted.start({ release: git.id, plan: git.plan.plan, state: git.state, phase: '' }, hook);
  }
  checkGroup(releases, now);
  for (const [index, git] of releases.entries()) {
    const decision = decisions[index];
    const overdue = decision?.kind === 'hold' && decision.overdue === true;
    const reason = decision?.reason ?? '';
    running.reasons.add(reason);
    running.arrival.check({ now, situation: situationOf(git, scenario, now), reason, overdue });
  }
  return decisions.every((it) => it.kind === 'rest');
}

/** A pass of which nothing comes: what was decided is decided again. */
function skipped({ releases, arrival, scenario }: Running, now: number, reason: string): false {
  for (const git of releases) {
    git.badSince = undefined;
    arrival.check({ now, situation: situationOf(git, scenario, now), reason, overdue: true });
  }
  return false;
}

/** Releases of a group stand in the same step, or none of them stands in one. */
function checkGroup(releases: readonly Git[], now: number): void {
  const steps = releases.map(({ state }) =>
    state?.position.kind === 'step' ? state.position.step : 'none',
  );
  if (new Set(steps).size > 1)
    throw new Broken('group', `its releases stand in ${steps.join(' and ')} at ${now}`);
}

function observerOf(
  { blobs, world, scenario }: Running,
  git: Git,
  { arrived }: Memory,
  now: number,
): Observer {
  return {
    reader: {
      texts: async (oids: readonly string[]) =>
        oids.map((it) => blobs.get(it) ?? git.states.get(it) ?? ''),
      treesAt: async (state: string, id: string) => ({ id, state }),
    },
    world: { clusters: clustersOf(world, scenario), metrics: world.metrics, clock: () => now },
    // Everything is asked each time.
    seen: { targets, arrived },
  };
}

/** One cluster; its sync object is read where the scenario has one. */
function clustersOf({ cluster }: World, { faults }: Scenario): readonly ClusterSource[] {
  const target = parseSyncTarget(`${faults.tool}:sync/{release}`);
  return faults.syncTells
    ? [{ holds: 'all', cluster, sync: { target, cluster, context: '' } }]
    : oneCluster(cluster);
}

/** A bad version must be on its rollback soon after enough failed checks could be seen. */
function watchBad(git: Git, world: World, decision: Decision, now: number): void {
  const { state, plan } = git;
  const value = world.seen(now, targetOf(plan?.plan));
  const primary = primaryOf(plan?.plan);
  const step = state?.position.kind === 'step' && plan && stepOf(plan.plan, state.position);
  if (
    !step ||
    step.checks.length === 0 ||
    value === undefined ||
    !(value < 99) ||
    suffers(world, primary, now - 5)
  ) {
    git.badSince = undefined;
    return;
  }
  // What was before the rollout's own first window says nothing about it.
  const begun = Date.parse(state.steps[0]?.at ?? state.at) / 1000 + 30;
  git.badSince ??= Math.max(now, begun);
  const goesBack = decision.kind === 'move' && decision.transition === 'back';
  if (!goesBack && now - git.badSince > 3 * 10 + 30)
    throw new Broken('no-way-back', `bad since ${git.badSince}, still in ${step.name} at ${now}`);
}

function commit(
  { plant, log, kinds, replays }: Running,
  git: Git,
  it: {
    readonly situation: Situation;
    readonly move: Move;
    readonly now: number;
    readonly by?: string;
  },
): void {
  const { situation, move, now, by } = it;
  const made = outcome(situation, move, now, { by, accepts: [] });
  const next = plant.outcome?.(made) ?? made;
  const state = plant.state?.(next.state) ?? next.state;
  const before = git.state;
  // Through the file's bytes, as every later pass will read it.
  const text = stateText(state);
  git.state = parseState(text, 'simulated');
  replays.note(situation, git.state, move, now);
  git.states.set(String(git.state.transition).padStart(40, '0'), text);
  git.plan = next.plan;
  git.stable = next.stable;
  git.files = next.files;
  git.live = new Map([...next.files].map(([name, file]) => [name, file.oid]));
  if (move.transition !== 'note') git.committedAt = now;
  if (move.to.kind === 'complete' && move.transition !== 'note') git.promoted.unshift(next.plan);
  git.last = {
    oid: '0'.repeat(40),
    author: 'simulation',
    transitionBefore: before?.transition,
    transitionAfter: state.transition,
    accepts: [],
  };
  kinds.add(
    state.position.kind === 'complete' && before?.position.kind === 'init' ? 'init' : state.kind,
  );
  if (state.fast !== undefined) kinds.add('fast');
  if (state.kind === 'start' && before?.failed?.candidate === state.candidate) kinds.add('again');
  log.push(
    `${now} ${git.id} ${state.transition} ${state.kind} ${JSON.stringify(state.position)} ${move.reason}`,
  );
}
