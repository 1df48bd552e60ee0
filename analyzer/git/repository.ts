import type { Change } from '../core/change.ts';
import type { GitError } from './git-error.ts';

/** The two refs at one moment; the same commit where source and run share a branch. */
export interface Snapshot {
  /** Tip of the run ref; undefined only where nobody looked for one. */
  readonly run: string | undefined;
  /** Tip of the source ref; undefined where it could not be had. */
  readonly source: string | undefined;
  /** Why a source in a repository of its own could not be asked: nothing is known of dist/ then. */
  readonly sourceFailure?: GitError | undefined;
}

/** Object ids of one release's trees at a snapshot. What is absent does not exist there. */
export interface ReleaseTrees {
  readonly id: string;
  /** Tree `dist/<id>` of the source ref. */
  readonly dist?: string | undefined;
  /** Tree `rollouts/<id>/plan`. */
  readonly plan?: string | undefined;
  /** Tree `rollouts/<id>/stable`. */
  readonly stable?: string | undefined;
  /** Blob `rollouts/<id>/state.yaml`. */
  readonly state?: string | undefined;
  /** Tree `live/<id>`. */
  readonly live?: string | undefined;
  /** The tree of the last step's folder in `rollouts/<id>/plan/steps/`. */
  readonly complete?: string | undefined;
}

/** A commit that touched one release. */
export interface ReleaseCommit {
  readonly oid: string;
  readonly parents: readonly string[];
  /** Commit time in Unix seconds. */
  readonly at: number;
  readonly author: string;
  readonly message: string;
  /** The release's trees in this commit. */
  readonly trees: ReleaseTrees;
}

/** What became of a push. */
export type PushResult =
  | { readonly kind: 'pushed' }
  /** Somebody else made the very same commit and pushed it: whoever came first does what follows. */
  | { readonly kind: 'alreadyThere' }
  /** Somebody else moved the ref first: fetch, look again, decide again. */
  | { readonly kind: 'moved' }
  /** The server said no: a protected branch, a hook, missing rights. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Whether the branch is at the commit now, whoever brought it there. */
export function isThere(
  result: PushResult,
): result is Extract<PushResult, { kind: 'pushed' | 'alreadyThere' }> {
  return result.kind === 'pushed' || result.kind === 'alreadyThere';
}

/** Commits that touched one release. */
export interface History {
  /**
   * Oldest first. Where a shallow clone cut the history off, the first is the commit at the cut: its trees are
   * what came before, its message says nothing of the release. Where a merge undid what the last commit did,
   * the commit that was asked for follows as the last.
   */
  readonly commits: readonly ReleaseCommit[];
  /** False where a shallow clone cut the history off. */
  readonly complete: boolean;
}

/** Whether a plan was ever merged; `cutOff` where a shallow clone does not reach far enough to say no. */
export type SourceAnswer = 'found' | 'absent' | 'cutOff';

/** Who vouches for a plan, or why nobody does. */
export type Signature =
  | { readonly kind: 'good'; readonly commit: string; readonly signer: string }
  | { readonly kind: 'bad'; readonly reason: string };

/** Reads commits, trees and blobs: no work tree, no rendering, no judgement, no network. */
export interface Reader {
  /** The commit that `revision` names (branch, tag, id, `main~3`); undefined where there is none. */
  resolve(revision: string): Promise<string | undefined>;
  /** The ids of a commit and of those in its history that begin with these digits. */
  commitsBeginning(tip: string, digits: string): Promise<readonly string[]>;
  /**
   * Every release that has a folder in dist/, rollouts/ or live/, sorted by id. No release is a folder of dist/ that
   * holds a kustomization.yaml and no plan.yaml, one that holds nothing but other folders, and one whose name no release
   * can have.
   */
  list(at: Snapshot): Promise<readonly ReleaseTrees[]>;
  /**
   * Paths in dist/, live/ and rollouts/ that belong to no release: names that no release can have, and files where
   * the folder of a release would be.
   */
  strays(at: Snapshot): Promise<readonly string[]>;
  /** Whether `ancestor` is `commit` or lies in its history. */
  follows(commit: string, ancestor: string): Promise<boolean>;
  /**
   * Blob id by path, for a whole tree with its folders; an absurd number of files is cut off, with an entry that says
   * so. Bytes of a name that are not UTF-8 are lone surrogates. A symbolic link or submodule is `<mode>:<id>`, which
   * is no blob's id: it never equals a file, and its text cannot be asked for.
   */
  files(tree: string): Promise<ReadonlyMap<string, string>>;
  /** The texts of blobs, in the order asked. @throws GitError for a missing object */
  texts(blobs: readonly string[]): Promise<readonly string[]>;
  /**
   * The last commit reachable from `commit` that touched live/<id> or rollouts/<id>; undefined where none did,
   * or where it lies behind the cut of a shallow clone.
   */
  lastChange(commit: string, id: string): Promise<ReleaseCommit | undefined>;
  /** The release's trees in a commit. */
  treesAt(commit: string, id: string): Promise<ReleaseTrees>;
  /** All such commits. */
  history(commit: string, id: string): Promise<History>;
  /** Looks for a commit reachable from `source` that had `tree` as dist/<id>. */
  wasSource(source: string, id: string, tree: string): Promise<SourceAnswer>;
  /**
   * Whether the commit that made dist/<id> what it is at `source` is signed by an ssh key of an allowed signers
   * file. History must reach back to that commit. Needs git 2.34 and ssh-keygen.
   */
  signature(source: string, id: string, allowedSigners: string): Promise<Signature>;
  /** The paths that each commit changed against its first parent, in order. */
  changedPaths(commits: readonly string[]): Promise<readonly (readonly string[])[]>;
  close(): Promise<void>;
}

/** Git through plumbing on a bare clone: what can be read, and the two ways to change something. */
export interface Repository extends Reader {
  /** Brings both refs up to date. @throws GitError when a remote cannot be reached */
  fetch(): Promise<Snapshot>;
  /** Makes one commit for each change on top of `parent`, in order, and returns their ids. */
  commit(parent: string | undefined, changes: readonly Change[]): Promise<readonly string[]>;
  /** Pushes `commit` to the run ref, never by force. @throws GitError when the remote cannot be reached */
  push(commit: string): Promise<PushResult>;
}
