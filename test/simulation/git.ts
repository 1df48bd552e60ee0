import type { Loaded } from '../../analyzer/core/answer.ts';
import type { FileSet, PlanTree } from '../../analyzer/core/position.ts';
import { withRollout } from '../../analyzer/core/rollout.ts';
import type { LastCommit, Situation } from '../../analyzer/core/situation.ts';
import type { State } from '../../analyzer/core/state.ts';
import type { Scenario } from './scenario.ts';

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

/** Before the first commit. */
export function emptyGit(id: string): Git {
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
export function revisionOf(state: State | undefined): string {
  return `main@sha1:${String(state?.transition ?? 0).padStart(40, '0')}`;
}

/** What the analyzer reads of a release. */
export function situationOf(git: Git, scenario: Scenario, now: number): Situation {
  return withRollout({
    id: git.id,
    state: git.state === undefined ? { kind: 'absent' } : { kind: 'known', value: git.state },
    plan: loaded(git.plan),
    stable: loaded(git.stable),
    dist: loaded(scenario.distAt(now, git.id)),
    live: git.live,
    lastCommit: git.last,
  });
}

function loaded(plan: PlanTree | undefined): Loaded<PlanTree> {
  return plan === undefined ? { kind: 'absent' } : { kind: 'known', value: plan };
}

/** Somebody edits a file of live/ in Git by hand. */
export function editLive(git: Git): void {
  const name = [...git.live.keys()].sort().at(-1);
  if (name === undefined) return;
  git.live = new Map([...git.live, [name, 'f'.repeat(40)]]);
  touched(git);
}

/** Somebody changes a file that the state does not count, and changes it back: consistent, but uncounted. */
export function touched(git: Git): void {
  const { state } = git;
  git.last = {
    oid: '1'.repeat(40),
    author: 'somebody',
    transitionBefore: state?.transition,
    transitionAfter: state?.transition,
    accepts: [],
  };
}

/** Services that exist already are named after what they run. */
export function imageOf(tree: PlanTree | undefined): string {
  const { images, shape } = tree?.plan ?? {};
  return images?.[0] ?? shape?.services?.candidate.replace('-', ':') ?? '';
}

/** The version that is stable. */
export function versionOf({ stable }: Git): string {
  return imageOf(stable).split(':')[1] ?? '';
}
