import type { Applied, ObjectRef } from '../core/cluster/reading.ts';
import { syncRef, syncStatus } from '../core/cluster/sync.ts';
import { type PlanTree, samePosition } from '../core/position.ts';
import type { Rollout } from '../core/situation.ts';
import { GitError } from '../git/git-error.ts';
import type { Reader } from '../git/repository.ts';
import { type StateMemory, stateIn } from '../situation/situation.ts';
import type { Synced, SyncSource } from './world.ts';

/** Reads the state of a release in any commit. */
export type StateReader = Pick<Reader, 'texts' | 'treesAt'>;

/** Whether the sync objects have applied this position, or a commit that still holds it: all that this cluster has. */
export async function askSync(
  reader: StateReader,
  { sync, holds }: Synced,
  { state, plan }: Rollout,
  memory?: StateMemory,
): Promise<Applied> {
  if (sync === undefined) return { kind: 'unasked' };
  const answers = await Promise.all(
    syncNames(state.release, plan, holds).map((name) => {
      const ref = syncRef(sync.target, name, sync.context);
      return askOneSync({ reader, memory }, sync, ref, state);
    }),
  );
  return answers.find((it) => it.kind !== 'applied') ?? { kind: 'applied' };
}

/** One sync object for a release, or one for each of its two roots. */
function syncNames(release: string, { plan }: PlanTree, holds: Synced['holds']): readonly string[] {
  const isApart = Object.keys(plan.files).some((it) => it.includes('/'));
  if (!isApart) return [release];
  const roots = { all: ['mesh', 'workload'], routes: ['mesh'], workloads: ['workload'] } as const;
  return roots[holds].map((it) => `${release}-${it}`);
}

/** What reads states, and what it has read before. */
interface Reading {
  readonly reader: StateReader;
  readonly memory: StateMemory | undefined;
}

async function askOneSync(
  reading: Reading,
  sync: SyncSource,
  ref: ObjectRef,
  state: Rollout['state'],
): Promise<Applied> {
  const answer = await sync.cluster.read([ref]);
  const found = answer.kind === 'unknown' ? answer : answer.value.objects[0];
  const object = `${ref.kind} ${ref.namespace}/${ref.name}`;
  if (found?.kind === 'absent')
    return { kind: 'unknown', reason: `${object} does not exist; --sync names it` };
  if (found?.kind !== 'found')
    return { kind: 'unknown', reason: `${object}: ${found?.reason ?? 'no answer'}` };
  const { revision, trouble, refuses } = syncStatus(sync.target.tool, found.object);
  if (revision !== undefined && (await holdsPosition(reading, revision, state)))
    return { kind: 'applied' };
  const at = revision === undefined ? 'nothing yet' : `commit ${revision.slice(0, 10)}`;
  const because = trouble === undefined ? '' : `: ${trouble}`;
  // A refusal of the commit before says nothing about this one, which may not have been tried yet.
  const isThis = refuses !== undefined && (await holdsPosition(reading, refuses, state));
  const refused = isThis ? trouble : undefined;
  return { kind: 'behind', reason: `${object} has applied ${at}${because}`, refused };
}

/** Whether the release stood at this position in a commit: the very transition, not one to the same place. */
async function holdsPosition(
  { reader, memory }: Reading,
  commit: string,
  state: Rollout['state'],
): Promise<boolean> {
  try {
    const trees = await reader.treesAt(commit, state.release);
    const there = await stateIn(reader, { trees }, memory);
    return there?.at === state.at && samePosition(there.position, state.position);
  } catch (error) {
    // It may have applied what was pushed after our fetch.
    if (error instanceof GitError) return false;
    throw error;
  }
}
