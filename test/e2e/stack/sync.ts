import type { GitUser } from '../../embedded/git-server.ts';
import type { Server } from '../servers/server.ts';

/** A folder of a branch that a GitOps tool keeps applied. */
export interface Follow {
  /** Of the tool's objects, in its own namespace. */
  readonly name: string;
  /** Below the root of the repository, such as `live/podinfo`. */
  readonly path: string;
  readonly repository: { readonly url: string; readonly branch: string; readonly user: GitUser };
  /** How often the branch is asked for, where each folder has its own. @default 10s */
  readonly interval?: string;
}

/** A GitOps tool of the stack. */
export interface SyncTool {
  /** All of its servers, in the order in which they were started. */
  readonly servers: readonly Server[];
  /** Makes the tool's namespace and settings; again when the cluster has lost them. */
  setUp(): Promise<void>;
  /** Makes the tool's objects that apply a folder, with pruning and without waiting. */
  follow(what: Follow): Promise<void>;
}
