/** How bad news are, by Flagger's names. */
export const SEVERITIES = ['info', 'warn', 'error'] as const;

/** One of them. */
export type Severity = (typeof SEVERITIES)[number];

/** What can happen to a release that people are told of. */
export type Happening =
  | { readonly kind: 'started'; readonly reason: string }
  /** The first set of a release runs. */
  | { readonly kind: 'initialized' }
  /** A point failed, with values and bounds: `success-rate 69.17 % < 99 % (failed check 3 of 10)`. */
  | { readonly kind: 'checkFailed'; readonly text: string; readonly pointAt: number }
  | { readonly kind: 'hookFailed'; readonly hook: string; readonly reason: string }
  | { readonly kind: 'promoted' }
  /** The traffic begins to go back: because the candidate failed, for want of answers, or because somebody wants it. */
  | {
      readonly kind: 'rollingBack';
      readonly cause: 'failed' | 'inconclusive' | 'asked';
      readonly reason: string;
    }
  | { readonly kind: 'rolledBack'; readonly reason: string }
  /** The candidate was turned away before it ran. */
  | { readonly kind: 'rejected'; readonly reason: string }
  | { readonly kind: 'paused'; readonly reason: string }
  | { readonly kind: 'resumed'; readonly reason: string }
  | { readonly kind: 'waitingAtGate'; readonly reason: string }
  /** Half of the time is over in which the step must come, or be judged; Unix seconds. */
  | { readonly kind: 'deadlineNear'; readonly reason: string; readonly deadlineAt: number }
  /** Answers were missing for too long, so it is paused for a person. */
  | { readonly kind: 'inconclusive'; readonly reason: string }
  | { readonly kind: 'planRefused'; readonly reason: string }
  | { readonly kind: 'editedByHand'; readonly reason: string }
  /** What the cluster should show is past its deadline, and only somebody outside can end that. */
  | { readonly kind: 'syncOverdue'; readonly reason: string };

/** The name of what happened. */
export type HappeningKind = Happening['kind'];

/** That something happened to a release, as facts; texts are plain, on one line. */
export interface Fact {
  readonly release: string;
  /** Of its objects. @default - not known without a plan */
  readonly namespace?: string | undefined;
  /** @default - not known without a plan */
  readonly candidate?: string | undefined;
  /** The step that it is in. @default - it is in none */
  readonly step?: string | undefined;
  /** The commit that it rests on: the one that was pushed, or the release's last one; before that, the tree of its plan. */
  readonly commit: string;
  /** Unix seconds. */
  readonly at: number;
  readonly happening: Happening;
}

/** One thing that a person may want to know next to the text. */
export interface Field {
  readonly name: string;
  readonly value: string;
}

/** What a channel shapes and sends. Nothing in it is escaped: each product has a markup of its own. */
export interface Message {
  /** The same for every process that finds it: receivers drop doubles by it. */
  readonly id: string;
  readonly kind: HappeningKind;
  readonly severity: Severity;
  readonly release: string;
  readonly namespace: string | undefined;
  /** What all messages about one candidate of a release share: a thread, or an incident. */
  readonly rollout: string;
  /** Whether nothing is left to do about the rollout: whoever opened an incident closes it. */
  readonly ends: boolean;
  /** `shop: promoted`. */
  readonly title: string;
  /** Why, in a sentence; empty where the title says it all. */
  readonly text: string;
  readonly fields: readonly Field[];
  /** A web page about it. @default - there is none */
  readonly link: string | undefined;
  /** ISO 8601. */
  readonly at: string;
}

/** @param link a web page that has more, such as the run repository's */
export function messageOf(fact: Fact, link?: string): Message {
  const { release, namespace, candidate, step, commit, at, happening } = fact;
  const { kind } = happening;
  const given = { namespace, candidate, step, commit };
  return {
    id: [commit, release, kind, ...partOf(happening)].join('/'),
    kind,
    severity: severityOf(happening),
    release,
    namespace,
    rollout: `${release}/${candidate ?? 'none'}`,
    ends: kind === 'promoted' || kind === 'initialized',
    title: `${release}: ${TITLES[kind]}`,
    text: textOf(happening),
    fields: Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value }],
    ),
    link,
    at: timeOf(at),
  };
}

/** What tells one message from another about the same commit. */
function partOf(it: Happening): readonly string[] {
  if (it.kind === 'checkFailed') return [String(it.pointAt)];
  return it.kind === 'hookFailed' ? [it.hook] : [];
}

const TITLES: Readonly<Record<HappeningKind, string>> = {
  started: 'rollout started',
  initialized: 'initialized',
  checkFailed: 'check failed',
  hookFailed: 'hook failed',
  promoted: 'promoted',
  rollingBack: 'rolling back',
  rolledBack: 'rolled back',
  rejected: 'rejected before it started',
  paused: 'paused',
  resumed: 'resumed',
  waitingAtGate: 'waiting at a gate',
  deadlineNear: 'deadline near',
  inconclusive: 'inconclusive for too long',
  planRefused: 'plan refused',
  editedByHand: 'edited by hand',
  syncOverdue: 'sync overdue',
};

function severityOf(it: Happening): Severity {
  switch (it.kind) {
    case 'started':
    case 'initialized':
    case 'promoted':
    case 'rolledBack':
    case 'resumed':
      return 'info';
    case 'checkFailed':
    case 'hookFailed':
    case 'paused':
    case 'waitingAtGate':
    case 'deadlineNear':
      return 'warn';
    case 'rollingBack':
      return it.cause === 'asked' ? 'warn' : 'error';
    case 'rejected':
    case 'inconclusive':
    case 'planRefused':
    case 'editedByHand':
    case 'syncOverdue':
      return 'error';
  }
}

function textOf(it: Happening): string {
  switch (it.kind) {
    case 'initialized':
    case 'promoted':
      return '';
    case 'checkFailed':
      return it.text;
    case 'hookFailed':
      return `hook ${it.hook}: ${it.reason}`;
    case 'deadlineNear':
      return `${it.reason}. The deadline is ${timeOf(it.deadlineAt)}`;
    default:
      return it.reason;
  }
}

function timeOf(unixSeconds: number): string {
  return new Date(Math.floor(unixSeconds) * 1000).toISOString().replace('.000Z', 'Z');
}
