import type { Repository } from '../git/repository.ts';
import { isBack, type Planned, type Unit } from './planned.ts';

/** A change that became a commit. */
export interface Made {
  readonly unit: Unit;
  readonly commit: string;
}

/** What became of all changes. */
export interface Commits {
  /** In the order in which they stand on each other. */
  readonly made: readonly Made[];
  /** By release, what is said of those whose change could not be committed. */
  readonly failed: ReadonlyMap<string, Planned>;
}

/**
 * Makes the commits on top of `parent`, all at once. Where that fails each is tried alone, those on their rollback
 * first: one change that git refuses must not keep the others from rolling back.
 *
 * @throws what git says where it makes no commits at all
 */
export async function commitAll(
  repository: Pick<Repository, 'commit'>,
  parent: string | undefined,
  units: readonly Unit[],
): Promise<Commits> {
  const nobody = new Map<string, Planned>();
  if (units.length === 0) return { made: [], failed: nobody };
  try {
    const changes = units.map((it) => it.change);
    const commits = await repository.commit(parent, changes);
    return { made: units.map((unit, index) => madeOf(unit, commits[index])), failed: nobody };
  } catch (error) {
    const [first] = units;
    if (first === undefined || !(await canCommit(repository, parent, first))) throw error;
    return commitApart(repository, parent, units);
  }
}

/** A commit that changes nothing shows whether git is to blame, or what was to be committed. It is not pushed. */
async function canCommit(
  repository: Pick<Repository, 'commit'>,
  parent: string | undefined,
  { change }: Unit,
): Promise<boolean> {
  try {
    const message = { topic: change.release, headline: 'nothing', body: [], trailers: [] };
    await repository.commit(parent, [{ ...change, message, writes: [] }]);
    return true;
  } catch {
    return false;
  }
}

async function commitApart(
  repository: Pick<Repository, 'commit'>,
  run: string | undefined,
  units: readonly Unit[],
): Promise<Commits> {
  const made: Made[] = [];
  const failed = new Map<string, Planned>();
  let parent = run;
  for (const unit of backFirst(units)) {
    try {
      const [commit] = await repository.commit(parent, [unit.change]);
      made.push(madeOf(unit, commit));
      parent = commit;
    } catch (error) {
      for (const it of unit.planned) failed.set(it.trees.id, heldBack(it, error));
    }
  }
  return { made, failed };
}

/** Ways back first, else in their order. */
export function backFirst(units: readonly Unit[]): readonly Unit[] {
  return [...units.filter(isBack), ...units.filter((it) => !isBack(it))];
}

function madeOf(unit: Unit, commit: string | undefined): Made {
  if (commit === undefined) throw new Error('git made no commit');
  return { unit, commit };
}

/** It stays where it is, and says why. */
function heldBack({ trees, outcome }: Planned, error: unknown): Planned {
  const said = error instanceof Error ? error.message : String(error);
  const { message: _, after: __, ...rest } = outcome;
  const reason = `it should move (${outcome.decision.reason}), and its change cannot be committed: ${said}`;
  return { trees, outcome: { ...rest, decision: { kind: 'hold', reason } } };
}
