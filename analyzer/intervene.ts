import { type Change, change } from './core/change.ts';
import type { Move } from './core/decision.ts';
import { disagreement } from './core/integrity.ts';
import type { Situation } from './core/observation.ts';
import { abort, pause, type Request, remove, resume, retry } from './core/person.ts';
import { rolloutOf } from './core/rollout.ts';
import type { Reader, Repository } from './git/repository.ts';
import { mended, unaccounted, type Walk, walk } from './history.ts';
import { loadSituation, type PlanMemory, withLastCommit } from './situation.ts';

/** What a person can ask for. */
export type Verb = 'resume' | 'retry' | 'abort' | 'pause' | 'remove';

/** The commit that a person's request became. */
export interface Intervention {
  readonly commit: string;
  readonly message: string;
}

const ATTEMPTS = 5;

const MOVES: Readonly<Record<Exclude<Verb, 'remove'>, (it: Situation, request: Request) => Move>> =
  {
    resume,
    retry,
    abort,
    pause,
  };

/**
 * Carries out one transition that a person asks for, through the same core as the analyzer's own.
 *
 * @throws Error when the request makes no sense in the release's situation, with the remedy
 * @throws GitError when the repository cannot be reached
 */
export async function intervene(
  repository: Repository,
  id: string,
  verb: Verb,
  request: Request,
  clock: () => number,
): Promise<Intervention> {
  for (let attempt = 1; ; attempt++) {
    const snapshot = await repository.fetch();
    const all = await repository.list(snapshot);
    const trees = all.find((it) => it.id === id);
    if (trees === undefined || snapshot.run === undefined)
      throw new Error(
        `there is no release "${id}"; there are: ${all.map((it) => it.id).join(', ') || 'none'}`,
      );
    const plans: PlanMemory = new Map();
    const loaded = await loadSituation(repository, trees, plans, snapshot);
    const situation = await withLastCommit(repository, snapshot.run, loaded);
    const past = await walk(repository, snapshot.run, id, plans);
    const it = await asked(repository, situation, past, verb, request, clock());
    const [commit = ''] = await repository.commit(snapshot.run, [it]);
    const result = await repository.push(commit);
    if (result.kind === 'pushed') return { commit, message: it.message };
    if (result.kind === 'refused') throw new Error(`the push was refused: ${result.reason}`);
    if (attempt === ATTEMPTS) throw new Error('somebody else pushed first, every time: try again');
  }
}

async function asked(
  reader: Reader,
  situation: Situation,
  past: Walk,
  verb: Verb,
  request: Request,
  now: number,
): Promise<Change> {
  if (verb === 'remove') return remove(situation, request, now);
  // Also a way back writes over edits by hand, and then says so.
  const over = verb === 'resume' || (verb === 'abort' && isEdited(situation));
  const subject = over ? await mended(reader, situation, past) : situation;
  const accepts = over ? unaccounted(past) : [];
  return change(subject, MOVES[verb](subject, request), now, { by: request.by, accepts });
}

function isEdited(situation: Situation): boolean {
  const rollout = rolloutOf(situation);
  return rollout.kind !== 'known' || disagreement(situation, rollout.value) !== undefined;
}
