import type { Group } from '../lib/plan/plan.ts';
import { type Change, change, type FileWrite } from './core/change.ts';
import { groupOf, oneChange } from './core/group.ts';
import type { Message } from './core/message.ts';
import {
  abort,
  gates,
  initialize,
  isEdited,
  isHeld,
  pause,
  presentGate,
  promote,
  promoteFull,
  type Request,
  remove,
  resume,
  retry,
  undo,
} from './core/person.ts';
import type { Move } from './core/rules/decision.ts';
import { START } from './core/rules/gate.ts';
import type { Situation } from './core/situation.ts';
import { GitError } from './git/git-error.ts';
import { isThere, type ReleaseTrees, type Repository, type Snapshot } from './git/repository.ts';
import { mended, unaccounted, type Walk, walk } from './history/history.ts';
import { earlierPlan } from './history/promotions.ts';
import { oneNamed } from './named.ts';
import { type Admission, USUAL_ADMISSION, withRefusals } from './situation/admission.ts';
import { newNeighbours, withNeighbours } from './situation/neighbours.ts';
import {
  loadSituation,
  newReadMemory,
  type ReadMemory,
  withLastCommit,
} from './situation/situation.ts';
import { noRelease, UsageError } from './usage-error.ts';

/** What a person can ask for. */
export type Verb = 'begin' | 'pause' | 'resume' | 'promote' | 'abort' | 'undo' | 'retry' | 'remove';

/** What a person asks of which release, and why. */
export interface Wish {
  readonly id: string;
  readonly verb: Verb;
  readonly request: Request;
  /** @default - none */
  readonly wishes?: Wishes | undefined;
}

/** What a person asks for beyond the verb. */
export interface Wishes {
  /** To promote: wait for no check and no gate in the whole rollout. @default - one gate alone opens */
  readonly full?: boolean | undefined;
  /** To promote: the step whose gate opens, also ahead, or how its name begins. @default - the present one */
  readonly step?: string | undefined;
  /** To undo: the earlier candidate, or how it begins. @default - the newest that did not fail */
  readonly to?: string | undefined;
  /** To init: what the plan must pass. @default - the kinds of every release, and no signature */
  readonly admission?: Admission | undefined;
  /** Make no commit and push nothing. @default false */
  readonly dryRun?: boolean | undefined;
}

/** What a person's request became: one commit, or with a dry run what would be one. */
export interface Intervention {
  /** Absent with a dry run. */
  readonly commit: string | undefined;
  readonly message: Message;
  /** The release, and with a group all members that it changes. */
  readonly releases: readonly string[];
  /** What it writes and deletes below live/. */
  readonly live: readonly LiveChange[];
}

/** One path below live/ that a commit touches. */
export interface LiveChange {
  readonly kind: 'write' | 'delete';
  readonly path: string;
}

const ATTEMPTS = 5;

/**
 * Carries out one transition that a person asks for, through the same core as the analyzer's own. A release of a
 * group takes all members with it, in one commit.
 *
 * @throws Error when the request makes no sense in the release's situation, with the remedy
 * @throws GitError when the repository cannot be reached
 */
export async function intervene(
  repository: Repository,
  { id, verb, request, wishes = {} }: Wish,
  clock: () => number,
): Promise<Intervention> {
  for (let attempt = 1; ; attempt++) {
    const snapshot = await repository.fetch();
    const all = await repository.list(snapshot);
    const scene: Scene = { repository, snapshot, all, memory: newReadMemory() };
    const it = await asked(scene, id, { verb, request, wishes, now: clock() });
    const done = outcome(it);
    if (wishes.dryRun === true) return done;
    const [commit = ''] = await repository.commit(snapshot.run, [it]);
    const result = await repository.push(commit);
    if (isThere(result)) return { ...done, commit };
    if (result.kind === 'refused')
      throw new GitError(`the push was refused: ${result.reason}`, { retryable: true });
    if (attempt === ATTEMPTS)
      throw new GitError('somebody else pushed first, every time: try again', { retryable: true });
  }
}

/** What one attempt works with. */
interface Scene {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly all: readonly ReleaseTrees[];
  readonly memory: ReadMemory;
}

interface Asked {
  readonly verb: Verb;
  readonly request: Request;
  readonly wishes: Wishes;
  /** Unix seconds. */
  readonly now: number;
}

function outcome({ release, members = [release], message, writes }: Change): Intervention {
  return {
    commit: undefined,
    message,
    releases: members,
    live: writes.filter((it) => it.path.startsWith('live/')).map(liveChange),
  };
}

function liveChange({ kind, path }: FileWrite): LiveChange {
  return { kind: kind === 'delete' ? 'delete' : 'write', path };
}

async function asked(scene: Scene, id: string, wanted: Asked): Promise<Change> {
  const named = await situationOf(scene, id, wanted);
  const it = withWholeStep(wanted, named);
  if (it.verb === 'remove') return remove(named, it.request, it.now);
  const group = groupOf({ situation: named, series: [], skewSeconds: 0 });
  if (group === undefined) return changeOf(scene, named, it);
  const members = await membersOf(scene, group, named, it);
  const acting = actingOf(it, members);
  const changes: Change[] = [];
  // Who has nothing to do with it is left out; with nobody left, the one that was named says why.
  for (const member of acting.length === 0 ? [named] : acting)
    changes.push(await memberChange(scene, member, it, group));
  return together(group, changes, named);
}

async function situationOf(scene: Scene, id: string, asked: Asked): Promise<Situation> {
  const { repository, snapshot, all, memory } = scene;
  const trees = all.find((it) => it.id === id);
  if (trees === undefined || snapshot.run === undefined) throw noRelease(id, all);
  const loaded = await loadSituation(repository, trees, memory, snapshot);
  const { admission = USUAL_ADMISSION } = asked.wishes;
  // What no analyzer would pin, no person pins by this either.
  const found =
    asked.verb === 'begin'
      ? await withNeighbours(
          repository,
          all,
          await withRefusals(repository, snapshot.source, loaded, admission, new Map()),
          newNeighbours(),
        )
      : loaded;
  return withLastCommit(repository, snapshot.run, found, memory);
}

async function membersOf(
  scene: Scene,
  group: Group,
  named: Situation,
  asked: Asked,
): Promise<readonly Situation[]> {
  const members: Situation[] = [];
  for (const id of group.members) {
    if (!scene.all.some((it) => it.id === id))
      throw new Error(
        `${named.id} acts as one with its group ${group.name}, and its member ${id} cannot be found: release it, or take it out of the group`,
      );
    members.push(id === named.id ? named : await situationOf(scene, id, asked));
  }
  return members;
}

/**
 * The members that a request is about. Pauses by the analyzer, failures and runs of hooks may be one member's alone,
 * and what ends them must not wait for the others to have the same.
 */
function actingOf({ verb, wishes }: Asked, members: readonly Situation[]): readonly Situation[] {
  if (verb === 'begin') return members.filter((it) => it.state.kind === 'absent');
  if (verb === 'resume') return members.filter(isHeld);
  if (verb === 'retry')
    return members.filter(
      ({ state }) => state.kind !== 'known' || state.value.failed !== undefined,
    );
  if (verb !== 'promote' || wishes.full === true) return members;
  const closed = members.flatMap((it) => closedGate(it, wishes.step) ?? []);
  const first = closed.includes(START) ? START : [...closed].sort()[0];
  return first === undefined ? [] : members.filter((it) => closedGate(it, wishes.step) === first);
}

/** The gate of a member that would open. @param step the present one where it is undefined */
function closedGate(member: Situation, step = presentGate(member)): string | undefined {
  return gates(member).find((it) => it.step === step && !it.isOpen)?.step;
}

/** The whole name of the step that a person named, so that it is the same one for each member of a group. */
function withWholeStep(asked: Asked, situation: Situation): Asked {
  const { step } = asked.wishes;
  if (asked.verb !== 'promote' || step === undefined) return asked;
  const all = gates(situation);
  const there = all.map((it) => it.step).join(', ') || 'none';
  const found = oneNamed({
    given: step,
    all,
    namesOf: (it) => [it.step],
    none: `${situation.id}: "${step}" names no step ahead that has a gate; there are: ${there}`,
  });
  return { ...asked, wishes: { ...asked.wishes, step: found.step } };
}

async function memberChange(
  scene: Scene,
  member: Situation,
  it: Asked,
  group: Group,
): Promise<Change> {
  try {
    return await changeOf(scene, member, it);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof GitError) throw error;
    const { members, name } = group;
    const message = `${error.message} (${members.join(', ')} act as one: group ${name}; nothing was done)`;
    if (error instanceof UsageError) throw new UsageError(message, { cause: error });
    throw new Error(message, { cause: error });
  }
}

/** One commit, whose first line says what all members do. */
function together(group: Group, changes: readonly Change[], { state }: Situation): Change {
  const [first] = changes;
  if (first !== undefined && changes.length === 1) return first;
  const to = state.kind === 'known' ? state.value.position : { kind: 'init' as const };
  const one = oneChange(group.name, changes, to);
  if (changes.some((it) => it.message.headline !== first?.message.headline)) return one;
  const topic = `${group.name}: ${changes.map((it) => it.release).join(', ')}`;
  return { ...one, message: { ...one.message, topic } };
}

async function changeOf(scene: Scene, situation: Situation, it: Asked): Promise<Change> {
  const { repository, snapshot, memory } = scene;
  // Also a rollback writes over edits by hand, and then says so.
  const over = it.verb === 'resume' || (it.verb === 'abort' && isEdited(situation));
  const looksBack = over || it.verb === 'undo';
  const past = looksBack
    ? await walk(repository, snapshot.run ?? '', situation.id, memory)
    : { visits: [], complete: false };
  const subject = over ? await mended(repository, situation, past) : situation;
  const accepts = over ? unaccounted(past) : [];
  const move = moveOf(subject, past, it);
  return change(subject, move, it.now, { by: it.request.by, accepts });
}

function moveOf(situation: Situation, past: Walk, { verb, request, wishes, now }: Asked): Move {
  switch (verb) {
    case 'begin':
      return initialize(situation, request);
    case 'pause':
      return pause(situation, request);
    case 'resume':
      return resume(situation, request);
    case 'abort':
      return abort(situation, request);
    case 'retry':
      return retry(situation, request);
    case 'promote':
      return wishes.full === true
        ? promoteFull(situation, request)
        : promote(situation, request, wishes.step);
    case 'undo':
      return undo(situation, request, (present) =>
        earlierPlan(past, { id: situation.id, present, to: wishes.to, now }),
      );
    case 'remove':
      throw new Error('a removal is not a transition');
  }
}
