/** Somebody, as a host knows them. */
export interface Person {
  /** What comments and merges of theirs are found by; it never changes. */
  readonly id: string;
  /** What people call them. */
  readonly name: string;
}

/** A proposal to merge a branch, whatever its host calls it. */
export interface PullRequest {
  readonly number: number;
  /** The page that people open. */
  readonly url: string;
  readonly head: string;
  readonly base: string;
  /** The newest commit of the head branch that the host has seen. */
  readonly commit: string;
  readonly title: string;
  readonly body: string;
}

/** In which way a person may merge, and a host by itself. */
export type MergeMethod = 'merge' | 'squash' | 'rebase';

/**
 * In which way it was merged. Where a host does not say which of squash and rebase it was, it is `rewritten`: the
 * content is on the base branch, in commits other than those of the head branch.
 */
export type MergedBy = MergeMethod | 'fast-forward' | 'rewritten';

/** The newest pull request of a head branch; the open one where there is one. Forks do not count. */
export type Found =
  | { readonly kind: 'none' }
  | { readonly kind: 'open'; readonly pullRequest: PullRequest }
  | {
      readonly kind: 'merged';
      readonly pullRequest: PullRequest;
      /** With which commit it came to the base branch. */
      readonly commit: string;
      readonly method: MergedBy;
      /** @default - the host does not know any more */
      readonly by?: Person | undefined;
    }
  | {
      readonly kind: 'closed';
      readonly pullRequest: PullRequest;
      /** @default - the host does not know any more */
      readonly by?: Person | undefined;
    };

/** What is to be open. */
export interface Proposal {
  /** A branch of the same repository that was pushed already. */
  readonly head: string;
  readonly base: string;
  readonly title: string;
  /** Markdown. */
  readonly body: string;
  /** Added to those that are there. */
  readonly labels: readonly string[];
  /** Asked in addition to those that are asked already; in the host's own words for a person, see docs/hosts.md. */
  readonly reviewers: readonly string[];
  /** How the host merges by itself once all that it requires is there; `off` leaves that as it is. */
  readonly autoMerge: MergeMethod | 'off';
}

/** What a host shows beside a commit. */
export interface CommitStatus {
  readonly commit: string;
  /** Tells statuses of one commit apart; a newer one replaces the older one. */
  readonly context: string;
  readonly state: 'pending' | 'success' | 'failure';
  readonly description: string;
  readonly url: string;
}

/** What a host shows of an environment. */
export interface Deployment {
  readonly commit: string;
  /** The branch that the commit is on. */
  readonly branch: string;
  readonly environment: string;
  readonly state: 'running' | 'success' | 'failure';
  readonly description: string;
  readonly url: string;
}

/** What came of a question. What goes wrong outside is an answer, never an exception. */
export type HostAnswer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly failure: HostFailure };

/** Why a host did not do it. Each reason names the host and the remedy, and holds no secret. */
export type HostFailure =
  | {
      readonly kind: /** It does not know who asks. */
        | 'unauthorised'
        /** Who asks may not. */
        | 'forbidden'
        | 'not-found'
        /** Somebody else changed it meanwhile. */
        | 'conflict'
        /** It does not take it as it is: a branch without commits, a reviewer that nobody is. */
        | 'refused'
        /** It cannot be reached, fails, or answers what no such host answers. */
        | 'unavailable';
      readonly reason: string;
    }
  | {
      readonly kind: 'rate-limited';
      readonly reason: string;
      /** In Unix seconds of our clock: before that it is not to be asked again. */
      readonly until: number;
    };

/** What not every host can do. */
export interface HostFeatures {
  readonly labels: boolean;
  /** In which ways it merges by itself. */
  readonly autoMerge: readonly MergeMethod[];
}

/** Whether and how a host shows deployments. */
export type Deployments =
  | { readonly kind: 'unsupported' }
  | {
      readonly kind: 'supported';
      report(deployment: Deployment, until?: AbortSignal): Promise<HostAnswer<void>>;
    };

/** One repository on a Git host. It translates: it decides nothing, and each effect looks before it changes anything. */
export interface GitHost {
  /** Which of the registry's kinds it is. */
  readonly kind: string;
  /** As the host names it. */
  readonly repository: string;
  readonly features: HostFeatures;
  readonly deployments: Deployments;
  /** Opens a pull request, or brings the open one of this head branch up to date: there are never two. */
  propose(proposal: Proposal, until?: AbortSignal): Promise<HostAnswer<PullRequest>>;
  find(head: string, until?: AbortSignal): Promise<HostAnswer<Found>>;
  /** Closes the open one of a head branch with a comment. @returns what was found, before it was closed */
  close(head: string, comment: string, until?: AbortSignal): Promise<HostAnswer<Found>>;
  /**
   * Writes a comment, or rewrites our earlier one with the same marker.
   *
   * @param marker tells our comments apart; letters, digits, dots, slashes and hyphens
   */
  comment(
    pullRequest: number,
    marker: string,
    text: string,
    until?: AbortSignal,
  ): Promise<HostAnswer<void>>;
  status(status: CommitStatus, until?: AbortSignal): Promise<HostAnswer<void>>;
  /** Whom we are logged in as. */
  login(until?: AbortSignal): Promise<HostAnswer<Person>>;
}
