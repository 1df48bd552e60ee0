import { noteText } from '../core/explain.ts';
import { positionText } from '../core/position.ts';
import type { State } from '../core/state.ts';
import type { Visit, Walk } from './history.ts';

/** One commit of a release's history, as `perch history` tells it. */
export interface Transition {
  readonly commit: string;
  /** Commit time in Unix seconds. */
  readonly at: number;
  /** Number of the transition; undefined where the commit carries none. */
  readonly transition: number | undefined;
  /**
   * What it was: a kind of transition, `removed`, or what is none: `cut` where a shallow clone begins, `edit` by
   * hand, `revert` to an earlier transition.
   */
  readonly kind: State['kind'] | 'removed' | 'cut' | 'edit' | 'revert';
  /** Where the release is after it; undefined where nothing is known of that. */
  readonly position: string | undefined;
  readonly candidate: string | undefined;
  /** What the checks said, from the commit's trailer; undefined where it has none. */
  readonly verdict: string | undefined;
  /** The person, or `analyzer`; of a commit without a transition its author. */
  readonly by: string;
  readonly reason: string;
  /** What is wrong with it, as `perch verify` finds. */
  readonly problems: readonly string[];
}

/** Every commit of a walk as a row, oldest first. */
export function transitions(id: string, { visits, complete }: Walk): readonly Transition[] {
  const rows: Transition[] = [];
  let before: State | undefined;
  let highest = 0;
  for (const [index, visit] of visits.entries()) {
    const { state: loaded } = visit.situation;
    const state = loaded.kind === 'known' ? loaded.value : undefined;
    const cut = index === 0 && !complete;
    rows.push(row(id, visit, { before, state, highest, cut }));
    before = loaded.kind === 'absent' ? undefined : (state ?? before);
    highest = loaded.kind === 'absent' ? 0 : Math.max(highest, state?.transition ?? 0);
  }
  return rows;
}

interface Around {
  readonly before: State | undefined;
  readonly state: State | undefined;
  /** Of all transitions so far. */
  readonly highest: number;
  readonly cut: boolean;
}

function row(id: string, { commit, situation, problems }: Visit, around: Around): Transition {
  const { before, state, highest, cut } = around;
  const common = {
    commit: commit.oid,
    at: commit.at,
    position: state === undefined ? undefined : positionText(state.position),
    candidate: state?.candidate,
    problems,
  };
  const none = { ...common, transition: undefined, verdict: undefined, by: commit.author };
  if (cut)
    return {
      ...none,
      kind: 'cut',
      reason: 'what came before is not in this shallow clone',
      by: '',
    };
  if (situation.state.kind === 'absent' && before !== undefined)
    return { ...none, kind: 'removed', reason: bodyOf(commit.message) };
  if (state !== undefined && state.transition > highest)
    return {
      ...common,
      transition: state.transition,
      kind: state.kind,
      verdict: state.verdict ?? trailer(id, commit.message, 'Perch-Verdict'),
      by: state.by ?? 'analyzer',
      reason: reasonOf(before, state),
    };
  const isBack = state !== undefined && before !== undefined && state.transition < highest;
  const [subject = ''] = commit.message.split('\n', 1);
  return isBack && state.transition !== before.transition
    ? { ...none, kind: 'revert', reason: `to transition ${state.transition}: ${subject}` }
    : { ...none, kind: 'edit', reason: subject };
}

/** A note leaves the state's reason as it was. */
function reasonOf(before: State | undefined, state: State): string {
  const { kind, note } = state;
  if (kind !== 'note') return state.reason;
  if (note === undefined) return untold(before, state);
  return 'reason' in note ? `${noteText(note)}: ${note.reason}` : noteText(note);
}

/** Format 1 did not say what a note was; what it changed does. */
function untold(before: State | undefined, state: State): string {
  const gate = state.approved?.at(-1);
  const run = state.hooks?.at(-1);
  if (state.failed !== undefined && before?.failed?.candidate !== state.failed.candidate)
    return `${state.failed.candidate} is not started: ${state.failed.reason}`;
  if (state.paused !== undefined && before?.paused === undefined)
    return `paused: ${state.paused.reason}`;
  if (gate !== undefined && state.approved?.length !== before?.approved?.length)
    return `gate of ${gate.step} opened: ${gate.reason}`;
  if (state.fast !== undefined && before?.fast === undefined)
    return `waits for no check and no gate: ${state.fast.reason}`;
  if (run !== undefined && JSON.stringify(state.hooks) !== JSON.stringify(before?.hooks))
    return `hook ${run.hook} ${run.endedAt === undefined ? 'is called' : (run.outcome ?? 'ended')}`;
  if (before?.failed !== undefined && state.failed === undefined)
    return `retry ${before.failed.candidate}`;
  return before?.paused !== undefined && state.paused === undefined ? 'resumed' : state.reason;
}

/** The trailer of the release in its own block: a commit of a group has one block for each member. */
function trailer(id: string, message: string, name: string): string | undefined {
  const lines = message.split('\n');
  const start = lines.lastIndexOf(`Perch-Release: ${id}`);
  if (start < 0) return undefined;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((it) => it.startsWith('Perch-Release: '));
  const own = end < 0 ? rest : rest.slice(0, end);
  return own.find((it) => it.startsWith(`${name}: `))?.slice(name.length + 2);
}

/** The first paragraph below the subject, else the subject. */
function bodyOf(message: string): string {
  const [subject = '', body = ''] = message.split('\n\n');
  const said = body.startsWith('Perch-') || body === '' ? subject : body;
  return said.replaceAll('\n', ' ');
}
