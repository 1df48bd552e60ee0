import { illegal, violations } from '../core/legal.ts';
import { withRollout } from '../core/rollout.ts';
import type { Situation } from '../core/situation.ts';
import type { Reader, ReleaseCommit, Snapshot } from '../git/repository.ts';
import { loadPlan, loadSituation, newReadMemory, type ReadMemory } from '../situation/situation.ts';

/** One commit that touched a release, and what is wrong with it. */
export interface Visit {
  readonly commit: ReleaseCommit;
  readonly situation: Situation;
  /** Files that are not what the state says, and transitions that were not legal. */
  readonly problems: readonly string[];
  /** Whether a later transition says that it accepts this commit. */
  readonly accepted: boolean;
}

/** A release's history as it was written, oldest first. */
export interface Walk {
  readonly visits: readonly Visit[];
  /** False where a shallow clone cut it off. */
  readonly complete: boolean;
}

/** What was proved about one release, and what was not. */
export interface Verification {
  readonly release: string;
  readonly transitions: number;
  /** Whether all of its history was there. */
  readonly complete: boolean;
  /** So many commits that carry out its transitions were looked at for what they changed. */
  readonly ownPaths: number;
  /** Whether pinned plans were found in the source; `unknown` where it is absent or cut off. */
  readonly source: 'found' | 'absent' | 'unknown';
  readonly problems: readonly string[];
}

/**
 * Proves every release of a revision: from the revision alone, that `live/` is what pinned plan, stable set and
 * position say; with history, that each transition was a legal one; with the source ref, that each
 * pinned plan was `dist/<id>` in one of its commits.
 */
export async function verify(reader: Reader, at: Snapshot): Promise<readonly Verification[]> {
  const releases = (await reader.list(at)).filter(
    (it) => it.live ?? it.state ?? it.plan ?? it.stable,
  );
  const all: Verification[] = [];
  for (const trees of releases) {
    const memory = newReadMemory();
    const now = violations(await loadSituation(reader, trees, memory));
    const past = await walk(reader, at.run ?? '', trees.id, memory);
    const lost = past.visits.filter((it) => !it.accepted).flatMap((it) => inCommit(it, now));
    const own = await provePaths(reader, trees.id, past);
    const foreign = await provePlans(reader, at.source, past);
    const { length } = past.visits;
    const problems = [...now, ...lost, ...own.problems, ...foreign.problems];
    all.push({
      release: trees.id,
      transitions: length,
      complete: past.complete,
      ownPaths: own.commits,
      source: foreign.source,
      problems: [...new Set(problems)],
    });
  }
  return all;
}

/** Visits every commit that touched a release. */
export async function walk(
  reader: Reader,
  commit: string,
  id: string,
  memory: ReadMemory,
): Promise<Walk> {
  const { commits, complete } = await reader.history(commit, id);
  const loaded: { commit: ReleaseCommit; situation: Situation }[] = [];
  for (const it of commits)
    loaded.push({ commit: it, situation: await loadSituation(reader, it.trees, memory) });
  const accepted = new Set(loaded.flatMap(({ situation }) => acceptsOf(situation)));
  const visits: Visit[] = [];
  // Trees of plans that were the whole release once.
  const completed = new Set<string>();
  let before: Situation | undefined;
  for (const [index, it] of loaded.entries()) {
    const wrong = violations(it.situation);
    // Where history is cut off, its first commit is only what was there before.
    const step = index === 0 && !complete ? undefined : illegal(before, it.situation);
    const undone = complete ? falseUndo(it.situation, completed) : undefined;
    const problems = [...wrong, ...[step, undone].filter((one) => one !== undefined)];
    const isAccepted = accepted.has(it.commit.oid);
    visits.push({ ...it, problems, accepted: isAccepted });
    // What was accepted as it is, such as a revert, is where the next transition starts from.
    if (isAccepted && wrong.length === 0) before = present(it.situation) ?? before;
    if (!isAccepted && problems.length === 0) before = present(it.situation);
    if (problems.length === 0) noteComplete(it.situation, completed);
  }
  return { visits, complete };
}

function noteComplete({ state }: Situation, completed: Set<string>): void {
  if (state.kind === 'known' && state.value.position.kind === 'complete')
    completed.add(state.value.plan);
}

/** An undo leads to what ran before, and to nothing else. */
function falseUndo({ state }: Situation, completed: ReadonlySet<string>): string | undefined {
  if (state.kind !== 'known' || state.value.kind !== 'undo') return undefined;
  const { stable = 'none' } = state.value;
  return completed.has(stable)
    ? undefined
    : `undo to plan ${stable.slice(0, 10)}, which never was complete`;
}

/** Commits with problems that no transition has accepted yet. */
export function unaccounted({ visits }: Walk): readonly string[] {
  return visits.filter((it) => it.problems.length > 0 && !it.accepted).map((it) => it.commit.oid);
}

/** The newest situation in which everything was as it must be. */
export function lastGood({ visits }: Walk): Situation | undefined {
  return visits.filter((it) => it.problems.length === 0).at(-1)?.situation;
}

/** The situation with the state and the plans that it should have, whatever was edited; `live` as it is. */
export async function mended(reader: Reader, situation: Situation, past: Walk): Promise<Situation> {
  const good = lastGood(past);
  const state =
    situation.state.kind === 'known' ? situation.state : (good?.state ?? situation.state);
  if (state.kind !== 'known') return situation;
  const memory = newReadMemory();
  const plan = await loadPlan(reader, state.value.plan, `rollouts/${situation.id}/plan`, memory);
  const stable = await loadPlan(
    reader,
    state.value.stable,
    `rollouts/${situation.id}/stable`,
    memory,
  );
  return withRollout({ ...situation, state, plan, stable });
}

function present(situation: Situation): Situation | undefined {
  return situation.state.kind === 'absent' ? undefined : situation;
}

function acceptsOf({ state }: Situation): readonly string[] {
  return state.kind === 'known' ? (state.value.accepts ?? []) : [];
}

/** Problems of the past; those that still stand are listed without a commit already. */
function inCommit({ commit, problems }: Visit, standing: readonly string[]): readonly string[] {
  const past = problems.filter((it) => !standing.includes(it));
  return past.map((it) => `${it} (in commit ${commit.oid.slice(0, 10)})`);
}

/**
 * Holds the commits that name the release in their trailer against the rule that such a commit changes
 * `live/<id>` and `rollouts/<id>` alone. Merges, and the commit at the cut of a shallow clone, show what others did.
 */
async function provePaths(
  reader: Reader,
  id: string,
  { visits, complete }: Walk,
): Promise<{ readonly commits: number; readonly problems: readonly string[] }> {
  const own = visits
    .slice(complete ? 0 : 1)
    .filter(({ commit }) => commit.parents.length < 2 && moved(commit.message).includes(id));
  const changed = await reader.changedPaths(own.map((it) => it.commit.oid));
  const problems = own.flatMap(({ commit, accepted }, index) => {
    const ids = moved(commit.message);
    const outside = (changed[index] ?? []).filter((it) => !ids.some((one) => isOwnPath(one, it)));
    if (accepted || outside.length === 0) return [];
    const more = outside.length > 1 ? ` and ${outside.length - 1} more` : '';
    return `${JSON.stringify(outside[0])}${more} changed beside the transition (in commit ${commit.oid.slice(0, 10)})`;
  });
  return { commits: own.length, problems };
}

/** The releases that a commit's trailers name. */
function moved(message: string): readonly string[] {
  const name = 'Perch-Release: ';
  const lines = message.split('\n').filter((it) => it.startsWith(name));
  return lines.map((it) => it.slice(name.length));
}

/** A file where the folder would be is the release's own, too. */
function isOwnPath(id: string, path: string): boolean {
  return ['live', 'rollouts'].some((it) => `${path}/`.startsWith(`${it}/${id}/`));
}

interface SourceProof {
  readonly source: Verification['source'];
  readonly problems: readonly string[];
}

async function provePlans(
  reader: Reader,
  source: string | undefined,
  { visits }: Walk,
): Promise<SourceProof> {
  if (source === undefined) return { source: 'unknown', problems: [] };
  const pinned = new Map<string, string>();
  for (const { situation, accepted } of visits)
    for (const plan of accepted ? [] : [situation.plan, situation.stable])
      if (plan.kind === 'known') pinned.set(plan.value.tree, situation.id);
  const problems: string[] = [];
  let answer: Verification['source'] = 'found';
  for (const [tree, id] of pinned) {
    const found = await reader.wasSource(source, id, tree);
    if (found === 'absent')
      problems.push(`rollouts/${id}: plan ${tree.slice(0, 10)} never was dist/${id} in the source`);
    if (found !== 'found' && answer !== 'absent')
      answer = found === 'absent' ? 'absent' : 'unknown';
  }
  return { source: answer, problems };
}
