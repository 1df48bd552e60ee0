import pLimit from 'p-limit';
import type { Group } from '../../lib/plan/plan.ts';
import { groupOf } from '../core/group.ts';
import type { Observation } from '../core/observation.ts';
import { phaseForOthers } from '../core/phase.ts';
import type { Phase } from '../core/phases.ts';
import { decide } from '../core/rules/decide.ts';
import type { Decision } from '../core/rules/decision.ts';
import type { Situation } from '../core/situation.ts';
import { GitError } from '../git/git-error.ts';
import type { ReleaseTrees, Snapshot } from '../git/repository.ts';
import { USUAL_ADMISSION, withRefusals } from '../situation/admission.ts';
import { withNeighbours } from '../situation/neighbours.ts';
import { loadPlan, loadSituation, unreadable, withLastCommit } from '../situation/situation.ts';
import type { Decider } from './analyzer.ts';
import { decideAsking } from './asking.ts';
import { observeBeginning } from './beginning.ts';
import { foldsOf, type SharedCounters, shareCounters, type Wish } from './counters.ts';
import { askingAlone, wishOf } from './counting.ts';
import { observe } from './observe.ts';
import type { Turn } from './patience.ts';

/** What one look at the repository works with. */
export interface Pass {
  readonly analyzer: Decider;
  readonly snapshot: Snapshot;
  readonly all: readonly ReleaseTrees[];
  readonly turn: Turn;
}

/** A decision about one release, before it is held against those about others. */
export interface Decided {
  readonly trees: ReleaseTrees;
  readonly observation: Observation;
  readonly decision: Decision;
  /** Unix seconds. */
  readonly now: number;
  readonly group?: Group | undefined;
}

const RELEASES_AT_ONCE = 8;
/** A release that waits longer for answers of its own makes room for another one. */
const TURN_MS = 250;

/** Decides about each release alone; those that the last pass had no time for come first. */
export function decideEach(
  pass: Pass,
  releases: readonly ReleaseTrees[],
): readonly Promise<Decided>[] {
  const { postponed } = pass.analyzer.memory;
  const counters = countersOf(pass, releases, pass.analyzer.clock());
  const limit = pLimit(RELEASES_AT_ONCE);
  const isPostponed = new Set(releases.filter((it) => postponed.has(it.id)));
  const order = [...isPostponed, ...releases.filter((it) => !isPostponed.has(it))];
  const decided = new Map(
    order.map((it) => [it, inTurn(limit, () => decideSafely(pass, it, counters))]),
  );
  return releases.flatMap((it) => decided.get(it) ?? []);
}

/** What all releases of a pass want to know of counters, as of one moment. */
interface PassCounters {
  readonly answer: SharedCounters;
  /** Unix seconds. */
  readonly at: number;
}

/** Begins to ask what all releases under way want to know of counters. @param at Unix seconds */
function countersOf(
  { analyzer, snapshot, turn }: Pass,
  releases: readonly ReleaseTrees[],
  at: number,
): PassCounters {
  const { repository, memory } = analyzer;
  const limit = pLimit(RELEASES_AT_ONCE);
  const wanted = releases.map((it) => limit(() => wantedBy(it)));
  const all = Promise.all(wanted).then(toMap);
  return { answer: shareCounters(analyzer, memory.counters, all, turn.signal), at };

  async function wantedBy(trees: ReleaseTrees): Promise<readonly [string, Wish]> {
    try {
      const pinned = await loadPlan(repository, trees.plan, 'its plan', memory.read);
      if (pinned.kind !== 'known' || pinned.value.plan.evidence === undefined)
        return [trees.id, NO_WISH];
      const { rollout } = await loadSituation(repository, trees, memory.read, snapshot);
      return [trees.id, rollout.kind === 'known' ? wishOf(rollout.value, at) : NO_WISH];
    } catch {
      // Deciding about it says what is wrong.
      return [trees.id, NO_WISH];
    }
  }
}

const NO_WISH: Wish = { first: [], rest: () => [] };

function toMap<V>(all: readonly (readonly [string, V])[]): ReadonlyMap<string, V> {
  return new Map(all);
}

/** Begins when there is room, and keeps the room for a while at most. */
function inTurn<T>(limit: ReturnType<typeof pLimit>, run: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    void limit(async () => {
      let timer: NodeJS.Timeout | undefined;
      const room = new Promise<void>((done) => {
        timer = setTimeout(done, TURN_MS);
      });
      const running = run();
      running.then(resolve, reject);
      await Promise.race([running, room]).catch(() => undefined);
      clearTimeout(timer);
    });
  });
}

/** What is wrong with one release must not keep the others from rolling back. */
async function decideSafely(
  pass: Pass,
  trees: ReleaseTrees,
  counters: PassCounters,
): Promise<Decided> {
  const { analyzer, turn } = pass;
  try {
    if (analyzer.patience?.leaving?.aborted)
      return held(trees, 'the analyzer is ending', analyzer.clock());
    const decided = await decideOne(pass, trees, counters);
    if (turn.isOver()) analyzer.memory.postponed.add(trees.id);
    else analyzer.memory.postponed.delete(trees.id);
    return decided;
  } catch (error) {
    return held(trees, troubleOf(error), Date.now() / 1000);
  }
}

/** Why a release is left as it is: what Git holds of it, or a bug of ours. */
export function troubleOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof GitError
    ? `what Git holds of it cannot be used: ${message}`
    : `a bug in the analyzer: ${message}`;
}

/** Nothing is done about a release. @param now Unix seconds */
export function held(trees: ReleaseTrees, reason: string, now: number): Decided {
  const observation = { situation: unreadable(trees.id, reason), series: [], skewSeconds: 0 };
  return { trees, observation, decision: { kind: 'hold', reason }, now };
}

async function decideOne(
  pass: Pass,
  trees: ReleaseTrees,
  counters: PassCounters,
): Promise<Decided> {
  const { analyzer, snapshot, turn } = pass;
  const { repository: reader, clock, memory } = analyzer;
  const found = await loadSituation(reader, trees, memory.read, snapshot);
  const loaded = await admitted(pass, found);
  const now = clock();
  const asked = turn.impatient(analyzer);
  const growth = counters.answer(trees.id, askingAlone(asked));
  const folds = foldsOf(memory.counters, trees.id);
  const world = { ...asked, growth, countedAt: counters.at, folds };
  const seen = await observe({ world, reader, seen: memory }, loaded, now);
  const others = await otherPhases(pass, loaded);
  const first = await decideAsking({ world, memory }, { ...seen, others }, now);
  const group = groupOf(first.observation);
  const { decision } = first;
  if (decision.kind !== 'move' && group === undefined) return { trees, now, ...first };
  // Only a release that is about to move pays for a look into its history, and one that begins for its questions.
  const situation = await withLastCommit(reader, snapshot.run, loaded, memory.read);
  const begins = decision.kind === 'move' && decision.transition === 'start';
  const beginning = begins ? await observeBeginning(world, loaded, now) : undefined;
  const checked = { ...first.observation, situation, beginning };
  return { trees, now, group, observation: checked, decision: decide(checked, now) };
}

/** A newest plan whose files cannot be read is not pinned; it stops no rollback of what runs. */
async function admitted({ analyzer, snapshot, all }: Pass, found: Situation): Promise<Situation> {
  const { repository, admission = USUAL_ADMISSION, memory } = analyzer;
  try {
    const { source } = snapshot;
    const read = await withRefusals(repository, source, found, admission, memory.admissions);
    return await withNeighbours(repository, all, read, memory.neighbours);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return { ...found, refused: [`dist/${found.id} cannot be read: ${error.message}`] };
  }
}

async function otherPhases(
  { analyzer, snapshot, all }: Pass,
  { dist }: Situation,
): Promise<ReadonlyMap<string, Phase> | undefined> {
  const wanted = dist.kind === 'known' ? (dist.value.plan.dependsOn ?? []) : [];
  if (wanted.length === 0) return undefined;
  const phases = new Map<string, Phase>();
  for (const { release } of wanted) {
    const trees = all.find((it) => it.id === release);
    if (trees === undefined) continue;
    const { repository, memory } = analyzer;
    try {
      const situation = await loadSituation(repository, trees, memory.read, snapshot);
      phases.set(release, phaseForOthers(situation));
    } catch (error) {
      // It is in no phase that anybody could wait for.
      if (!(error instanceof GitError)) throw error;
    }
  }
  return phases;
}
