import { type Carried, carryOut } from '../core/change.ts';
import { oneChange, together } from '../core/group.ts';
import { disagreement } from '../core/integrity.ts';
import { status } from '../core/phase.ts';
import { limited } from '../core/queue.ts';
import { nextBack } from '../core/rollout.ts';
import type { Decision, Move } from '../core/rules/decision.ts';
import type { Situation } from '../core/situation.ts';
import type { ReleaseTrees, Snapshot } from '../git/repository.ts';
import { mended, unaccounted, walk } from '../history/history.ts';
import { isIdle } from '../situation/situation.ts';
import type { Analyzer, Decider, Memory } from './analyzer.ts';
import { type Decided, decideEach, held, type Pass, troubleOf } from './deciding.ts';
import type { Outcome } from './outcome.ts';
import type { Turn } from './patience.ts';
import { goesBack, type Planned, type Unit } from './planned.ts';

const MAX_TARGETS = 10_000;

/** Deciding that is under way. */
export interface Planning {
  /** What is to be done about all, when all is decided. */
  readonly done: Promise<readonly Planned[]>;
  /**
   * Releases that move, as far as they are decided; of a group, whenever all of it is. Where only so many may be under
   * way at once, those that roll back alone. @param except their ids
   */
  ready(except: ReadonlySet<string>): Promise<readonly Planned[]>;
}

/** What a planning is about. */
export interface Scene {
  readonly analyzer: Decider & Pick<Analyzer, 'mostRollouts'>;
  readonly snapshot: Snapshot;
  readonly all: readonly ReleaseTrees[];
  readonly turn: Turn;
  /** What this pass has pushed already; it is under way, and not decided again. @default - nothing */
  readonly sent?: readonly Planned[] | undefined;
}

/** Begins to decide about every release that is not idle. @param only those to decide about @default - all */
export function startPlanning(scene: Scene, only = scene.all): Planning {
  const { analyzer, all, sent = [] } = scene;
  const gone = new Set(sent.map((it) => it.trees.id));
  const active = only.filter((it) => !isIdle(it) && !gone.has(it.id));
  forget(analyzer.memory, active);
  const known = new Set(active.map((it) => it.id));
  const soFar: Decided[] = [];
  const deciding = decideEach(scene, active).map(async (it) => {
    const decided = await it;
    soFar.push(decided);
    return decided;
  });
  // What a group does follows from all of its members, the idle ones too.
  const withIdle = async (decided: readonly Decided[]) => {
    const members = new Set(decided.flatMap((it) => it.group?.members ?? []));
    const idle = all.filter((it) => members.has(it.id) && !known.has(it.id) && !gone.has(it.id));
    return [...decided, ...(await Promise.all(decideEach(scene, idle)))];
  };
  const planned = async (decided: readonly Decided[]) => {
    const all = await Promise.all(decided.map((it) => finish(scene, it)));
    // An idle member that stays where it is was only looked at.
    return all.filter((it) => it.change !== undefined || known.has(it.trees.id));
  };
  const whole = async () => {
    const decided = await withIdle(await Promise.all(deciding));
    return planned(limits(analyzer, groupDecisions(decided, analyzer.clock()), sent));
  };
  return {
    done: whole(),
    async ready(except) {
      const now = new Set(soFar.map((it) => it.trees.id));
      const isWhole = ({ group }: Decided) =>
        (group?.members ?? []).every((id) => now.has(id) || !known.has(id));
      const fresh = soFar.filter((it) => !except.has(it.trees.id) && isWhole(it));
      const decided = groupDecisions(await withIdle(fresh), analyzer.clock());
      // Who may start follows from all that are under way.
      const isReady = analyzer.mostRollouts === undefined ? moves : goesBack;
      const groups = new Set(decided.filter(isReady).map((it) => it.group?.name));
      return planned(
        decided.filter((it) => isReady(it) || (it.group && groups.has(it.group.name))),
      );
    },
  };
}

function moves({ decision }: Pick<Decided, 'decision'>): boolean {
  return decision.kind === 'move';
}

/** The commits that carry out what was decided. */
export function unitsOf(planned: readonly Planned[]): readonly Unit[] {
  const units = new Map<string, Planned[]>();
  for (const it of planned) {
    if (it.change === undefined) continue;
    const key = it.group === undefined ? `release ${it.trees.id}` : `group ${it.group}`;
    units.set(key, [...(units.get(key) ?? []), it]);
  }
  return [...units.values()].flatMap((members) => {
    const changes = members.flatMap((it) => it.change ?? []);
    const [first] = changes;
    const decision = members[0]?.outcome.decision;
    if (first === undefined || decision?.kind !== 'move') return [];
    const group = members[0]?.group;
    const whole =
      group === undefined || changes.length === 1 ? first : oneChange(group, changes, decision.to);
    return [{ planned: members, change: whole }];
  });
}

/** Keeps what was decided about releases whose trees stand as they were. @param scene what is there now */
export async function replan(
  scene: Scene,
  planned: readonly Planned[],
  before: readonly ReleaseTrees[],
): Promise<readonly Planned[]> {
  const { analyzer, all: after, sent = [] } = scene;
  const left = planned.filter((it) => !sent.some((one) => one.trees.id === it.trees.id));
  // What one release of a group does may follow from what another was.
  if (analyzer.mostRollouts !== undefined || left.some((it) => it.group !== undefined))
    return startPlanning(scene).done;
  const old = new Map(before.map((it) => [it.id, key(it)]));
  const kept = left.filter((it) => after.some((now) => key(now) === key(it.trees)));
  const moved = after.filter((it) => old.get(it.id) !== key(it));
  return [...kept, ...(await startPlanning(scene, moved).done)];
}

/** Whether nothing of a release has changed. */
export function isSame(one: ReleaseTrees, other: ReleaseTrees): boolean {
  return key(one) === key(other);
}

function key({ id, dist, plan, stable, state, live }: ReleaseTrees): string {
  return [id, dist, plan, stable, state, live].join(' ');
}

/** Drops what no active release uses, so that memory grows with what is under way. */
function forget(memory: Memory, active: readonly ReleaseTrees[]): void {
  const { read, targets, shown, arrived, counters } = memory;
  if (targets.size > MAX_TARGETS) targets.clear();
  if (shown.size > MAX_TARGETS) shown.clear();
  if (arrived.size > MAX_TARGETS) arrived.clear();
  const used = new Set(active.flatMap((it) => [it.plan, it.stable, it.dist, it.state]));
  for (const kept of [read.plans, read.states])
    for (const oid of kept.keys()) if (!used.has(oid)) kept.delete(oid);
  const ids = new Set(active.map((it) => it.id));
  for (const kept of [counters.kept, read.lastCommits])
    for (const id of kept.keys()) if (!ids.has(id)) kept.delete(id);
}

/** What the releases of each group do together. */
function groupDecisions(all: readonly Decided[], now: number): readonly Decided[] {
  const groups = new Map(
    all.flatMap((it) => (it.group ? [[it.group.name, it.group] as const] : [])),
  );
  const changed = new Map<string, Decision>();
  for (const group of groups.values()) {
    const own = all.filter((it) => it.group?.name === group.name);
    const members = own.map((it) => ({ ...it, id: it.trees.id }));
    const decisions = togetherSafely(group, members, now);
    for (const [index, it] of members.entries())
      changed.set(it.id, decisions[index] ?? it.decision);
  }
  return all.map((it) => ({ ...it, decision: changed.get(it.trees.id) ?? it.decision }));
}

/** A bug of ours about one group stops no other release. */
function togetherSafely(...[group, members, now]: Parameters<typeof together>) {
  try {
    return together(group, members, now);
  } catch (error) {
    return members.map((): Decision => ({ kind: 'hold', reason: troubleOf(error) }));
  }
}

function limits(
  { mostRollouts }: Scene['analyzer'],
  all: readonly Decided[],
  sent: readonly Planned[],
): readonly Decided[] {
  if (mostRollouts === undefined) return all;
  const gone = sent.map(({ trees, outcome, group }) => ({
    id: trees.id,
    decision: outcome.decision,
    underWay: outcome.decision.kind === 'move',
    group,
  }));
  const queue = all.map(({ trees, decision, observation, group }) => {
    const rollout = observation.situation.rollout;
    const position = rollout.kind === 'known' ? rollout.value.state.position : undefined;
    const underWay = position?.kind === 'step' || position?.kind === 'back';
    return { id: trees.id, decision, underWay, group: group?.name };
  });
  const decisions = limited([...queue, ...gone], mostRollouts);
  return all.map((it, index) => ({ ...it, decision: decisions[index] ?? it.decision }));
}

async function finish(pass: Pass, decided: Decided): Promise<Planned> {
  try {
    return await finishOne(pass, decided);
  } catch (error) {
    const { trees, now } = decided;
    const wrong = held(trees, troubleOf(error), now);
    return { trees, outcome: outcomeOf(wrong) };
  }
}

async function finishOne(
  { analyzer, snapshot }: Pick<Pass, 'analyzer' | 'snapshot'>,
  decided: Decided,
): Promise<Planned> {
  const { trees, observation, decision, now, group } = decided;
  const done = outcomeOf(decided);
  if (decision.kind !== 'move') return { trees, outcome: done };
  const { situation } = observation;
  const { change, after } = await carriedOut({ analyzer, snapshot }, situation, decision, now);
  return {
    trees,
    outcome: { ...done, message: change.message, after },
    change,
    ...(group === undefined || decision.transition === 'note' ? {} : { group: group.name }),
  };
}

/**
 * A rollback that is necessary in spite of an edit by hand goes to the sets that the state names, whatever was
 * edited, and says which commits it writes over.
 */
async function carriedOut(
  { analyzer: { repository, memory }, snapshot: { run } }: Pick<Pass, 'analyzer' | 'snapshot'>,
  situation: Situation,
  move: Move,
  now: number,
): Promise<Carried> {
  const rollout = situation.rollout;
  const edited = rollout.kind === 'known' && disagreement(situation, rollout.value) !== undefined;
  if (run === undefined || !edited) return carryOut(situation, move, now);
  const past = await walk(repository, run, situation.id, memory.read);
  const sound = await mended(repository, situation, past);
  const own = sound.rollout;
  const to = own.kind === 'known' && move.transition === 'back' ? nextBack(own.value) : move.to;
  return carryOut(sound, { ...move, to }, now, { accepts: unaccounted(past) });
}

/** What was decided, before anything is done about it. */
export function outcomeOf({ observation, decision, now: at }: Decided): Outcome {
  const { situation } = observation;
  return { release: situation.id, decision, at, status: status(situation), observation };
}
