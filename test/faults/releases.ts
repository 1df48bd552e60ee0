import { Cpu, Deployment, Job, Probe, RestartPolicy } from 'cdk8s-plus-25';
import {
  type Apps,
  Atomic,
  canary,
  Duration,
  type HookDefinition,
  istio,
  job,
  query,
  Release,
  Testing,
  type WorkloadFactory,
} from '../../lib/index.ts';

/**
 * How a version behaves, told by its image's tag: `good-2`, `bad-3` …
 *
 * - good: everything about it is in order
 * - bad: its checks fail from the first traffic that it gets
 * - slow: its pods never become available
 * - job: its Job fails before it gets any traffic
 */
export type Temper = 'good' | 'bad' | 'slow' | 'job';

/** One version of a release. */
export interface Version {
  readonly temper: Temper;
  readonly number: number;
}

/** Percent of the requests in each step; a bad version fails from the first one on. */
export const WEIGHTS = [20, 50] as const;

/** How the releases of a world are rendered. */
export interface ReleaseForm {
  /** After how long a workload that is not ready rolls back. @default 15 */
  readonly progressSeconds?: number;
  /** Failed checks until the rollback. @default 2 */
  readonly threshold?: number;
  /** @default - none */
  readonly hooks?: readonly HookDefinition[];
  /** @default - the author's labels stay, and `perch/track` comes to them */
  readonly selectorLabel?: string;
  /** Releases that move as one with it. @default - it moves alone */
  readonly group?: { readonly name: string; readonly members: readonly string[] };
}

export function tagOf({ temper, number }: Version): string {
  return `${temper}-${number}`;
}

/** Behaviour by image; a foreign image is good. */
export function temperOf(image: string): Temper {
  const found = /:(good|bad|slow|job)-\d+$/.exec(image)?.[1];
  return (found ?? 'good') as Temper;
}

export function imageOf(version: Version): string {
  return `example/app:${tagOf(version)}`;
}

/** The files below `dist/<id>` that synth would write, and those of the release's group. */
export async function distFiles(
  id: string,
  version: Version,
  form: ReleaseForm = {},
): Promise<ReadonlyMap<string, string>> {
  const { group } = form;
  const apps = Testing.apps();
  const all = (group?.members ?? [id]).map((it) => faultRelease(apps, it, version, form));
  if (group !== undefined) new Atomic(apps, group.name, all);
  const { releases } = await apps.render();
  return new Map(
    releases.flatMap((it) =>
      [...it.files].map(([path, content]): [string, string] => [
        `dist/${it.id}/${path}`,
        Buffer.from(content).toString(),
      ]),
    ),
  );
}

/** A release as short as whole seconds allow: a rollout takes a quarter of a minute. */
function faultRelease(apps: Apps, id: string, version: Version, form: ReleaseForm): Release {
  const { progressSeconds = 15, threshold = 2, hooks = [], selectorLabel } = form;
  return new Release(apps, id, {
    namespace: id,
    ...(selectorLabel === undefined ? {} : { selectorLabel }),
    workload: workload(id, version),
    service: { port: 80, targetPort: 9898 },
    traffic: istio({ hosts: [`${id}.example.com`] }),
    strategy: canary({ stepWeights: [...WEIGHTS] }),
    hooks,
    ...(version.temper === 'job' ? { jobs: [job('acceptance', { before: 'traffic' })] } : {}),
    analysis: {
      checkPeriod: Duration.seconds(1),
      bakeTime: Duration.seconds(2),
      settleTime: Duration.seconds(0),
      syncInterval: Duration.seconds(1),
      progressDeadline: Duration.seconds(progressSeconds),
      threshold,
      checks: [
        query({
          name: 'healthy',
          query: `healthy{namespace="{{namespace}}",workload="{{target}}"}`,
          min: 99,
          window: Duration.seconds(1),
        }),
      ],
    },
  });
}

function workload(id: string, version: Version): WorkloadFactory {
  return (scope) => {
    const image = imageOf(version);
    const deployment = new Deployment(scope, 'deployment', {
      metadata: { name: id },
      podMetadata: { labels: { app: id } },
      replicas: 2,
    });
    deployment.addContainer({
      name: 'app',
      image,
      ports: [{ name: 'http', number: 9898 }],
      readiness: Probe.fromHttpGet('/', { port: 9898 }),
      resources: { cpu: { request: Cpu.millis(50) } },
    });
    if (version.temper !== 'job') return;
    const acceptance = new Job(scope, 'acceptance', {
      metadata: { name: 'acceptance' },
      restartPolicy: RestartPolicy.NEVER,
      backoffLimit: 0,
    });
    acceptance.addContainer({ name: 'test', image, resources: {} });
  };
}
