import { decideAsking } from '../../analyzer/asking.ts';
import { type Outcome, outcome } from '../../analyzer/core/change.ts';
import { decide } from '../../analyzer/core/decide.ts';
import type { Decision, Move } from '../../analyzer/core/decision.ts';
import { groupOf, together } from '../../analyzer/core/group.ts';
import { disagreement } from '../../analyzer/core/integrity.ts';
import type { Target } from '../../analyzer/core/liveness.ts';
import type {
  LastCommit,
  Loaded,
  Observation,
  Situation,
} from '../../analyzer/core/observation.ts';
import { type FileSet, type PlanTree, stepOf } from '../../analyzer/core/position.ts';
import { rolloutOf } from '../../analyzer/core/rollout.ts';
import { parseState, type State, stateText } from '../../analyzer/core/state.ts';
import { parseSyncTarget } from '../../analyzer/core/sync.ts';
import type { HookCalls } from '../../analyzer/hooks/calls.ts';
import { observe } from '../../analyzer/observe.ts';
import type { Analyzer } from '../../analyzer/planning.ts';
import { type ClusterSource, oneCluster } from '../../analyzer/view.ts';
import { Broken } from './broken.ts';
import { createHooks, type Hooks } from './hooks.ts';
import { createOracle, targetOf } from './oracle.ts';
import { type PersonEvent, personMove } from './person.ts';
import type { Blobs } from './plans.ts';
import { isGoodVersion, type Scenario } from './scenario.ts';
import { createWorld, objectOf, type World } from './world.ts';

/** A bug planted into the analyzer, to see whether the simulation finds it. */
export interface Plant {
  readonly observation?: (it: Observation) => Observation;
  readonly decision?: (it: Decision, observation: Observation, now: number) => Decision;
  readonly state?: (it: State) => State;
  readonly outcome?: (it: Outcome) => Outcome;
  readonly calls?: (it: HookCalls) => HookCalls;
  /** Releases of a group move each by itself. */
  readonly apart?: true;
}

/** What a run left behind. */
export interface Run {
  /** One line for each commit: time, release, transition, position, reason. */
  readonly log: readonly string[];
  /** The state of the first release. */
  readonly last: State;
  readonly ticks: number;
  /** What happened: kinds of transitions, what persons asked for, and `fast`. */
  readonly kinds: ReadonlySet<string>;
  /** The version that is stable in the end. */
  readonly finalVersion: string;
}

/** Restarts at these ticks lose all that the analyzer keeps in memory. */
export type Restarts = (tick: number) => boolean;

/** At rest for so many ticks, with nothing to come: the story is over. */
const QUIET_TICKS = 5;

/** What Git holds of one release. */
export interface Git {
  readonly id: string;
  state: State | undefined;
  plan: PlanTree | undefined;
  stable: PlanTree | undefined;
  live: ReadonlyMap<string, string>;
  files: FileSet;
  committedAt: number;
  last: LastCommit | undefined;
  /** Text of state.yaml by the commit that wrote it. */
  readonly states: Map<string, string>;
  /** Plans of its complete releases, the newest first. */
  readonly promoted: PlanTree[];
  /** Since when a bad version gets requests, and the analyzer can know. */
  badSince: number | undefined;
}

/** What all parts of a run work with. */
interface Running {
  readonly scenario: Scenario;
  readonly blobs: Blobs;
  readonly world: World;
  readonly hooks: Hooks;
  readonly plant: Plant;
  readonly releases: readonly Git[];
  readonly check: (git: Git, before: Situation, now: number, moved: Moved) => void;
  readonly log: string[];
  readonly kinds: Set<string>;
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
  const world = createWorld(blobs, scenario.behaviours, scenario.faults, scenario.outside);
  const hooks = createHooks(scenario.hooks);
  const releases = scenario.ids.map(emptyGit);
  const oracle = createOracle(world, { hooks });
  const log: string[] = [];
  const kinds = new Set<string>();
  const check: Running['check'] = (git, before, now, { verdict, asked }) => {
    const rollout = rolloutOf(before);
    const hadDisagreement =
      rollout.kind === 'known' && disagreement(before, rollout.value) !== undefined;
    const objects = [...git.files.values()].map((it) => objectOf(it.oid, blobs));
    const good = isGood(scenario, releases, hooks, now);
    const after = situationOf(git, scenario, now);
    oracle.check({ at: now, before, after, objects, hadDisagreement, good, verdict, asked });
  };
  const running: Running = { scenario, blobs, world, hooks, plant, releases, check, log, kinds };
  let unreachable = new Map<string, number>();
  let now = scenario.start;
  let ticks = 0;
  let quiet = 0;
  for (; now < scenario.end; ticks++) {
    happen(running, now);
    world.advance(
      now,
      releases.map((it) => ({ ...it, revision: revisionOf(it.state) })),
    );
    const [unserved] = world.unserved();
    if (unserved !== undefined) throw new Broken('unserved', unserved);
    if (restarts(ticks)) {
      unreachable = new Map();
      hooks.restart();
    }
    const isResting = await pass(running, unreachable, now);
    quiet = isResting ? quiet + 1 : 0;
    if (quiet > QUIET_TICKS && now > scenario.lastChange) break;
    now += scenario.tickSeconds;
  }
  const [first] = releases;
  if (first?.state === undefined) throw new Broken('start', 'nothing was ever released');
  return { log, last: first.state, ticks, kinds, finalVersion: versionOf(first) };
}

/** Lets persons do what the story says they do now. */
function happen(running: Running, now: number): void {
  const { scenario, world, releases } = running;
  const { tickSeconds } = scenario;
  for (const event of scenario.events.filter((it) => it.at > now - tickSeconds && it.at <= now)) {
    if (event.kind === 'editLive') releases.forEach(editLive);
    else if (event.kind === 'editWeight') world.editWeight(now, event.canary);
    else if (event.kind === 'revert') releases.forEach(touched);
    else ask(running, event, now);
  }
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
async function pass(
  running: Running,
  unreachable: Map<string, number>,
  now: number,
): Promise<boolean> {
  const { scenario, world, hooks, plant, releases } = running;
  const calls = hooks.calls(() => now);
  const planted = plant.calls?.(calls) ?? calls;
  const decided = [];
  for (const git of releases) {
    const situation = situationOf(git, scenario, now);
    const sources = sourcesOf(running, git, now);
    const memory = { unreachable, stuck: new Map() } as unknown as Analyzer['memory'];
    // Of an analyzer, asking hooks takes no more than this.
    const analyzer = { ...sources, hooks: planted, memory } as unknown as Analyzer;
    const real = await decideAsking(analyzer, await observe(sources, situation, now), now);
    const observation = plant.observation?.(real.observation) ?? real.observation;
    const first = plant.observation === undefined ? real.decision : decide(observation, now);
    const decision = plant.decision?.(first, observation, now) ?? first;
    decided.push({ id: git.id, observation, decision, situation });
  }
  const group = decided.map((it) => groupOf(it.observation)).find((it) => it !== undefined);
  const decisions =
    group === undefined || plant.apart
      ? decided.map((it) => it.decision)
      : together(group, decided, now);
  for (const [index, git] of releases.entries()) {
    const decision = decisions[index];
    const own = decided[index];
    if (decision === undefined || own === undefined) continue;
    watchBad(git, world.seen(now, targetOf(git.plan?.plan)), decision, now);
    if (decision.kind !== 'move') continue;
    const { situation } = own.observation;
    commit(running, git, { situation, move: decision, now });
    running.check(git, own.situation, now, { verdict: decision.verdict });
    const hook = git.plan?.plan.hooks?.find((it) => it.name === decision.calls);
    if (hook !== undefined && git.plan !== undefined)
      planted.start({ release: git.id, plan: git.plan.plan, state: git.state, phase: '' }, hook);
  }
  checkGroup(releases, now);
  return decisions.every((it) => it.kind === 'rest');
}

/** Releases of a group stand in the same step, or none of them stands in one. */
function checkGroup(releases: readonly Git[], now: number): void {
  const steps = releases.map(({ state }) =>
    state?.position.kind === 'step' ? state.position.step : 'none',
  );
  if (new Set(steps).size > 1)
    throw new Broken('group', `its releases stand in ${steps.join(' and ')} at ${now}`);
}

function sourcesOf({ blobs, world, scenario }: Running, git: Git, now: number) {
  return {
    reader: {
      texts: async (oids: readonly string[]) =>
        oids.map((it) => blobs.get(it) ?? git.states.get(it) ?? ''),
      treesAt: async (state: string, id: string) => ({ id, state }),
    },
    clusters: clustersOf(world, scenario),
    metrics: world.metrics,
    clock: () => now,
    targets,
  };
}

/** One cluster; its sync object is read where the scenario has one. */
function clustersOf({ cluster }: World, { faults }: Scenario): readonly ClusterSource[] {
  const target = parseSyncTarget('flux:flux-system/{release}');
  return faults.syncTells
    ? [{ holds: 'all', cluster, sync: { target, cluster, context: '' } }]
    : oneCluster(cluster);
}

function emptyGit(id: string): Git {
  return {
    id,
    state: undefined,
    plan: undefined,
    stable: undefined,
    live: new Map(),
    files: new Map(),
    committedAt: 0,
    last: undefined,
    states: new Map(),
    promoted: [],
    badSince: undefined,
  };
}

/** Names the commit that made a state. */
function revisionOf(state: State | undefined): string {
  return `main@sha1:${String(state?.transition ?? 0).padStart(40, '0')}`;
}

/** A bad version must be on its way back soon after enough failed checks could be seen. */
function watchBad(git: Git, value: number | undefined, decision: Decision, now: number): void {
  const { state, plan } = git;
  const step = state?.position.kind === 'step' && plan && stepOf(plan.plan, state.position);
  if (!step || step.checks.length === 0 || value === undefined || !(value < 99)) {
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
  { plant, log, kinds }: Running,
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
  git.state = parseState(stateText(state), 'simulated');
  git.states.set(String(git.state.transition).padStart(40, '0'), stateText(state));
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
  log.push(
    `${now} ${git.id} ${state.transition} ${state.kind} ${JSON.stringify(state.position)} ${move.reason}`,
  );
}

function situationOf(git: Git, scenario: Scenario, now: number): Situation {
  return {
    id: git.id,
    state: git.state === undefined ? { kind: 'absent' } : { kind: 'known', value: git.state },
    plan: loaded(git.plan),
    stable: loaded(git.stable),
    dist: loaded(scenario.distAt(now, git.id)),
    live: git.live,
    lastCommit: git.last,
  };
}

function loaded(plan: PlanTree | undefined): Loaded<PlanTree> {
  return plan === undefined ? { kind: 'absent' } : { kind: 'known', value: plan };
}

/** Somebody edits a file of live/ in Git by hand. */
function editLive(git: Git): void {
  const name = [...git.live.keys()].sort().at(-1);
  if (name === undefined) return;
  git.live = new Map([...git.live, [name, 'f'.repeat(40)]]);
  touched(git);
}

/** Somebody changes a file that the state does not count, and changes it back: consistent, but uncounted. */
function touched(git: Git): void {
  const { state } = git;
  git.last = {
    oid: '1'.repeat(40),
    author: 'somebody',
    transitionBefore: state?.transition,
    transitionAfter: state?.transition,
    accepts: [],
  };
}

/** Whether nothing that a rollout asks speaks against what runs. */
function isGood(
  { behaviours }: Scenario,
  releases: readonly Git[],
  hooks: Hooks,
  now: number,
): boolean {
  return releases.every(({ plan, stable, state }) => {
    const begun = Date.parse(state?.steps[0]?.at ?? state?.at ?? '') / 1000;
    const signals = (plan?.plan.hooks ?? []).filter((it) => it.type === 'rollback');
    // On one track both versions answer the same questions.
    const judged = plan?.plan.shape.selectors.canary === undefined ? [plan, stable] : [plan];
    return (
      judged.every((it) => isGoodVersion(behaviours.get(imageOf(it)))) &&
      hooks.failuresTold(begun) === 0 &&
      !signals.some((it) => hooks.isOpen(it.name, now))
    );
  });
}

/** Services that exist already are named after what they run. */
function imageOf(tree: PlanTree | undefined): string {
  const { images, shape } = tree?.plan ?? {};
  return images?.[0] ?? shape?.services?.candidate.replace('-', ':') ?? '';
}

function versionOf({ stable }: Git): string {
  return imageOf(stable).split(':')[1] ?? '';
}
