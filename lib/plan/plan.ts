import * as z from 'zod';
import { analysis } from './analysis.ts';
import { type Evidence, evidence } from './evidence.ts';
import { hours } from './hours.ts';
import { abortBounds, judge } from './judge.ts';
import { dnsLabel, percent, seconds } from './scalars.ts';
import { FORMAT } from './versions.ts';

/** Annotation on every file but verbatim ones: a hash of the object's content without it. */
export const DIGEST_ANNOTATION = 'perch/digest';

/** Annotation on the routing files of a step: `<candidate>/<NN-name>`. */
export const STEP_ANNOTATION = 'perch/step';

/** Label of pods, and of the Services that lead to them, whose value is their track. */
export const TRACK_LABEL = 'perch/track';

/** The metric store of checks that name none. */
export const DEFAULT_SOURCE = 'default';

// Where a release is applied by two sync objects, its files lie in these two folders.
const fileName = z
  .string()
  .regex(
    /^(?:(?:mesh|workload)\/)?[A-Za-z0-9][-A-Za-z0-9._]*$/,
    'expected a file name, in no folder but mesh/ or workload/',
  );

/**
 * Which copy of the workload an object belongs to. The baseline runs the stable version at the canary's size,
 * to be compared with it.
 */
export type Track = z.infer<typeof track>;
const track = z.enum(['primary', 'canary', 'baseline']);

/**
 * What a file is for; the rollback treats each role differently.
 * `primary`, `canary` and `baseline`: objects of that track's workload. `routing`: decides who gets traffic.
 * `versioned`: content-hashed ConfigMaps, Secrets, and what Secrets are made from. `job`: a Job that a step waits for.
 * `configuration`: all else.
 */
export type Role = z.infer<typeof role>;
const role = z.enum([...track.options, 'routing', 'versioned', 'job', 'configuration']);

/** Which object a file holds, and what the cluster is asked about it. */
export type FileInfo = z.infer<typeof fileInfo>;
const fileInfo = z.strictObject({
  role,
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  namespace: dnsLabel.optional(),
  name: z.string().min(1),
  /** Whether the cluster is asked for the object. Never for Secrets and verbatim files. */
  asked: z.boolean(),
  /** JSON pointers whose declared leaves must be in the cluster for the file to be live. */
  pointers: z.array(z.string().startsWith('/')).optional(),
});

/** What is asked of a metric store again and again, and how its answers are judged. */
export type Check = z.infer<typeof check>;
const check = z
  .strictObject({
    name: dnsLabel,
    /** Name of the metric store in the analyzer's configuration. */
    source: dnsLabel,
    /** Queries with every variable filled in, by the track that they ask about. */
    ask: z.strictObject({
      canary: z.string().min(1),
      /** Where it can be asked: what fails there too is not the candidate's fault. Ranks are compared with it. */
      primary: z.string().min(1).optional(),
      /** Of ranks: takes the primary's place in steps that run a baseline. */
      baseline: z.string().min(1).optional(),
    }),
    /** How far a query looks back: a point judged at t has seen (t - window, t]. */
    windowSeconds: z.number().int().positive(),
    judge,
    /** Beyond which a single value of the canary takes the release back. @default - none does */
    abort: abortBounds.optional(),
    /**
     * Points of the whole rollout at which it failed that take the release back.
     * @default - they count towards the threshold of the analysis
     */
    threshold: z.number().int().positive().optional(),
    /** For people: `%`, `ms`. */
    unit: z.string().optional(),
    /** It is reported, and decides nothing. */
    dryRun: z.literal(true).optional(),
  })
  .refine(
    (it) => it.judge.kind === 'bounds' || it.ask.primary !== undefined,
    'ranks need a query about the primary',
  )
  .refine(
    (it) => it.judge.kind === 'bounds' || it.abort === undefined,
    'ranks have no abort bounds: by itself a value is neither good nor bad',
  );

/**
 * An HTTP endpoint that is asked or told something; type and payload are Flagger's.
 * `confirm-*` open gates, `rollback` takes the rollout back; these are asked again and again.
 * `pre-rollout` runs once for its step, `rollout` once each check period. `post-rollout` and `event` are told.
 */
export type Hook = z.infer<typeof hook>;
const hook = z.strictObject({
  name: dnsLabel,
  type: z.enum([
    'confirm-rollout',
    'pre-rollout',
    'rollout',
    'confirm-traffic-increase',
    'confirm-promotion',
    'post-rollout',
    'rollback',
    'event',
  ]),
  url: z.url({ protocol: /^https?$/ }),
  /** For one attempt, from connecting to the last byte. */
  timeoutSeconds: z.number().int().positive(),
  /** Attempts after one that was not answered. */
  retries: z.number().int().min(0).max(10),
  /** Handed on in the payload. */
  metadata: z.record(z.string(), z.string()).optional(),
  /** Name of the file in the analyzer's folder of hook keys by which the payload is signed. */
  key: dnsLabel.optional(),
  /** Name of the PEM file in the analyzer's folder of hook authorities that is trusted instead of the system's. */
  authority: dnsLabel.optional(),
  /** Whether a `rollout` hook runs once for its step, and is waited for. */
  once: z.boolean().optional(),
  /** Whether a hook that runs once may run again where nobody can tell whether it ran. */
  repeatable: z.boolean().optional(),
});

/** What must be opened from outside before a rollout goes on; none: it goes on by itself. */
export type Gate = z.infer<typeof gate>;
const gate = z.discriminatedUnion('kind', [
  /** Somebody says `perch promote`. */
  z.strictObject({ kind: z.literal('person') }),
  /** A hook of this name answers 2xx. */
  z.strictObject({ kind: z.literal('hook'), hook: z.string() }),
]);

/** For how long it is enough where tests have proved that the next step is safe. @default - for as long as else */
const leastSeconds = z.number().int().positive().optional();

/** What a step is stayed in for, once it is live and ready. */
export type Stay = z.infer<typeof stay>;
const stay = z.discriminatedUnion('kind', [
  /** It has no checks; so much time must pass. */
  z.strictObject({ kind: z.literal('wait'), seconds, leastSeconds }),
  /** Its checks must pass for so long. */
  z.strictObject({ kind: z.literal('bake'), seconds: z.number().int().positive(), leastSeconds }),
  /** Its checks take the release back when they fail; so many of their points must have passed. */
  z.strictObject({ kind: z.literal('guard'), points: z.number().int().nonnegative() }),
]);

/** One step of a rollout: what it writes, and what must be true to leave it. */
export type Step = z.infer<typeof step>;
const step = z
  .strictObject({
    /** `NN-name`, also the folder under `steps/`. */
    name: z.string().regex(/^\d\d-[a-z0-9-]+$/, 'expected NN-name'),
    /** What people read while the rollout is in this step. */
    phase: z.enum(['Initializing', 'Progressing', 'Promoting', 'Finalising', 'Succeeded']),
    /** Percent of the traffic for each track; the sum is 100. */
    weights: z.strictObject({ primary: percent, canary: percent, baseline: percent.optional() }),
    /** Who else reaches the canary, for people: `requests with header x-canary: always`. */
    besides: z.array(z.string()).optional(),
    /** Tracks whose workload must be ready before the step can be left. */
    ready: z.array(track),
    /** Names of the checks that are judged while the rollout is in this step. */
    checks: z.array(z.string()),
    /** Names of the tests whose evidence is gathered in the step. @default - none */
    tests: z.array(z.string()).optional(),
    stay,
    /** All must be open before the step can be left; none: it is left automatically. */
    gates: z.array(gate).optional(),
    /** Names of the `pre-rollout`, `rollout` and `rollback` hooks that are called in the step. */
    hooks: z.array(z.string()).optional(),
    /** Files of Jobs that must be complete before the step can be left. */
    jobs: z.array(fileName).optional(),
    /** Least number of a track's pods in this step, where it is not that of `workloads`. */
    minReplicas: z.partialRecord(track, z.number().int().positive()).optional(),
    /** Whether the stable plan's baseline runs. */
    baseline: z.boolean().optional(),
    /** How many pods each track has, where pods stand for weights. */
    pods: z
      .strictObject({
        primary: z.number().int().nonnegative(),
        canary: z.number().int().nonnegative(),
      })
      .optional(),
    /** Files in the step's folder. */
    files: z.array(fileName),
  })
  .refine(
    // Tenths of a percent are not exact in binary.
    ({ weights: { primary, canary: to, baseline = 0 } }) =>
      Math.abs(primary + to + baseline - 100) < 1e-6,
    'weights must sum to 100',
  )
  .refine(
    (it) => (it.stay.kind === 'wait') === (it.checks.length === 0),
    'a step bakes or is guarded where it has checks, and waits where it has none',
  );

/** The object that runs one track, as the analyzer reads its readiness. */
export type Workload = z.infer<typeof workload>;
const workload = z.strictObject({
  file: fileName,
  /** The HPA's minimum, where one rules; ready means at least so many. */
  minReplicas: z.number().int().positive().optional(),
});

/** Releases that move as one. */
export type Group = z.infer<typeof group>;
const group = z.strictObject({
  name: dnsLabel,
  /** Ids of all its releases, sorted. */
  members: z.array(dnsLabel).min(2),
  /** Hash of all members' candidates: a fix in any member is another candidate of the group. */
  candidate: z.string().regex(/^[0-9a-f]{10}$/),
});

/** Facts that a later plan is compared with before it is pinned, since a cluster refuses some changes. */
export type Shape = z.infer<typeof shape>;
const shape = z.strictObject({
  kind: z.string(),
  /** Name of the primary's workload. */
  workload: z.string(),
  /** Fields of the workload that a cluster never changes beside its selector, as text or as a hash. */
  fixed: z.record(z.string(), z.string()).optional(),
  /** Where the pods are none of ours: the Service that had the traffic, and the one that gets it. */
  services: z.strictObject({ stable: dnsLabel, candidate: dnsLabel }).optional(),
  /** `spec.selector.matchLabels` of the tracks that the release has. */
  selectors: z.partialRecord(track, z.record(z.string(), z.string())),
  /** Ports that the pods declare. */
  ports: z.array(z.strictObject({ name: z.string().optional(), number: z.number().int() })),
  /** Whether an HPA, or KEDA, rules the primary's replicas. */
  autoscaled: z.boolean(),
  /** Name of the apex Service; where the release has none, the name that it would have. */
  apex: z.string(),
  /** What leads to the apex Service from outside the cluster. @default - nothing: it is of type ClusterIP */
  apexType: z.enum(['NodePort', 'LoadBalancer']).optional(),
  /** Labels by which the apex Service finds pods at rest. @default - the release makes none */
  apexSelector: z.record(z.string(), z.string()).optional(),
  /** Labels of the primary's pods. */
  podLabels: z.record(z.string(), z.string()).optional(),
  /** targetPort values of the apex Service: port numbers or names. None where the release makes no Service. */
  targetPorts: z.array(z.union([z.number().int(), z.string()])),
  /** `kind/name` of the objects that carry the weights. */
  routes: z.array(z.string()),
});

/**
 * A release's next rollout, whole: `dist/<id>/plan.yaml`, written by synth and read by the analyzer.
 * `steps[0]` is `00-init` and the last step is the steady state: both hold complete sets of files;
 * the steps between hold only what changes in them.
 */
export type Plan = z.infer<typeof planSchema>;
export const planSchema = z
  .strictObject({
    version: z.literal(FORMAT),
    release: dnsLabel,
    name: dnsLabel,
    namespace: dnsLabel,
    /** Hash of the pod template and the contents it uses: what "a new version" means. */
    candidate: z.string().regex(/^[0-9a-f]{10}$/),
    /** Images of the pod template, for people. */
    images: z.array(z.string()),
    analysis,
    checks: z.array(check),
    /** What is counted of the tracks, and how it is weighed. @default - no test */
    evidence: evidence.optional(),
    /** By track; none of a track that has no workload of ours. */
    workloads: z.partialRecord(track, workload),
    hooks: z.array(hook).optional(),
    /** Gates before step 01: nothing has been touched yet. */
    start: z.array(gate).optional(),
    /** Nothing goes on; only a necessary rollback happens. */
    suspend: z.literal(true).optional(),
    /** When steps may begin; absent: always. */
    hours: z.array(hours).optional(),
    /** Candidates that were among so many promoted last wait for no check and no gate. */
    rollbackWindow: z.number().int().positive().max(20).optional(),
    /** Which attempt at its candidate this is, where it is not the first: a higher one starts a failed candidate again. */
    attempt: z.number().int().min(2).optional(),
    /** Releases that must be in one of these phases before step 01. */
    dependsOn: z
      .array(z.strictObject({ release: dnsLabel, phases: z.array(z.string()).min(1) }))
      .optional(),
    group: group.optional(),
    /** Files in `as-stable/baseline/`: this candidate as the baseline of the next rollout. */
    baseline: z.array(fileName).optional(),
    /** Numbers of pods at which this candidate's primary stands in `as-stable/primary-<n>/`, for the next rollout. */
    sizes: z.array(z.number().int().positive()).optional(),
    shape,
    files: z.record(fileName, fileInfo),
    steps: z.array(step).min(3),
  })
  .superRefine((plan, context) => {
    for (const problem of inconsistencies(plan)) context.addIssue({ code: 'custom', ...problem });
  });

interface Problem {
  readonly message: string;
  readonly path: PropertyKey[];
}

/** The parts of a plan whose names must agree. */
interface Named {
  readonly steps: readonly Step[];
  readonly checks: readonly Check[];
  readonly evidence?: Evidence | undefined;
  readonly hooks?: readonly Hook[] | undefined;
  readonly start?: readonly Gate[] | undefined;
  readonly files: Readonly<Record<string, FileInfo>>;
  readonly baseline?: readonly string[] | undefined;
  readonly workloads: Readonly<Partial<Record<Track, Workload>>>;
}

function inconsistencies(plan: Named): Problem[] {
  const known = {
    check: new Set(plan.checks.map((it) => it.name)),
    test: new Set(plan.evidence?.tests.map((it) => it.name)),
    hook: new Set(plan.hooks?.map((it) => it.name)),
    file: new Set(Object.keys(plan.files)),
  };
  const unknown = (kind: keyof typeof known, names: readonly string[], ...path: PropertyKey[]) =>
    names
      .filter((name) => !known[kind].has(name))
      .map((name) => ({ message: `unknown ${kind} "${name}"`, path }));
  const misnumbered = (it: Step, index: number): Problem[] =>
    Number(it.name.slice(0, 2)) === index
      ? []
      : [{ message: `expected step number ${index}`, path: ['steps', index, 'name'] }];
  return [
    ...plan.steps.flatMap((it, index) => [
      ...misnumbered(it, index),
      ...unknown('check', it.checks, 'steps', index, 'checks'),
      ...unknown('test', it.tests ?? [], 'steps', index, 'tests'),
      ...unknown('file', it.files, 'steps', index, 'files'),
      ...unknown('file', it.jobs ?? [], 'steps', index, 'jobs'),
      ...unknown('hook', [...(it.hooks ?? []), ...hooksOf(it.gates)], 'steps', index, 'hooks'),
    ]),
    ...unknown('hook', hooksOf(plan.start), 'start'),
    ...unknown('file', plan.baseline ?? [], 'baseline'),
    ...track.options.flatMap((side) => {
      const file = plan.workloads[side]?.file;
      return file === undefined ? [] : unknown('file', [file], 'workloads', side, 'file');
    }),
  ];
}

function hooksOf(gates: readonly Gate[] = []): readonly string[] {
  return gates.flatMap((it) => (it.kind === 'hook' ? [it.hook] : []));
}

/** What a failure belongs to, and what a new version is told by: the group's candidate, or the plan's own. */
export function identityOf(plan: Pick<Plan, 'candidate' | 'group'>): string {
  return plan.group?.candidate ?? plan.candidate;
}

/** Whether a Service, which has a port at least, leads to the release; if not, its pods take work themselves. */
export function hasService({ targetPorts, services }: Shape): boolean {
  return targetPorts.length > 0 || services !== undefined;
}

/** Which attempt at its candidate a plan is, or a failed candidate was in. */
export function attemptOf({ attempt = 1 }: { readonly attempt?: number | undefined }): number {
  return attempt;
}

/** Folder of a plan in which its candidate stands as the next rollout's primary with so many pods. */
export function sizeFolder(size: number): string {
  return `as-stable/primary-${size}`;
}

/** The steady state that the plan ends in. */
export function lastStep(plan: Plan): Step {
  const last = plan.steps.at(-1);
  if (last === undefined) throw new Error(`plan of ${plan.release} has no steps`);
  return last;
}

/** How many passing points a step asks for; one that bakes: bake time ÷ check period, rounded up. */
export function pointsNeeded(plan: Plan, { stay: it }: Pick<Step, 'stay'>): number {
  switch (it.kind) {
    case 'wait':
      return 0;
    case 'guard':
      return it.points;
    case 'bake':
      return pointsIn(plan, it.seconds);
  }
}

/** How many points there are in a bake time. */
export function pointsIn({ analysis }: Plan, seconds: number): number {
  return Math.ceil(seconds / analysis.checkSeconds);
}
