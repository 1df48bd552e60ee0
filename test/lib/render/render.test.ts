import { ApiObject, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import {
  canary,
  istio,
  latency,
  MistakesError,
  query,
  type ReleaseProps,
  render,
  successRate,
} from '../../../lib/index.ts';
import {
  configMap,
  deployment,
  hpa,
  mistakesOf,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

function service(name: string, selector: object): SampleObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector, ports: [{ port: 80 }] },
  };
}

function of(...objects: readonly SampleObject[]): Partial<ReleaseProps> {
  return { workload: workload(...objects) };
}

const CONTAINER = { name: 'main', image: 'shop:1', ports: [{ name: 'http', containerPort: 8080 }] };
const AT = 'shop/object-0';

describe('the author’s mistakes, each with construct path, value and remedy', () => {
  const table: readonly (readonly [string, Partial<ReleaseProps>, readonly string[], string?])[] = [
    [
      'weights that do not increase',
      { strategy: canary({ stepWeights: [20, 10] }) },
      [
        'shop: strategy.stepWeights must increase, got [20,10]; let each be higher than the one before',
      ],
    ],
    [
      'a weight outside of 1 to 100',
      { strategy: canary({ stepWeights: [10, 101] }) },
      ['shop: strategy.stepWeights[1] must be a percent, got 101; use 0.0001 to 100'],
    ],
    [
      'stepWeight 0',
      { strategy: canary({ stepWeight: 0 }) },
      ['shop: strategy.stepWeight must be a percent, got 0; use 0.0001 to 100'],
    ],
    [
      'an HPA for something else',
      of(
        deployment(),
        hpa({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other' } }),
      ),
      [
        'shop/object-1: the HPA is for something else than the Deployment, got {"apiVersion":"apps/v1","kind":"Deployment","name":"other"}; let spec.scaleTargetRef name Deployment shop',
      ],
    ],
    [
      'an HPA for another kind of that name',
      of(
        deployment(),
        hpa({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'shop' } }),
      ),
      [expect.stringContaining('shop/object-1: the HPA is for something else than the Deployment')],
    ],
    [
      'an HPA of a version that nobody knows',
      of(deployment(), {
        apiVersion: 'autoscaling/v2alpha1',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'shop' },
        spec: { scaleTargetRef: { kind: 'Deployment', name: 'shop' }, maxReplicas: 2 },
      }),
      [
        'shop/object-1: the HPA is of another version, got "autoscaling/v2alpha1"; use autoscaling/v2',
      ],
    ],
    [
      'two HPAs',
      of(deployment(), hpa(), { ...hpa(), metadata: { name: 'other' } }),
      [
        'shop/object-1: HPA shop is a second autoscaler for one Deployment; keep one, with all metrics in it',
      ],
    ],
    [
      'an HPA with min over max',
      of(deployment(), hpa({ minReplicas: 5 })),
      [
        'shop/object-1: /spec/maxReplicas of HorizontalPodAutoscaler shop-primary must be at least minReplicas, got 4; raise it, or lower minReplicas',
      ],
    ],
    [
      'a Service that matches both tracks',
      of(deployment(), service('metrics', { tier: 'web' })),
      [
        'shop/object-1: Service metrics selects the pods of both tracks: the canary would get traffic beside its weight, got {"tier":"web"}; annotate it with perch/tracks: primary, or canary; or both, where it leads to no users, such as for metrics',
      ],
    ],
    [
      'a Service that matches none',
      { ...of(deployment(), service('metrics', { app: 'shop' })), selectorLabel: 'app' },
      [
        'shop/object-1: Service metrics selects by app as before it had tracks, which matches no pod, got {"app":"shop"}; annotate it with perch/tracks: primary, or canary',
      ],
    ],
    [
      'a policy that would guard no pod',
      {
        ...of(deployment(), {
          apiVersion: 'security.istio.io/v1',
          kind: 'AuthorizationPolicy',
          metadata: { name: 'deny' },
          spec: { selector: { matchLabels: { app: 'shop' } } },
        }),
        selectorLabel: 'app',
      },
      [
        'shop/object-1: AuthorizationPolicy deny selects by app as before it had tracks, which matches no pod, got {"app":"shop"}; select by another label that the pods carry, or annotate it with perch/tracks: primary',
      ],
    ],
    [
      'a Service by the name of the apex',
      of(deployment(), service('shop', { app: 'shop', 'perch/track': 'primary' })),
      [
        "shop/object-1: a Service has the name of one that the release makes, got \"shop\"; leave it out, as prop service describes it; of a file or a chart with `omit: [{ kind: 'Service', name: 'shop' }]`; or rename it",
      ],
    ],
    [
      'a check without a bound',
      { analysis: { checks: [successRate({})] } },
      [
        'shop: analysis.checks[0] (success-rate): a check needs a bound, got "neither min nor max"; give min, max or both',
      ],
    ],
    [
      'an unknown PromQL variable',
      { analysis: { checks: [query({ name: 'a', query: '{{nope}}', min: 1 })] } },
      [
        'shop: analysis.checks[0] (a): unknown PromQL variable, got "nope"; use one of baseline, interval, namespace, port, primary, service, target, or add it to variables',
      ],
    ],
    [
      'an id that is no DNS label',
      {},
      [
        'Shop: id must be a DNS label, got "Shop"; use at most 63 lower-case letters, digits and dashes, a letter or digit at both ends',
      ],
      'Shop',
    ],
    [
      'a namespace that is no DNS label',
      { namespace: 'a.b' },
      [
        'shop: namespace must be a DNS label, got "a.b"; use at most 63 lower-case letters, digits and dashes, a letter or digit at both ends',
      ],
    ],
    [
      'a name that begins with a digit',
      { name: '1shop' },
      ['shop: name must begin with a letter, as Services do, got "1shop"; put a letter first'],
    ],
    [
      'a name too long after suffixing',
      { name: 'a'.repeat(60) },
      [
        `shop: name is longer than 63 characters after suffixing, got "${'a'.repeat(60)}-primary"; shorten it by 5`,
      ],
    ],
    [
      'a ConfigMap’s name too long after hashing',
      of(deployment(), configMap('a'.repeat(250))),
      [
        expect.stringMatching(
          /^shop\/object-1: \/metadata\/name of ConfigMap a+-\S+ .*use at most 253 lower-case letters, digits, dashes and dots$/,
        ),
      ],
    ],
    [
      'no Deployment',
      of(configMap('a')),
      [
        'shop: workload makes nothing that runs pods; let workload make exactly one Deployment, DaemonSet or StatefulSet',
      ],
    ],
    [
      'two Deployments',
      of(deployment(), { ...deployment(), metadata: { name: 'other' } }),
      [
        'shop/object-0: a second workload, a Deployment, got "shop"; let workload make exactly one Deployment, DaemonSet or StatefulSet',
      ],
    ],
    [
      'an unknown field',
      of(deployment({ containres: [] })),
      [
        `${AT}: /spec/template/spec/containres of Deployment shop-primary is a field that the API does not know, got []; correct it; \`kubectl explain deployment\` lists the fields`,
      ],
    ],
    [
      'a wrong type',
      of(deployment({}, { spec: { replicas: '3' } })),
      [
        `${AT}: /spec/replicas of Deployment shop-primary must be of type integer, got "3"; correct it; \`kubectl explain deployment\` lists the fields`,
      ],
    ],
    [
      'a missing field',
      of(deployment({ containers: [{ image: 'a' }] })),
      [
        `${AT}: /spec/template/spec/containers/0 of Deployment shop-primary lacks the field name, got {"image":"a"}; correct it; \`kubectl explain deployment\` lists the fields`,
      ],
    ],
    [
      'an unknown kind',
      of(deployment(), { apiVersion: 'v1', kind: 'Servise', metadata: { name: 'a' } }),
      [
        'shop/object-1: Kubernetes (kubernetes-models 5.1.0) has no such kind, got "v1 Servise"; correct apiVersion and kind',
      ],
    ],
    [
      'a wrong field of Istio',
      { traffic: istio({ trafficPolicy: { outlierDetection: { consecutive5xx: 1 } } }) },
      [
        'shop: /spec/trafficPolicy/outlierDetection/consecutive5xx of DestinationRule shop-primary is a field that the API does not know, got 1; correct it; `kubectl explain destinationrule` lists the fields',
      ],
    ],
    [
      'a second object without a name',
      of(
        deployment(),
        { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } },
        { apiVersion: 'v1', kind: 'ConfigMap', data: { c: 'd' } },
      ),
      [
        'shop/object-2: a second ConfigMap has the name of the one at shop/object-1, got "shop"; give it a name of its own in metadata.name',
      ],
    ],
    [
      'a Secret with values',
      of(deployment(), {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's' },
        stringData: { a: 'b' },
      }),
      [
        'shop/object-1: Secret s has values that would be readable in Git, got "stringData with a"; use a SealedSecret, a SOPS file (verbatim) or an ExternalSecret (allowKinds), or set allowLiteralSecrets: true',
      ],
    ],
    [
      'a SOPS file that was parsed',
      of(deployment(), {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's' },
        stringData: { a: 'ENC[]' },
        sops: {},
      }),
      [
        "shop/object-1: Secret s is encrypted by SOPS and must reach Git byte for byte; leave it out of workload and give the release `verbatim: [verbatim('path/to/file.yaml')]`",
      ],
    ],
    [
      'a workload of another kind',
      of(deployment(), {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 'a' },
        spec: {
          serviceName: 'a',
          selector: { matchLabels: { a: 'b' } },
          template: { metadata: { labels: { a: 'b' } }, spec: { containers: [CONTAINER] } },
        },
      }),
      [
        'shop/object-1: a second workload, a StatefulSet, got "a"; let workload make exactly one Deployment, DaemonSet or StatefulSet',
      ],
    ],
    [
      'a cluster-wide object',
      of(deployment(), {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'a' },
        rules: [],
      }),
      [
        'shop/object-1: the release holds ClusterRole a (rbac.authorization.k8s.io/v1), which belongs to no namespace; take it out of the release and manage it elsewhere',
      ],
    ],
    [
      'another namespace',
      of(deployment(), { ...configMap('a'), metadata: { name: 'a', namespace: 'other' } }),
      [
        'shop/object-1: ConfigMap a is in another namespace, got "other"; leave metadata.namespace out, or use "prod"',
      ],
    ],
    [
      'a reference that would dangle',
      of(deployment(), {
        apiVersion: 'example.com/v1',
        kind: 'Watcher',
        metadata: { name: 'a' },
        spec: { targetRef: { kind: 'Deployment', name: 'shop' } },
      }),
      [
        'shop/object-1: targetRef of Watcher a names the Deployment, got "shop"; name shop-primary or shop-canary: those are what runs',
      ],
    ],
    [
      'a budget for other pods',
      of(deployment(), {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'a' },
        spec: { minAvailable: 1, selector: { matchLabels: { app: 'x' } } },
      }),
      [
        'shop/object-1: the PodDisruptionBudget selects other pods, got {"matchLabels":{"app":"x"}}; let spec.selector select the workload’s pods',
      ],
    ],
    [
      'a port name that no container has',
      { service: { port: 80, targetPort: 'web' } },
      [
        'shop: service.targetPort names no port of the pods, got "web"; containers name http; use one of them',
      ],
    ],
    [
      'a port that is none',
      { service: { port: 0 } },
      [
        expect.stringContaining(
          '/spec/ports/0/port of Service shop-primary must be from 1 to 65535, got 0',
        ),
      ],
    ],
    [
      'a label that is not allowed',
      of(deployment({}, { template: { labels: { app: 'shop', v: 'a b' } } })),
      [
        `${AT}: /spec/template/metadata/labels/v of Deployment shop-primary must be a label value, got "a b"; use at most 63 letters, digits, dashes, dots and underscores, a letter or digit at both ends`,
      ],
    ],
    [
      'a mount without a volume',
      of(
        deployment({
          containers: [{ ...CONTAINER, volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
        }),
      ),
      [
        `${AT}: /spec/template/spec/containers/0/volumeMounts/0/name of Deployment shop-primary must be the name of a volume, got "v"; add the volume to the pod`,
      ],
    ],
    [
      'a workload that throws',
      {
        workload: () => {
          throw new Error('no such thing');
        },
      },
      ['shop: workload threw: no such thing; fix the function that makes the objects'],
    ],
  ];
  const cases = table.map(([name, props, expected, id]) => ({ name, props, expected, id }));
  test.each(cases)('$name', async ({ props, expected, id }) => {
    const mistakes = await mistakesOf(sample(props, id));
    // The API server complains about some of these as well, in its own words.
    expect(mistakes.slice(0, expected.length)).toEqual(expected);
    expect(mistakes.length).toBeLessThanOrEqual(expected.length + 2);
  });

  test('independent ones are told together', async () => {
    const release = sample({
      strategy: canary({ stepWeight: 0 }),
      analysis: { threshold: 0, checks: [successRate({}), latency({ quantile: 3 })] },
      workload: workload(
        deployment({ oops: 1 }),
        hpa({ minReplicas: 9 }),
        configMap('a'.repeat(250)),
      ),
      traffic: istio({ delegation: true, hosts: ['a'] }),
    });
    await expect(render(release)).rejects.toThrow(MistakesError);
    expect(await mistakesOf(release)).toHaveLength(9);
  });
});

describe('the result depends on what is written, not on how', () => {
  const objects = [
    deployment({ containers: [{ ...CONTAINER, envFrom: [{ configMapRef: { name: 'a' } }] }] }),
    hpa(),
    configMap('a'),
    configMap('b'),
    service('admin', { app: 'shop', 'perch/track': 'primary' }),
  ];
  const bytes = async (props: Partial<ReleaseProps>) =>
    [...(await render(sample(props))).files].map(([path, it]) => `${path}\n${it}`).join('\n');

  test('the order of objects does not matter, nor does a second run', async () => {
    const one = await bytes(of(...objects));
    expect(await bytes(of(...objects))).toBe(one);
    expect(await bytes(of(...[...objects].reverse()))).toBe(one);
    const [first, second, ...rest] = objects;
    if (first === undefined || second === undefined) throw new Error('too few objects');
    expect(await bytes(of(...rest, first, second))).toBe(one);
  });

  test('nor do construct paths', async () => {
    const nested = (scope: Construct) => {
      const deep = new Construct(new Construct(scope, 'very'), 'deep');
      objects.forEach((it, index) => void new ApiObject(deep, `other-${index}`, it));
    };
    expect(await bytes({ workload: nested })).toBe(await bytes(of(...objects)));
  });

  test('an object without a name gets the release’s', async () => {
    const { metadata: _, ...unnamed } = deployment();
    const rendered = await render(
      sample(of(unnamed, { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } })),
    );
    expect(
      Object.keys(rendered.plan.files).some((it) => /^configmap-shop-[0-9a-f]{8}\.yaml$/.test(it)),
    ).toBe(true);
  });

  test('a Chart in the workload would bring names from construct paths back', async () => {
    const release = sample({ workload: (scope) => void new Chart(scope, 'chart') });
    expect(await mistakesOf(release)).toContainEqual(
      'shop/chart: a Chart inside a workload names objects by construct path; use a Construct as their scope instead',
    );
  });
});
