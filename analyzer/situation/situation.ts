import { readPlan } from '../../lib/plan/parse.ts';
import type { Loaded } from '../core/answer.ts';
import type { PlanTree } from '../core/position.ts';
import { withRollout } from '../core/rollout.ts';
import type { LastCommit, Situation } from '../core/situation.ts';
import { parseState, type State } from '../core/state.ts';
import { GitError } from '../git/git-error.ts';
import type { Reader, ReleaseCommit, ReleaseTrees, Snapshot } from '../git/repository.ts';
import { unhurried } from '../turn.ts';

/**
 * What was read before, by its object id: an object never changes, so it is read once, and so is one that is broken.
 * Bounded by the caller, who drops what a pass did not use.
 */
export interface ReadMemory {
  readonly plans: Map<string, PlanTree | Broken>;
  readonly states: Map<string, State | Broken>;
  /** By release. */
  readonly lastCommits: Map<string, LastCommit>;
}

/** States that were read before. */
export type StateMemory = Pick<ReadMemory, 'states'>;

/** Nothing was read yet. */
export function newReadMemory(): ReadMemory {
  return { plans: new Map(), states: new Map(), lastCommits: new Map() };
}

/** A tree that holds no plan, or a blob that holds no state, and what is wrong: what follows the place in a sentence. */
interface Broken {
  readonly fault: string;
}

/** Whether a release is at rest for sure, from its tree ids alone: then nothing of it is read. */
export function isIdle(trees: ReleaseTrees): boolean {
  return (
    trees.plan !== undefined &&
    trees.state !== undefined &&
    trees.dist === trees.plan &&
    trees.stable === trees.plan &&
    trees.live === trees.complete
  );
}

/**
 * Reads what Git says about one release; what cannot be read is said in it, not thrown.
 *
 * @param source the snapshot's view of the source ref @default - it was read
 */
export async function loadSituation(
  reader: Reader,
  trees: ReleaseTrees,
  memory: ReadMemory,
  source: Pick<Snapshot, 'source' | 'sourceFailure'> = { source: 'known' },
): Promise<Situation> {
  const { id } = trees;
  const plan = (tree: string | undefined, place: string) => loadPlan(reader, tree, place, memory);
  const [state, pinned, stable, dist, live] = await Promise.all([
    loadState(reader, trees.state, `rollouts/${id}/state.yaml`, memory),
    plan(trees.plan, `rollouts/${id}/plan`),
    plan(trees.stable, `rollouts/${id}/stable`),
    source.source === undefined ? sourceless(source) : plan(trees.dist, `dist/${id}`),
    trees.live === undefined ? new Map<string, string>() : reader.files(trees.live),
  ]);
  return withRollout({ id, state, plan: pinned, stable, dist, live, lastCommit: undefined });
}

/** A release of which nothing could be made out, and why. */
export function unreadable(id: string, reason: string): Situation {
  const absent = { kind: 'absent' } as const;
  return withRollout({
    id,
    state: { kind: 'broken', reason },
    plan: absent,
    stable: absent,
    dist: absent,
    live: new Map(),
    lastCommit: undefined,
  });
}

/** Without the source nobody can say that a release is gone from it. */
function sourceless({ sourceFailure }: Pick<Snapshot, 'sourceFailure'>): Loaded<PlanTree> {
  const reason = sourceFailure?.message ?? 'there is no such branch';
  return { kind: 'broken', reason: `the source with dist/ cannot be read: ${reason}` };
}

/** Adds the last commit that touched the release, which is looked at before any transition. */
export async function withLastCommit(
  reader: Reader,
  commit: string | undefined,
  situation: Situation,
  memory: ReadMemory,
): Promise<Situation> {
  if (commit === undefined) return situation;
  const last = await reader.lastChange(commit, situation.id);
  if (last === undefined) return situation;
  const known = memory.lastCommits.get(situation.id);
  if (known?.oid === last.oid) return { ...situation, lastCommit: known };
  const parent = last.parents[0];
  // What it was made on shows what the change before it made.
  const before = parent === undefined ? undefined : await reader.treesAt(parent, situation.id);
  const [stateAfter, stateBefore] = await Promise.all([
    stateIn(reader, last, memory),
    before === undefined ? undefined : stateIn(reader, { trees: before }, memory),
  ]);
  const lastCommit: LastCommit = {
    oid: last.oid,
    author: last.author,
    transitionAfter: stateAfter?.transition,
    transitionBefore: stateBefore?.transition,
    accepts: stateAfter?.accepts ?? [],
  };
  memory.lastCommits.set(situation.id, lastCommit);
  return { ...situation, lastCommit };
}

/** @returns undefined where the commit has no state that can be read */
export async function stateIn(
  reader: Pick<Reader, 'texts'>,
  commit: Pick<ReleaseCommit, 'trees'>,
  memory: StateMemory = newReadMemory(),
): Promise<State | undefined> {
  const loaded = await loadState(
    reader,
    commit.trees.state,
    `rollouts/${commit.trees.id}/state.yaml`,
    memory,
  );
  return loaded.kind === 'known' ? loaded.value : undefined;
}

/** Reads a plan by its tree; the memory is asked first. */
export async function loadPlan(
  reader: Reader,
  tree: string | undefined,
  place: string,
  memory: ReadMemory,
): Promise<Loaded<PlanTree>> {
  if (tree === undefined) return { kind: 'absent' };
  try {
    const found = memory.plans.get(tree) ?? (await readPlanTree(reader, tree));
    memory.plans.set(tree, found);
    if ('plan' in found) return { kind: 'known', value: found };
    return { kind: 'broken', reason: `${place}${found.fault}` };
  } catch (error) {
    return { kind: 'broken', reason: `${place}: ${messageOf(error)}` };
  }
}

/** @throws what may be gone at the next try, and so is not to be remembered */
async function readPlanTree(reader: Reader, tree: string): Promise<PlanTree | Broken> {
  try {
    const blobs = await reader.files(tree);
    const file = blobs.get('plan.yaml');
    if (file === undefined)
      return { fault: '/plan.yaml is missing: run `npm run synth` and commit dist/' };
    const [text = ''] = await reader.texts([file]);
    const reading = await unhurried(text, () => readPlan(text));
    if (reading.kind === 'refused') return { fault: `/plan.yaml ${reading.reason}` };
    return { tree, plan: reading.plan, blobs };
  } catch (error) {
    if (!(error instanceof GitError) || error.retryable) throw error;
    return { fault: `: ${error.message}` };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function loadState(
  reader: Pick<Reader, 'texts'>,
  blob: string | undefined,
  place: string,
  memory: StateMemory,
): Promise<Loaded<State>> {
  if (blob === undefined) return { kind: 'absent' };
  const known = memory.states.get(blob);
  if (known !== undefined)
    return 'fault' in known
      ? { kind: 'broken', reason: `${place}${known.fault}` }
      : { kind: 'known', value: known };
  try {
    const [text = ''] = await reader.texts([blob]);
    const value = await unhurried(text, () => parseState(text, place));
    memory.states.set(blob, value);
    return { kind: 'known', value };
  } catch (error) {
    const reason = messageOf(error);
    if (reason.startsWith(place)) memory.states.set(blob, { fault: reason.slice(place.length) });
    return { kind: 'broken', reason };
  }
}
