import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import type { Evidence } from '../../lib/plan/evidence.ts';
import type { FileInfo, Plan, Step } from '../../lib/plan/plan.ts';
import { FORMAT } from '../../lib/plan/versions.ts';

/** Every blob that any simulated plan refers to: its text by its id. */
export type Blobs = Map<string, string>;

/** Objects by blob id, for all worlds: a blob never changes. */
const parsed = new Map<string, Manifest>();

/** The object in a file. */
export function objectOf(oid: string, blobs: Blobs): Manifest {
  const text = blobs.get(oid) ?? '{}';
  const found = parsed.get(oid) ?? (text.startsWith('{') ? JSON.parse(text) : parse(text));
  parsed.set(oid, found);
  return found;
}

/** The objects of all steps of a plan. */
export function stepObjects({ blobs: paths }: PlanTree, blobs: Blobs): readonly Manifest[] {
  return [...paths].flatMap(([path, oid]): Manifest[] =>
    path.startsWith('steps/') ? [objectOf(oid, blobs)] : [],
  );
}

/** The image of a workload's pods. */
export function imageOf(object: Manifest): string {
  const { spec, metadata } = object as {
    spec?: { template?: { spec?: { containers?: readonly { image?: string }[] } } };
    metadata?: { annotations?: Readonly<Record<string, string>> };
  };
  const image = spec?.template?.spec?.containers?.[0]?.image;
  return image ?? `app:${metadata?.annotations?.[VERSION_ANNOTATION] ?? ''}`;
}

/** What a simulated plan is made from. */
export interface PlanOptions {
  readonly version: string;
  readonly weights: readonly number[];
  /** Part of the configuration: changes the plan and not the candidate. */
  readonly setting?: string | undefined;
  readonly onInconclusive?: 'hold' | 'back' | undefined;
  readonly threshold?: number | undefined;
  /** A second check, and queries about the primary. @default - neither */
  readonly latency?: boolean | undefined;
  /** Tests, in the steps in which both tracks have requests. @default - none */
  readonly evidence?: Evidence | undefined;
  /** Whether there are checks. @default true */
  readonly checked?: boolean | undefined;
  /** @default 30 */
  readonly bakeSeconds?: number | undefined;
}

export const VERSION_ANNOTATION = 'sim/version';

const INFO = {
  'deployment-app-primary.yaml': info('primary', 'apps/v1', 'Deployment', 'app-primary'),
  'deployment-app-canary.yaml': info('canary', 'apps/v1', 'Deployment', 'app-canary'),
  'horizontalpodautoscaler-app-canary.yaml': info(
    'canary',
    'autoscaling/v2',
    'HorizontalPodAutoscaler',
    'app-canary',
  ),
  'service-app.yaml': info('configuration', 'v1', 'Service', 'app'),
  'virtualservice-app.yaml': {
    ...info('routing', 'networking.istio.io/v1', 'VirtualService', 'app'),
    pointers: ['/spec/http'],
  },
} as const satisfies Record<string, FileInfo>;

type Name = keyof typeof INFO;

/** A canary's plan as synth would render it, with the least of files; its blobs are added to `blobs`. */
export function planTree(options: PlanOptions, blobs: Blobs): PlanTree {
  const candidate = hash(options.version, 10);
  const steps = stepsOf(options);
  const config = `configmap-app-${candidate.slice(0, 6)}.yaml`;
  const files: Record<string, FileInfo> = {
    ...INFO,
    [config]: info('versioned', 'v1', 'ConfigMap', `app-${candidate.slice(0, 6)}`),
  };
  const paths = new Map<string, string>();
  const rendered = steps.map((step, index): Step => {
    const last = index === steps.length - 1;
    const names = namesIn(step, index, last, config);
    for (const name of names) {
      const text = objectText(name, files[name], { step, candidate, last, options });
      const oid = hash(text, 40);
      blobs.set(oid, text);
      paths.set(`steps/${step.name}/${name}`, oid);
    }
    return { ...step, files: names };
  });
  const plan = planOf(options, candidate, rendered, files);
  return { tree: hash(JSON.stringify(plan) + [...paths].join(), 40), plan, blobs: paths };
}

function planOf(
  options: PlanOptions,
  candidate: string,
  steps: Step[],
  files: Plan['files'],
): Plan {
  return {
    version: FORMAT,
    release: 'app',
    name: 'app',
    namespace: 'test',
    candidate,
    images: [`app:${options.version}`],
    analysis: {
      checkSeconds: 10,
      settleSeconds: 5,
      threshold: options.threshold ?? 3,
      readyPercent: { primary: 100, canary: 100 },
      progressDeadlineSeconds: 120,
      inconclusiveDeadlineSeconds: 300,
      onInconclusive: options.onInconclusive ?? 'hold',
      rollbackDelaySeconds: 0,
      syncSeconds: 20,
    },
    checks: checksOf(options),
    ...(options.evidence === undefined ? {} : { evidence: options.evidence }),
    workloads: {
      primary: { file: 'deployment-app-primary.yaml' },
      canary: { file: 'deployment-app-canary.yaml' },
    },
    shape: {
      kind: 'Deployment',
      workload: 'app-primary',
      selectors: { primary: { app: 'app-primary' }, canary: { app: 'app-canary' } },
      ports: [{ name: 'http', number: 80 }],
      autoscaled: false,
      apex: 'app',
      targetPorts: ['http'],
      routes: ['VirtualService/app'],
    },
    files,
    steps,
  };
}

function checksOf({ checked, latency }: PlanOptions): Plan['checks'] {
  if (checked === false) return [];
  const primary = latency === true ? { primary: 'q{workload="app-primary"}' } : {};
  const rate: Plan['checks'][number] = {
    name: 'success-rate',
    source: 'default',
    ask: { canary: 'q', ...primary },
    windowSeconds: 30,
    judge: { kind: 'bounds', min: 99 },
  };
  return [rate, ...(latency === true ? [LATENCY] : [])];
}

const LATENCY: Plan['checks'][number] = {
  name: 'latency',
  source: 'default',
  ask: {
    canary: 'latency{workload="app-canary"}',
    primary: 'latency{workload="app-primary"}',
  },
  windowSeconds: 30,
  judge: { kind: 'bounds', min: 99 },
};

/** An object for each step: YAML would write one that is used twice as an alias. */
const wait = () => ({ kind: 'wait', seconds: 0 }) as const;

function stepsOf(options: PlanOptions): Step[] {
  const { weights, evidence, bakeSeconds = 30 } = options;
  const checks = checksOf(options).map((it) => it.name);
  const isChecked = checks.length > 0;
  const list: Omit<Step, 'name' | 'files'>[] = [
    { phase: 'Initializing', weights: split(0), ready: ['primary'], checks: [], stay: wait() },
    {
      phase: 'Progressing',
      weights: split(0),
      ready: ['primary', 'canary'],
      checks: [],
      stay: wait(),
    },
    ...weights.map(
      (it): Omit<Step, 'name' | 'files'> => ({
        phase: 'Progressing',
        weights: split(it),
        ready: ['primary', 'canary'],
        checks: [...checks],
        ...(evidence === undefined || it === 100
          ? {}
          : { tests: evidence.tests.map((one) => one.name) }),
        stay: { kind: isChecked ? 'bake' : 'wait', seconds: isChecked ? 30 : bakeSeconds },
      }),
    ),
    {
      phase: 'Promoting',
      weights: split(weights.at(-1) ?? 0),
      ready: ['primary', 'canary'],
      checks: [...checks],
      stay: isChecked ? { kind: 'guard', points: 1 } : wait(),
    },
    { phase: 'Finalising', weights: split(0), ready: ['primary'], checks: [], stay: wait() },
    { phase: 'Succeeded', weights: split(0), ready: ['primary'], checks: [], stay: wait() },
  ];
  return list.map((it, index) => ({ ...it, name: stepName(it, index, list.length), files: [] }));
}

function stepName(it: Omit<Step, 'name' | 'files'>, index: number, count: number): string {
  const number = String(index).padStart(2, '0');
  if (index === 0) return `${number}-init`;
  if (index === 1) return `${number}-canary-up`;
  if (index === count - 1) return `${number}-complete`;
  return it.phase === 'Promoting' ? `${number}-promote` : `${number}-weight-${it.weights.canary}`;
}

function namesIn(step: Step, index: number, last: boolean, config: string): string[] {
  const primary: Name = 'deployment-app-primary.yaml';
  const canary: Name = 'deployment-app-canary.yaml';
  const route: Name = 'virtualservice-app.yaml';
  const service: Name = 'service-app.yaml';
  if (index === 0) return [primary, canary, config];
  if (last) return [primary, canary, config, service, route];
  if (index === 1)
    return [canary, 'horizontalpodautoscaler-app-canary.yaml', config, service, route];
  return step.phase === 'Promoting' ? [primary, route] : [route];
}

interface Rendering {
  readonly step: Step;
  readonly candidate: string;
  readonly last: boolean;
  readonly options: PlanOptions;
}

function objectText(name: string, file: FileInfo | undefined, it: Rendering): string {
  if (file === undefined) throw new Error(`no info about ${name}`);
  const { step, candidate, last, options } = it;
  const atRest = step.phase === 'Initializing' || last;
  const spec =
    file.kind === 'Deployment'
      ? {
          ...(file.role === 'canary' && atRest ? { replicas: 0 } : { replicas: 2 }),
          version: options.version,
        }
      : file.kind === 'VirtualService'
        ? {
            http: [
              {
                route: [
                  { destination: { host: 'app-primary' }, weight: step.weights.primary },
                  { destination: { host: 'app-canary' }, weight: step.weights.canary },
                ],
              },
            ],
          }
        : { setting: file.kind === 'Service' ? (options.setting ?? '') : '' };
  const marks = file.role === 'routing' ? { 'perch/step': `${candidate}/${step.name}` } : {};
  const content = { apiVersion: file.apiVersion, kind: file.kind, name: file.name, spec, marks };
  const annotations = {
    ...marks,
    'perch/digest': hash(JSON.stringify(content), 16),
    [VERSION_ANNOTATION]: options.version,
  };
  return JSON.stringify({
    apiVersion: file.apiVersion,
    kind: file.kind,
    metadata: { name: file.name, namespace: 'test', annotations },
    spec,
  });
}

function info(role: FileInfo['role'], apiVersion: string, kind: string, name: string): FileInfo {
  return { role, apiVersion, kind, namespace: 'test', name, asked: true };
}

function split(canary: number): Step['weights'] {
  return { primary: 100 - canary, canary };
}

function hash(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
