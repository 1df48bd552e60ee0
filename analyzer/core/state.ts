import { stringify } from 'yaml';
import * as z from 'zod';
import { faultsText } from '../../lib/plan/parse.ts';
import { readYaml } from '../../lib/plan/read-yaml.ts';
import { FORMAT, newerText, type Upgrade, upgraded } from '../../lib/plan/versions.ts';
import type { Position } from './position.ts';

const oid = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, 'expected a Git object id');
const time = z.string().refine((it) => !Number.isNaN(Date.parse(it)), 'expected an ISO 8601 time');
const candidate = z.string().regex(/^[0-9a-f]{10}$/, 'expected a candidate');

const position: z.ZodType<Position> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('init') }),
  z.strictObject({ kind: z.literal('step'), step: z.string() }),
  z.strictObject({ kind: z.literal('complete') }),
  z.strictObject({
    kind: z.literal('back'),
    step: z.string(),
    part: z.enum(['primary', 'routes']),
    shown: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('stable') }),
]);

/** What a transition was; see docs/design.md, "Legal transitions". */
export type TransitionKind = z.infer<typeof transitionKind>;
const transitionKind = z.enum([
  'start',
  'next',
  'complete',
  'adopt',
  'configure',
  'back',
  'note',
  'resume',
  'undo',
]);

/** What a step that was left has counted: it cannot be recomputed once its samples are gone. */
export type StepRecord = z.infer<typeof stepRecord>;
const stepRecord = z.strictObject({
  name: z.string(),
  /** When its commit was made. */
  at: time,
  /** When it was live; absent if it was left before. */
  since: time.optional(),
  /** When it was left. */
  until: time,
  failedChecks: z.number().int().nonnegative(),
  /** Of the checks that have a threshold of their own. */
  failedBy: z.record(z.string(), z.number().int().nonnegative()).optional(),
});

/** Requests of one track, and how many of them were bad: of durations for each bound. */
const tallies = z.strictObject({ requests: z.number(), bad: z.array(z.number()) });

/** What a test has gathered in the steps of a rollout that were left; see docs/judge.md. */
export type TestRecord = z.infer<typeof testRecord>;
const testRecord = z.strictObject({
  test: z.string(),
  /** Ends of buckets beyond which a request is slow, and the share of the primary's that was, before the rollout. */
  bounds: z.array(z.strictObject({ le: z.number(), share: z.number() })).optional(),
  canary: tallies,
  other: tallies,
  /** The evidence for each claim: ln of the wealth of its points, what is unspent, and from how many intervals. */
  claims: z.array(
    z.strictObject({
      claim: z.string(),
      intervals: z.number().int().nonnegative(),
      logs: z.array(z.number()),
      unspent: z.number(),
    }),
  ),
});

/** The beginning of the SHA-256 of all samples that were judged; absent where the store gave no answer. */
const samples = z
  .string()
  .regex(/^[0-9a-f]{16}$/, 'expected a digest of samples')
  .optional();
const count = z.number().int().nonnegative();
const tally = z.strictObject({ requests: z.number(), bad: z.number() });

/** What a decision saw in the metric stores: `perch replay` holds it against what they say later. */
export type Judged = z.infer<typeof judged>;
const judged = z.strictObject({
  /** When it was decided. */
  at: time,
  /** Up to when counters were asked, where that was in an earlier second. */
  countedAt: time.optional(),
  /** Since when the step was live; absent where it was not. */
  since: time.optional(),
  /** Pods of both tracks were missing: until when, and whether only the environment explains it. */
  outage: z.strictObject({ until: time, isSure: z.boolean() }).optional(),
  /** Points of the step that failed, that the environment failed, that the canary failed much worse, and that passed. */
  points: z.strictObject({
    failed: count,
    excused: count,
    worse: count,
    passed: count,
    /** That broke an abort bound; absent where none did. */
    aborted: count.optional(),
  }),
  /** Of each check how many points had a value, and how many of them failed and passed. */
  checks: z.array(
    z.strictObject({ check: z.string(), points: count, failed: count, passed: count, samples }),
  ),
  /** Of each test how many intervals of the step were counted, and the requests of the rollout. */
  tests: z
    .array(
      z.strictObject({
        test: z.string(),
        intervals: count,
        canary: tally,
        other: tally,
        samples,
        /** Of what had come since the last interval. */
        tail: samples,
      }),
    )
    .optional(),
  /** ln of the evidence that the candidate is worse than allowed, and that the next step is safe. */
  harm: z.number().optional(),
  safety: z.number().optional(),
  /** How many more canary requests it took to be sure. */
  need: count.optional(),
});

/** `unknown`: it may have run, and gave no answer. `unsent`: it certainly did not run. */
const outcomes = z.enum(['passed', 'failed', 'unknown', 'unsent']);

/** One run of a hook in a step: started by one commit, so that nobody else starts it, and ended by another. */
export type HookRecord = z.infer<typeof hookRecord>;
const hookRecord = z.strictObject({
  hook: z.string(),
  step: z.string(),
  startedAt: time,
  /** Absent while it runs, and where nobody can tell what became of it. */
  endedAt: time.optional(),
  outcome: outcomes.optional(),
});

/** A gate that a person has opened. */
export type Approval = z.infer<typeof approval>;
const approval = z.strictObject({
  /** What was approved: a plan's candidate, or its group's. */
  candidate,
  /** The step whose gates are open; `start` for those before step 01. */
  step: z.string(),
  by: z.string(),
  reason: z.string(),
});

/** What a note is about: a commit that leaves position and files as they are. */
export type Note = z.infer<typeof note>;
const note = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('hookCalled'), hook: z.string() }),
  z.strictObject({
    kind: z.literal('hookEnded'),
    hook: z.string(),
    outcome: outcomes,
    reason: z.string(),
  }),
  z.strictObject({ kind: z.literal('gateOpened'), step: z.string(), reason: z.string() }),
  /** From now on it waits for no check, hook or gate. */
  z.strictObject({ kind: z.literal('fast'), reason: z.string() }),
  z.strictObject({ kind: z.literal('paused'), reason: z.string() }),
  z.strictObject({ kind: z.literal('resumed'), reason: z.string() }),
  z.strictObject({ kind: z.literal('retried'), candidate, reason: z.string() }),
  z.strictObject({ kind: z.literal('notStarted'), candidate, reason: z.string() }),
]);

/** What the checks, hooks and deadlines said that led to a transition. */
export type MoveVerdict = z.infer<typeof moveVerdict>;
const moveVerdict = z.enum(['pass', 'fail', 'inconclusive', 'none']);

const removedObject = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
});

/** `rollouts/<id>/state.yaml`: only what cannot be recomputed. */
export type State = z.infer<typeof stateSchema>;
export const stateSchema = z.strictObject({
  /** Counts the release's transitions; the file's first line, so that stale changes conflict. */
  transition: z.number().int().positive(),
  version: z.literal(FORMAT),
  release: z.string(),
  kind: transitionKind,
  /** What the note was about; absent where the transition was none, and in those that format 1 wrote. */
  note: note.optional(),
  /** Absent in states that format 1 wrote: the commit's trailer says it. */
  verdict: moveVerdict.optional(),
  position,
  /** When the position was taken; a note does not move it. */
  at: time,
  /** Why, in a sentence. */
  reason: z.string(),
  /** The person who asked for it; absent when the analyzer decided. */
  by: z.string().optional(),
  /** Candidate of the plan in use. */
  candidate,
  /** Git tree of `plan/`. */
  plan: oid,
  /** Git tree of `stable/`; absent before the first release is complete. */
  stable: oid.optional(),
  /** The candidate that went back because it was bad or aborted. */
  failed: z
    .strictObject({
      candidate,
      step: z.string(),
      reason: z.string(),
      /** The attempt that its plan was, where it was not the first. */
      attempt: z.number().int().min(2).optional(),
    })
    .optional(),
  /** While set, nothing goes on; only a necessary rollback happens. */
  paused: z.strictObject({ reason: z.string(), by: z.string().optional() }).optional(),
  /** Runs of hooks in this rollout; those that failed count as failed checks. */
  hooks: z.array(hookRecord).optional(),
  /** Gates that persons have opened. */
  approved: z.array(approval).optional(),
  /** Why this rollout waits for no check, hook or gate. */
  fast: z.strictObject({ reason: z.string(), by: z.string().optional() }).optional(),
  /** The primary was not ready before this rollout began, so it holds nothing; whether it served anybody then. */
  broken: z.strictObject({ reason: z.string(), serves: z.boolean() }).optional(),
  /** The candidate that went back once because of the environment, and was not blamed. */
  spared: candidate.optional(),
  /** The step in which the plan in use was adopted with other bytes for a rollback, while the release stands in it. */
  adopted: z.string().optional(),
  /** Candidates that were promoted before, the newest first. */
  promoted: z.array(candidate).optional(),
  /** Evidence of this rollout, from the steps that were left. */
  evidence: z.array(testRecord).optional(),
  /** What the last transition rests on, where checks or tests were judged for it. */
  judged: judged.optional(),
  /** Steps of this rollout that were left. */
  steps: z.array(stepRecord),
  /** Files of `live/<id>` that the last move wrote. */
  changed: z.array(z.string()),
  /** Objects whose files the last move removed. */
  removed: z.array(removedObject),
  /** Commits made by hand that this transition takes as they are, or has undone. */
  accepts: z.array(oid).optional(),
});

/** What a state.yaml of each version becomes in the next one; the first is that of version 1. */
const STATE_UPGRADES: readonly Upgrade[] = [
  // Version 2 says which note it was; of one that was made before nobody is told.
  (state) => state,
  // Version 3 has plans that say more.
  (state) => state,
  // Version 4 has the evidence of tests, what each decision saw, and which attempt failed where it was not the first.
  (state) => state,
];

/**
 * Reads a state.yaml.
 *
 * @param place where it came from, for the message
 * @throws Error that names the place, the wrong fields and the remedy
 */
export function parseState(text: string, place: string): State {
  const reading = readYaml(text);
  if (reading.kind === 'refused') throw new Error(`${place} ${reading.reason}. ${REMEDY}`);
  const today = upgraded(reading.value, STATE_UPGRADES);
  if (today.kind === 'newer') throw new Error(`${place} ${newerText('state', today.version)}.`);
  const result = stateSchema.safeParse(today.value);
  if (result.success) return result.data;
  throw new Error(
    `${place} is not a state that this version understands: ${faultsText(result.error)}. ${REMEDY}`,
  );
}

const REMEDY =
  'Look at it with `git log -p`; `perch resume` goes back to the last one that can be read.';

/** Writes a state.yaml; the same state gives the same bytes. */
export function stateText(state: State): string {
  // Through the schema, so that the order of keys is the schema's and `transition` stands first.
  return stringify(stateSchema.parse(state), { lineWidth: 0, version: '1.2' });
}

/** Unix seconds of a time in the state file. */
export function unix(text: string): number {
  return Date.parse(text) / 1000;
}

/** The state file's form of a Unix time in seconds. */
export function isoTime(unixSeconds: number): string {
  return new Date(Math.floor(unixSeconds) * 1000).toISOString().replace('.000Z', 'Z');
}
