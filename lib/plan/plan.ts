import * as z from 'zod';

/** Annotation on every file but verbatim ones: a hash of the object's content without it. */
export const DIGEST_ANNOTATION = 'perch/digest';

/** Annotation on the routing files of a step: `<candidate>/<NN-name>`. */
export const STEP_ANNOTATION = 'perch/step';

const dnsLabel = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected a DNS label');
const fileName = z
  .string()
  .regex(/^[A-Za-z0-9][-A-Za-z0-9._]*$/, 'expected a file name without folders');
const seconds = z.number().int().nonnegative();
const percent = z.number().min(0).max(100);

/** Which copy of the workload an object belongs to. */
export type Track = z.infer<typeof track>;
const track = z.enum(['primary', 'canary']);

/**
 * What a file is for; the way back treats each role differently.
 * `primary` and `canary`: objects of that track's workload. `routing`: decides who gets traffic.
 * `versioned`: immutable, content-hashed ConfigMaps and Secrets. `configuration`: all else.
 */
export type Role = z.infer<typeof role>;
const role = z.enum(['primary', 'canary', 'routing', 'versioned', 'configuration']);

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

/** One question to the metric store, and the bounds (inclusive) within which its answer passes. */
export type Check = z.infer<typeof check>;
const check = z
  .strictObject({
    name: dnsLabel,
    provider: z.literal('prometheus'),
    /** PromQL with every variable filled in. */
    query: z.string().min(1),
    /** How far the query looks back: a point judged at t has seen (t - window, t]. */
    windowSeconds: z.number().int().positive(),
    min: z.number().optional(),
    max: z.number().optional(),
    /** For people: `%`, `ms`. */
    unit: z.string().optional(),
  })
  .refine((it) => it.min !== undefined || it.max !== undefined, 'a check needs min or max');

/** One step of a rollout: what it writes, and what must be true to leave it. */
export type Step = z.infer<typeof step>;
const step = z
  .strictObject({
    /** `NN-name`, also the folder under `steps/`. */
    name: z.string().regex(/^\d\d-[a-z0-9-]+$/, 'expected NN-name'),
    /** What people read while the rollout is in this step. */
    phase: z.enum(['Initializing', 'Progressing', 'Promoting', 'Finalising', 'Succeeded']),
    /** Percent of the traffic for each track; the sum is 100. */
    weights: z.strictObject({ primary: percent, canary: percent }),
    /** Tracks whose workload must be ready before the step can be left. */
    ready: z.array(track),
    /** Names of the checks that are judged while the rollout is in this step. */
    checks: z.array(z.string()),
    /** How long the checks must pass, or how long to wait where there are none; 0: checks only guard the step. */
    bakeSeconds: seconds,
    /** Files in the step's folder. */
    files: z.array(fileName),
  })
  .refine((it) => it.weights.primary + it.weights.canary === 100, 'weights must sum to 100');

/** The object that runs one track, as the analyzer reads its readiness. */
export type Workload = z.infer<typeof workload>;
const workload = z.strictObject({
  file: fileName,
  /** The HPA's minimum, where one rules; ready means at least so many. */
  minReplicas: z.number().int().positive().optional(),
});

/** How the analyzer judges and waits. All durations are whole seconds. */
export type Analysis = z.infer<typeof analysis>;
const analysis = z.strictObject({
  /** Distance of two check points. */
  checkSeconds: z.number().int().positive(),
  /** Age at which a sample counts as final, and the clock skew that is tolerated. */
  settleSeconds: seconds,
  /** Failed checks, counted over the whole rollout, at which the release goes back. */
  threshold: z.number().int().positive(),
  /** Percent of the updated replicas that must be available. */
  readyPercent: z.strictObject({ primary: percent, canary: percent }),
  /** How long an applied workload may stay not ready before the release goes back. */
  progressDeadlineSeconds: z.number().int().positive(),
  /** How long answers may be missing before `onInconclusive` decides. */
  inconclusiveDeadlineSeconds: z.number().int().positive(),
  onInconclusive: z.enum(['hold', 'back']),
  /** How long the canary's pods are kept for debugging after their traffic is gone. */
  rollbackDelaySeconds: seconds,
  /** How long the GitOps tool may take to notice a commit when it does not say what it applied. */
  syncSeconds: seconds,
});

/** Facts that a later plan is compared with before it is pinned, since a cluster refuses some changes. */
export type Shape = z.infer<typeof shape>;
const shape = z.strictObject({
  kind: z.string(),
  /** Name of the primary's workload. */
  workload: z.string(),
  /** `spec.selector.matchLabels` by track. */
  selectors: z.strictObject({
    primary: z.record(z.string(), z.string()),
    canary: z.record(z.string(), z.string()),
  }),
  /** Ports that the pods declare. */
  ports: z.array(z.strictObject({ name: z.string().optional(), number: z.number().int() })),
  /** Whether an HPA rules the primary's replicas. */
  autoscaled: z.boolean(),
  /** Name of the apex Service. */
  apex: z.string(),
  /** targetPort values of the apex Service: port numbers or names. */
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
    version: z.literal(1),
    release: dnsLabel,
    name: dnsLabel,
    namespace: dnsLabel,
    /** Hash of the pod template and the contents it uses: what "a new version" means. */
    candidate: z.string().regex(/^[0-9a-f]{10}$/),
    /** Images of the pod template, for people. */
    images: z.array(z.string()),
    analysis,
    checks: z.array(check),
    workloads: z.strictObject({ primary: workload, canary: workload }),
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

function inconsistencies(plan: {
  readonly steps: readonly Step[];
  readonly checks: readonly Check[];
  readonly files: Readonly<Record<string, FileInfo>>;
  readonly workloads: { readonly primary: Workload; readonly canary: Workload };
}): Problem[] {
  const problems: Problem[] = [];
  const checkNames = new Set(plan.checks.map((it) => it.name));
  plan.steps.forEach((it, index) => {
    if (Number(it.name.slice(0, 2)) !== index)
      problems.push({ message: `expected step number ${index}`, path: ['steps', index, 'name'] });
    for (const name of it.checks)
      if (!checkNames.has(name))
        problems.push({ message: `unknown check "${name}"`, path: ['steps', index, 'checks'] });
    for (const file of it.files)
      if (plan.files[file] === undefined)
        problems.push({ message: `unknown file "${file}"`, path: ['steps', index, 'files'] });
  });
  for (const side of track.options)
    if (plan.files[plan.workloads[side].file] === undefined)
      problems.push({ message: 'unknown file', path: ['workloads', side, 'file'] });
  return problems;
}

/** The steady state that the plan ends in. */
export function lastStep(plan: Plan): Step {
  const last = plan.steps.at(-1);
  if (last === undefined) throw new Error(`plan of ${plan.release} has no steps`);
  return last;
}

/** How many passing points a step asks for: bake time ÷ check period, rounded up. */
export function pointsNeeded(plan: Plan, it: Step): number {
  return it.checks.length === 0 ? 0 : Math.ceil(it.bakeSeconds / plan.analysis.checkSeconds);
}
