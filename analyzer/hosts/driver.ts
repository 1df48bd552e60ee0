import { failure, HostError } from './failure.ts';
import type {
  CommitStatus,
  Deployment,
  Found,
  GitHost,
  HostAnswer,
  HostFeatures,
  MergedBy,
  Person,
  Proposal,
  PullRequest,
} from './host.ts';

/** A comment that is there. */
export interface Comment {
  readonly authorId: string;
  readonly text: string;
  edit(text: string): Promise<void>;
}

/** The single steps that a host is asked for. @throws HostError by each of its functions */
export interface Driver {
  find(head: string): Promise<Found>;
  create(proposal: Proposal): Promise<PullRequest>;
  /** Title, body and base. */
  update(pullRequest: PullRequest, proposal: Proposal): Promise<PullRequest>;
  /** Labels, reviewers, and merging by itself; where the proposal has any. */
  complete(pullRequest: PullRequest, proposal: Proposal): Promise<void>;
  close(pullRequest: PullRequest): Promise<void>;
  comments(pullRequest: number): AsyncIterable<Comment>;
  addComment(pullRequest: number, text: string): Promise<void>;
  status(status: CommitStatus): Promise<void>;
  login(): Promise<Person>;
}

/** What is said of a host, and how it is asked. */
export interface Driven {
  readonly kind: string;
  readonly repository: string;
  readonly features: HostFeatures;
  /** @param until ends all that it does */
  drive(until?: AbortSignal): Driver;
  /** @default - it shows none */
  readonly deploy?: ((deployment: Deployment, until?: AbortSignal) => Promise<void>) | undefined;
}

/** A host out of the single steps that it can be asked for: what is to hold for all of them is here. */
export function hostOf({ kind, repository, features, drive, deploy }: Driven): GitHost {
  return {
    kind,
    repository,
    features,
    deployments:
      deploy === undefined
        ? { kind: 'unsupported' }
        : { kind: 'supported', report: (it, until) => answered(() => deploy(it, until)) },
    propose: (proposal, until) =>
      answered(async () => {
        refuseUnsupported(proposal, kind, features);
        const driver = drive(until);
        const pullRequest = await opened(driver, proposal);
        await driver.complete(pullRequest, proposal);
        return pullRequest;
      }),
    find: (head, until) => answered(() => drive(until).find(head)),
    close: (head, comment, until) =>
      answered(async () => {
        const driver = drive(until);
        const found = await driver.find(head);
        if (found.kind === 'open') {
          await commented(driver, found.pullRequest.number, 'closed', comment);
          await driver.close(found.pullRequest);
        }
        return found;
      }),
    comment: (number, marker, text, until) =>
      answered(() => commented(drive(until), number, marker, text)),
    status: (status, until) => answered(() => drive(until).status(status)),
    login: (until) => answered(() => drive(until).login()),
  };
}

/** The one seam at which what went wrong outside becomes an answer. */
async function answered<T>(ask: () => Promise<T>): Promise<HostAnswer<T>> {
  try {
    return { kind: 'done', value: await ask() };
  } catch (error) {
    if (error instanceof HostError) return { kind: 'failed', failure: error.failure };
    throw error;
  }
}

/** A host is never asked to do a little less. */
function refuseUnsupported(
  { labels, autoMerge }: Proposal,
  kind: string,
  features: HostFeatures,
): void {
  const refuse = (reason: string) =>
    new HostError(failure('refused', 'open a pull request', reason));
  if (labels.length > 0 && !features.labels) throw refuse(`${kind} has no labels`);
  if (autoMerge !== 'off' && !features.autoMerge.includes(autoMerge)) {
    const ways = features.autoMerge.join(', ') || 'none';
    throw refuse(`${kind} does not merge by itself by ${autoMerge} (its ways: ${ways})`);
  }
}

async function opened(driver: Driver, proposal: Proposal): Promise<PullRequest> {
  const found = await driver.find(proposal.head);
  if (found.kind === 'open') return updated(driver, found.pullRequest, proposal);
  try {
    return await driver.create(proposal);
  } catch (error) {
    // Whether somebody else was faster, each host says in other words. It is there, or it is not.
    if (!(error instanceof HostError) || !mayBeThere(error)) throw error;
    const again = await driver.find(proposal.head);
    if (again.kind !== 'open') throw error;
    return updated(driver, again.pullRequest, proposal);
  }
}

/** An answer that was lost on its way may be of one that was opened. */
function mayBeThere({ failure: { kind } }: HostError): boolean {
  return kind === 'conflict' || kind === 'refused' || kind === 'unavailable';
}

async function updated(
  driver: Driver,
  there: PullRequest,
  proposal: Proposal,
): Promise<PullRequest> {
  const isSame =
    there.title === proposal.title &&
    there.base === proposal.base &&
    isSameText(there.body, proposal.body);
  return isSame ? there : driver.update(there, proposal);
}

/** Hosts change line ends, and what stands at the end. */
function isSameText(one: string, other: string): boolean {
  const plain = (text: string) => text.replaceAll('\r\n', '\n').trimEnd();
  return plain(one) === plain(other);
}

/**
 * A definition that nothing refers to: no host's Markdown shows it. Ours alone count, as anybody may write one.
 *
 * @throws RangeError for a marker that could be anything else
 */
async function commented(
  driver: Driver,
  number: number,
  marker: string,
  text: string,
): Promise<void> {
  if (!/^[\w./-]+$/.test(marker)) throw new RangeError(`not a marker: ${marker}`);
  const mark = `[perch]: # (${marker})`;
  const whole = `${text.trimEnd()}\n\n${mark}`;
  const { id } = await driver.login();
  for await (const comment of driver.comments(number)) {
    if (comment.authorId !== id || !comment.text.trimEnd().endsWith(`\n${mark}`)) continue;
    if (!isSameText(comment.text, whole)) await comment.edit(whole);
    return;
  }
  await driver.addComment(number, whole);
}

/** How it was merged, as Git tells it. @param commit with which it came to the base branch */
export function methodOf(commit: string, parents: readonly string[], head: string): MergedBy {
  if (commit === head) return 'fast-forward';
  return parents.length > 1 ? 'merge' : 'rewritten';
}
