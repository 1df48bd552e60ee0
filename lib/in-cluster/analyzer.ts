import { Construct } from 'constructs';
import { addressMistakes, httpAddressMistakes } from '../gitops/repository.ts';
import type { JsonObject } from '../manifest/json.ts';
import { put } from '../manifest/put.ts';
import { type Reproof, reprove } from '../mistake.ts';
import type { Plan } from '../plan/plan.ts';
import { readProps } from '../props/read.ts';
import { allowedMistakes } from '../validation/held.ts';
import { type AnalyzerMode, type AnalyzerProps, analyzerProps } from './analyzer-props.ts';
import { hostMistakes, mountedHosts } from './git-hosts.ts';
import { mountedStores, storeMistakes, strangerMistakes } from './metric-stores.ts';
import { alerts, podMonitorSpec } from './monitoring.ts';
import { networkPolicySpec } from './network.ts';
import { podSpec } from './pod.ts';
import { AnalyzerRights, type RightsOptions } from './rights.ts';

/**
 * The analyzer in the cluster: a CronJob, or a Deployment in watch mode, with the account, the Roles and the
 * NetworkPolicy that it needs. Secrets are named, never made: a person makes them.
 */
export class Analyzer extends Construct {
  /** Ids of the releases that it runs. */
  readonly releases: readonly string[];
  /** Kinds that these may hold beyond those that each release may: synth asks for them here. */
  readonly allowKinds: readonly string[];

  constructor(scope: Construct, id: string, props: AnalyzerProps) {
    super(scope, id);
    const { given, reproofs, flawed } = readProps('Analyzer', analyzerProps, props);
    reprove(this, ...reproofs);
    this.releases = (given?.plans ?? []).map((it) => it.release);
    this.allowKinds = given?.allowKinds ?? [];
    if (given !== undefined) this.#make(given, flawed);
  }

  #make(props: AnalyzerProps, flawed: ReadonlySet<string>): void {
    reprove(this, ...mistakesOf(props, flawed));
    const { name = 'perch', namespace = 'perch', mode = { kind: 'cron-job' } } = props;
    const place: Place = { scope: this, metadata: { name, namespace }, labels: labelsOf(name) };
    if (props.createNamespace !== false)
      put(this, { apiVersion: 'v1', kind: 'Namespace', metadata: restricted(namespace) });
    put(this, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: place.metadata,
      // The pods ask for the token themselves; nothing else that uses the account gets one.
      automountServiceAccountToken: false,
    });
    if (props.clusters === undefined)
      new AnalyzerRights(this, 'rights', {
        ...rightsOf(props),
        name,
        subject: { kind: 'ServiceAccount', name, namespace },
      });
    for (const it of [mountedStores(props), mountedHosts(props)])
      if (it !== undefined) put(this, it.configMap);
    if (mode.kind === 'watch') deployment(place, props, mode.replicas ?? 1);
    else cronJob(place, props, mode);
    put(this, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: place.metadata,
      spec: networkPolicySpec(props, place.labels),
    });
    if (props.monitoring !== undefined) monitors(place, props, mode.kind === 'watch');
  }
}

function rightsOf(props: AnalyzerProps): RightsOptions {
  const { plans, leaving, resources, clusterWide, sync, events } = props;
  return { plans, leaving, resources, clusterWide, sync, events };
}

interface Place {
  readonly scope: Construct;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly labels: { readonly [key: string]: string };
}

function labelsOf(name: string): Place['labels'] {
  return { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'analyzer' };
}

function restricted(name: string) {
  return { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } };
}

function template({ labels, metadata }: Place, props: AnalyzerProps): JsonObject {
  return { metadata: { labels }, spec: podSpec(props, metadata.name) };
}

type CronMode = Extract<AnalyzerMode, { readonly kind: 'cron-job' }>;

function cronJob(place: Place, props: AnalyzerProps, { schedule, deadline }: CronMode): void {
  put(place.scope, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: place.metadata,
    spec: {
      schedule: schedule ?? '* * * * *',
      concurrencyPolicy: 'Forbid',
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        spec: {
          activeDeadlineSeconds: deadline?.toSeconds() ?? deadlineSeconds(props.plans),
          // The next time of the schedule is the retry.
          backoffLimit: 0,
          template: template(place, props),
        },
      },
    },
  });
}

function deadlineSeconds(plans: readonly Plan[]): number {
  const longest = plans.map((it) => it.analysis.inconclusiveDeadlineSeconds + 600);
  return Math.max(1800, ...longest);
}

function deployment(place: Place, props: AnalyzerProps, replicas: number): void {
  const { scope, metadata, labels } = place;
  put(scope, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas,
      selector: { matchLabels: labels },
      // The new one is there before the old one goes; two do no harm.
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: template(place, props),
    },
  });
  // A budget over a single pod would stop nodes from being drained; that pod is back within seconds.
  if (replicas > 1)
    put(scope, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    });
}

function monitors(
  { scope, metadata, labels }: Place,
  props: AnalyzerProps,
  isWatch: boolean,
): void {
  const apiVersion = 'monitoring.coreos.com/v1';
  const monitored = { ...metadata, labels: { ...props.monitoring?.labels } };
  if (isWatch)
    put(scope, {
      apiVersion,
      kind: 'PodMonitor',
      metadata: monitored,
      spec: podMonitorSpec(labels),
    });
  // What is pushed has the job label that the analyzer gives it.
  const job = isWatch ? metadata.name : 'perch';
  const spec = alerts({ isWatch, job, plans: props.plans });
  put(scope, { apiVersion, kind: 'PrometheusRule', metadata: monitored, spec });
}

function mistakesOf(props: AnalyzerProps, flawed: ReadonlySet<string>): Reproof[] {
  const { image, run, source, nudge, pushGateway, mode, git } = props;
  return [
    ...addressMistakes('run.url', run.url),
    ...(source === undefined ? [] : addressMistakes('source.url', source.url)),
    ...storeMistakes(props),
    ...hostMistakes(props),
    ...allowedMistakes(props.allowKinds ?? []),
    ...(flawed.has('metricStores') ? [] : strangerMistakes(props)),
    ...(nudge?.urls ?? []).flatMap((it) => httpAddressMistakes('nudge.urls', it)),
    ...(pushGateway === undefined ? [] : httpAddressMistakes('pushGateway', pushGateway)),
    ...refusal(!/^\S+[:@][^\s/]+$/.test(image), {
      problem: 'image has no tag and no digest',
      got: image,
      remedy: 'say which version runs',
    }),
    ...refusal(/^(?:ssh:|[^:/]+@)/.test(run.url) && git?.ssh === undefined, {
      problem: 'run.url wants ssh, and git.ssh names no key',
      got: run.url,
      remedy: 'give git.ssh, or use an https address',
    }),
    ...refusal(
      props.monitoring !== undefined && mode?.kind !== 'watch' && pushGateway === undefined,
      {
        problem:
          'monitoring has nothing to watch: a cron job is gone before anybody asks for its metrics',
        remedy: "give pushGateway, or use mode: { kind: 'watch' }",
      },
    ),
    ...refusal(
      mode?.kind === 'watch' && !(Number.isInteger(mode.replicas ?? 1) && (mode.replicas ?? 1) > 0),
      {
        problem: 'mode.replicas must be a whole number above 0',
        got: mode?.kind === 'watch' ? mode.replicas : undefined,
        remedy: 'use 1, or 2',
      },
    ),
  ];
}

function refusal(isWrong: boolean, it: Reproof): Reproof[] {
  return isWrong ? [it] : [];
}
