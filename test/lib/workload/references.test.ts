import { Cron } from 'cdk8s';
import * as kplus from 'cdk8s-plus-25';
import { describe, expect, test } from 'vitest';
import { job } from '../../../lib/index.ts';
import type { Json, JsonObject, Manifest } from '../../../lib/manifest/json.ts';
import { render } from '../../../lib/render/render.ts';
import { type HashedNames, withHashedNames } from '../../../lib/workload/references.ts';
import { unknownReferences } from '../../../lib/workload/unknown-references.ts';
import {
  configMap,
  deployment,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

const NAMES: HashedNames = {
  ConfigMap: new Map([['conf', 'conf-1']]),
  Secret: new Map([['keys', 'keys-2']]),
};

function object(kind: string, spec: JsonObject, annotations?: JsonObject): Manifest {
  const apiVersion = 'example.com/v1';
  const metadata = { name: 'it', namespace: 'prod' };
  return {
    apiVersion,
    kind,
    metadata: { ...metadata, ...(annotations && ({ annotations } as JsonObject)) },
    spec,
  };
}

/** The same object with the hashed names. */
function hashed(it: Manifest): Json {
  return JSON.parse(
    JSON.stringify(it)
      .replaceAll('"conf"', '"conf-1"')
      .replaceAll('"keys"', '"keys-2"')
      .replaceAll('"prod/conf"', '"prod/conf-1"')
      .replaceAll('"prod/keys"', '"prod/keys-2"'),
  );
}

const container = { name: 'main', image: 'a:1', envFrom: [{ configMapRef: { name: 'conf' } }] };
const pods = {
  template: { spec: { containers: [container], imagePullSecrets: [{ name: 'keys' }] } },
};
const key = { name: 'keys', key: 'k' };
const login = {
  basicAuth: { username: key, password: key },
  bearerTokenSecret: key,
  authorization: { credentials: key },
  oauth2: { clientId: { configMap: { name: 'conf', key: 'k' } }, clientSecret: key },
  tlsConfig: {
    ca: { configMap: { name: 'conf', key: 'k' } },
    cert: { secret: key },
    keySecret: key,
  },
};
const nginx = (name: string) => `nginx.ingress.kubernetes.io/${name}`;

describe('every place that names one gets the hashed name', () => {
  test.each<[string, Manifest]>([
    ['the pods of a workload', object('Deployment', pods)],
    ['the pods of a Job', object('Job', pods)],
    ['the pods of a CronJob', object('CronJob', { jobTemplate: { spec: pods } })],
    [
      'the rules of a Role',
      {
        ...object('Role', {}),
        rules: [
          {
            apiGroups: [''],
            resources: ['configmaps'],
            resourceNames: ['conf', 'other'],
            verbs: ['get'],
          },
          { apiGroups: [''], resources: ['secrets'], resourceNames: ['keys'], verbs: ['get'] },
        ],
      },
    ],
    [
      'a rule for all resources',
      { ...object('Role', {}), rules: [{ resources: ['*'], resourceNames: ['conf', 'keys'] }] },
    ],
    ['a ServiceAccount', { ...object('ServiceAccount', {}), secrets: [{ name: 'keys' }] }],
    [
      'TLS of an Ingress',
      object('Ingress', { tls: [{ hosts: ['a.example'], secretName: 'keys' }] }),
    ],
    [
      'annotations of an Ingress',
      object(
        'Ingress',
        {},
        {
          [nginx('auth-secret')]: 'keys',
          [nginx('auth-tls-secret')]: 'prod/keys',
          [nginx('custom-headers')]: 'prod/conf',
        },
      ),
    ],
    ['a gateway of Istio', object('Gateway', { servers: [{ tls: { credentialName: 'keys' } }] })],
    [
      'a gateway of the Gateway API',
      object('Gateway', { listeners: [{ tls: { certificateRefs: [{ name: 'keys' }] } }] }),
    ],
    [
      'the client certificate of a mesh',
      object('DestinationRule', {
        trafficPolicy: {
          tls: { credentialName: 'keys' },
          portLevelSettings: [{ tls: { credentialName: 'keys' } }],
        },
      }),
    ],
    [
      'the certificate by which a gateway calls its backends',
      object('Gateway', { backendTLS: { clientCertificateRef: { name: 'keys' } } }),
    ],
    [
      'the pods of KEDA’s Jobs',
      object('ScaledJob', {
        jobTargetRef: {
          template: {
            spec: { containers: [container], volumes: [{ configMap: { name: 'conf' } }] },
          },
        },
      }),
    ],
    [
      'what the Prometheus operator asks where to scrape',
      object('ScrapeConfig', {
        consulSDConfigs: [{ server: 'a', tokenRef: key }],
        ec2SDConfigs: [{ accessKey: key, secretKey: key }],
        proxyConnectHeader: { Authorization: [key] },
      }),
    ],
    [
      'whom the Prometheus operator alerts',
      object('AlertmanagerConfig', {
        receivers: [
          {
            name: 'keys-of-nobody',
            slackConfigs: [{ apiURL: key, httpConfig: { authorization: { credentials: key } } }],
            pagerdutyConfigs: [{ routingKey: key }],
            webhookConfigs: [{ urlSecret: key }],
          },
        ],
        route: { receiver: 'keys-of-nobody', matchers: [{ name: 'severity', value: 'page' }] },
      }),
    ],
    ['a PodMonitor', object('PodMonitor', { podMetricsEndpoints: [login] })],
    ['a ServiceMonitor', object('ServiceMonitor', { endpoints: [login] })],
    [
      'KEDA',
      object('TriggerAuthentication', {
        secretTargetRef: [{ parameter: 'p', ...key }],
        configMapTargetRef: [{ parameter: 'p', name: 'conf', key: 'k' }],
      }),
    ],
    [
      'a Middleware of Traefik',
      object('Middleware', { basicAuth: { secret: 'keys' }, digestAuth: { secret: 'keys' } }),
    ],
    ['a TLSOption of Traefik', object('TLSOption', { clientAuth: { secretNames: ['keys'] } })],
    ['an IngressRoute of Traefik', object('IngressRoute', { tls: { secretName: 'keys' } })],
    [
      'what says its kind',
      object('Some', {
        from: [
          { kind: 'Secret', name: 'keys' },
          { kind: 'ConfigMap', name: 'conf' },
        ],
      }),
    ],
    ['what is called as in the API', object('Some', { auth: { secretRef: { name: 'keys' } } })],
  ])('%s', (_, it) => {
    expect(withHashedNames(it, NAMES)).toEqual(hashed(it));
    expect(unknownReferences({ path: 'shop', object: it }, NAMES)).toEqual([]);
  });
});

test.each<[string, Manifest]>([
  [
    'a name in another namespace',
    object('Some', { secretRef: { name: 'keys', namespace: 'other' } }),
  ],
  ['another kind of this name', object('Some', { from: { kind: 'Issuer', name: 'keys' } })],
  [
    'a Role for other objects',
    { ...object('Role', {}), rules: [{ resources: ['pods'], resourceNames: ['conf'] }] },
  ],
  [
    'what cert-manager writes',
    object('Certificate', { secretName: 'keys', issuerRef: { name: 'keys' } }),
  ],
  [
    'an Ingress whose certificate cert-manager writes',
    object(
      'Ingress',
      { tls: [{ secretName: 'keys-2' }] },
      { 'cert-manager.io/cluster-issuer': 'acme' },
    ),
  ],
  [
    'a store of secrets',
    object('ExternalSecret', { secretStoreRef: { name: 'keys' }, data: [{ secretKey: 'keys' }] }),
  ],
  ['other text', object('Some', { title: 'conf', level: { name: 'keys' } })],
])('what is none stays, and nothing is said: %s', (_, it) => {
  expect(withHashedNames(it, NAMES)).toEqual(it);
  expect(unknownReferences({ path: 'shop', object: it }, NAMES)).toEqual([]);
});

const main = (more: JsonObject) =>
  object('Deployment', { template: { spec: { containers: [{ name: 'main', ...more }] } } });

test.each<[string, Manifest, string]>([
  [
    'a field of a foreign kind',
    object('HTTPProxy', { virtualhost: { tls: { secretName: 'keys' } } }),
    'spec.virtualhost.tls.secretName of HTTPProxy it names Secret keys',
  ],
  [
    'a reference of a foreign kind',
    object('Issuer', { acme: { apiTokenSecretRef: { name: 'keys' } } }),
    'spec.acme.apiTokenSecretRef.name of Issuer it names Secret keys',
  ],
  [
    'a flag',
    main({ args: ['--watch-configmap=conf'] }),
    'args of Deployment it names ConfigMap conf',
  ],
  [
    'a flag with its value behind it',
    main({ command: ['run', '--secret-name', 'keys'] }),
    'command of Deployment it names Secret keys',
  ],
  [
    'a variable',
    main({ env: [{ name: 'CONFIG_MAP_NAME', value: 'conf' }] }),
    'env CONFIG_MAP_NAME of Deployment it names ConfigMap conf',
  ],
])('a place that is not known is a mistake: %s', (_, it, problem) => {
  expect(unknownReferences({ path: 'shop', object: it }, NAMES)).toEqual([
    expect.objectContaining({
      problem: expect.stringContaining(problem),
      remedy: expect.stringContaining('perch/hashed: "false"'),
    }),
  ]);
});

describe('one ConfigMap that is used in several places of a release', () => {
  const uses = { name: 'main', image: 'shop:1', envFrom: [{ configMapRef: { name: 'settings' } }] };
  const cleanup: SampleObject = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'cleanup' },
    spec: {
      schedule: '0 3 * * *',
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [uses] } } } },
    },
  };
  const role: SampleObject = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'read-settings' },
    rules: [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['settings'], verbs: ['get'] },
    ],
  };
  const binding: SampleObject = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'read-settings' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'Role',
      name: 'read-settings',
    },
    subjects: [{ kind: 'ServiceAccount', name: 'cleanup' }],
  };
  const release = (main: object, ...more: readonly SampleObject[]) =>
    sample({
      workload: workload(
        deployment({ containers: [main] }),
        configMap('settings'),
        cleanup,
        role,
        binding,
        ...more,
      ),
      service: { port: 80 },
      allowKinds: ['Role', 'RoleBinding'].map((kind) => `rbac.authorization.k8s.io/${kind}`),
    });

  test('has one name in all of them', async () => {
    const it = await render(release(uses));
    const [name] = Object.values(it.plan.files).flatMap((file) =>
      file.kind === 'ConfigMap' ? [file.name] : [],
    );
    expect(name).toMatch(/^settings-/);
    const [role = ''] = Object.keys(it.plan.files).filter((file) => file.startsWith('role-'));
    for (const file of ['cronjob-cleanup.yaml', role, 'deployment-shop-canary.yaml'])
      expect(JSON.stringify(objectIn(it, '01-canary-up', file))).toContain(`"${name}"`);
  });

  test('cannot be named in the text of a flag', async () => {
    expect(await mistakesOf(release({ ...uses, args: ['--watch-configmap=settings'] }))).toEqual([
      expect.stringContaining('args of Deployment shop names ConfigMap settings'),
    ]);
  });
});

test('a CronJob and a Job of cdk8s-plus use a ConfigMap of theirs', async () => {
  const release = sample({
    workload(scope) {
      new kplus.ConfigMap(scope, 'settings', {
        metadata: { name: 'settings' },
        data: { level: 'info' },
      });
      const settings = kplus.ConfigMap.fromConfigMapName(scope, 'named', 'settings');
      const containers = [
        { image: 'shop:1', envFrom: [new kplus.EnvFrom(settings)], portNumber: 8080 },
      ];
      new kplus.Deployment(scope, 'deployment', { metadata: { name: 'shop' }, containers });
      new kplus.Job(scope, 'tests', { metadata: { name: 'tests' }, containers });
      new kplus.CronJob(scope, 'cleanup', {
        metadata: { name: 'cleanup' },
        schedule: Cron.daily(),
        containers,
      });
    },
    jobs: [job('tests', { before: 'traffic' })],
  });
  const it = await render(release);
  const fileOf = (kind: string) =>
    Object.entries(it.plan.files).find(([, file]) => file.kind === kind) ?? [];
  const [, settings] = fileOf('ConfigMap');
  const [tests = ''] = fileOf('Job');
  expect(settings?.name).toMatch(/^settings-[0-9a-f]{8}$/);
  for (const [step, file] of [
    ['01-canary-up', 'cronjob-cleanup.yaml'],
    ['02-job-tests', tests],
    ['01-canary-up', 'deployment-shop-canary.yaml'],
  ] as const)
    expect(JSON.stringify(objectIn(it, step, file))).toContain(
      `"configMapRef":{"name":"${settings?.name}"}`,
    );
});
