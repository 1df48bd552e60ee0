import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { parse } from 'yaml';
import {
  Apps,
  canary,
  Duration,
  istio,
  Release,
  type ReleaseProps,
  type Rendered,
  successRate,
} from '../../lib/index.ts';
import type { Manifest } from '../../lib/manifest/json.ts';
import { isManifest } from '../../lib/manifest/manifest.ts';
import { mistakeText } from '../../lib/mistake.ts';
import { tryRender } from '../../lib/render/render.ts';

/** Any object of the workload, with its namespace and name filled in. */
export interface SampleObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: object;
  readonly [key: string]: unknown;
}

/** A small Deployment; parts of its pod template can be given. */
export function deployment(
  podSpec: object = {},
  more: { readonly spec?: object; readonly template?: object; readonly metadata?: object } = {},
): SampleObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop', ...more.metadata },
    spec: {
      selector: { matchLabels: { app: 'shop' } },
      template: {
        metadata: { labels: { app: 'shop', tier: 'web' }, ...more.template },
        spec: {
          containers: [
            { name: 'main', image: 'shop:1', ports: [{ name: 'http', containerPort: 8080 }] },
          ],
          ...podSpec,
        },
      },
      ...more.spec,
    },
  };
}

/** The same with pods that no other release selects. */
export function deploymentOf(
  app: string,
  podSpec: object = {},
  more: Readonly<Record<string, string>> = {},
): SampleObject {
  const labels = { app, ...more };
  return deployment(podSpec, { spec: { selector: { matchLabels: labels } }, template: { labels } });
}

export function hpa(spec: object = {}): SampleObject {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'shop' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
      minReplicas: 2,
      maxReplicas: 4,
      ...spec,
    },
  };
}

export function configMap(
  name: string,
  data: Readonly<Record<string, string>> = { key: 'value' },
): SampleObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

/** A factory of these objects. */
export function workload(...objects: readonly SampleObject[]): (scope: Construct) => void {
  return (scope) =>
    objects.forEach((it, index) => void new ApiObject(scope, `object-${index}`, it));
}

/** A release that is right; props can be given. */
export function sample(props: Partial<ReleaseProps> = {}, id = 'shop'): Release {
  return new Release(new Apps(), id, {
    namespace: 'prod',
    workload: workload(deployment()),
    service: { port: 80, targetPort: 8080 },
    traffic: istio(),
    strategy: canary({ stepWeight: 25, maxWeight: 50 }),
    analysis: { checks: [successRate({ min: 99 })], checkPeriod: Duration.seconds(30) },
    ...props,
  });
}

/** The mistakes of a release as text; none when it is right. */
export async function mistakesOf(release: Release): Promise<readonly string[]> {
  const outcome = await tryRender(release);
  return outcome.kind === 'wrong' ? outcome.mistakes.map(mistakeText) : [];
}

/** An object of a rendered step. */
export function objectIn(rendered: Pick<Rendered, 'files'>, step: string, file: string): Manifest {
  const text = rendered.files.get(`steps/${step}/${file}`);
  if (typeof text !== 'string')
    throw new Error(`no ${step}/${file} in ${[...rendered.files.keys()].join('\n')}`);
  const object: unknown = parse(text);
  if (!isManifest(object)) throw new Error(`${step}/${file} is no object`);
  return object;
}
