import type { Json, JsonObject, Manifest } from '../../../lib/manifest/json.ts';
import { type Case, letters, of, placed } from './case.ts';

const LABELS = { app: 'shop' };

/** A Deployment without fault, with something of all that its pods can have. */
export const DEPLOYMENT: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', namespace: 'default' },
  spec: {
    selector: { matchLabels: LABELS },
    template: {
      metadata: { labels: LABELS },
      spec: {
        containers: [{ name: 'app', image: 'shop:1' }],
        initContainers: [{ name: 'first', image: 'first:1' }],
        volumes: [{ name: 'files', emptyDir: {} }],
      },
    },
  },
};

const POD = '/spec/template/spec';
const APP = `${POD}/containers/0`;
const FIRST = `${POD}/initContainers/0`;

const pod = (field: string, wrong: Case['wrong'], right: Case['right']) =>
  of(DEPLOYMENT, `${POD}/${field}`, wrong, right);
const app = (field: string, wrong: Case['wrong'], right: Case['right']) =>
  of(DEPLOYMENT, `${APP}/${field}`, wrong, right);
const first = (field: string, wrong: Case['wrong'], right: Case['right']) =>
  of(DEPLOYMENT, `${FIRST}/${field}`, wrong, right);

const other = (more: JsonObject): Json => [
  { name: 'app', image: 'shop:1' },
  { name: 'other', image: 'other:1', ...more },
];

const containers: readonly Case[] = [
  pod('containers', [[]], [other({})]),
  pod(
    'containers',
    [
      [
        { name: 'app', image: 'a' },
        { name: 'app', image: 'b' },
      ],
    ],
    [],
  ),
  app('name', ['App', 'a.b', letters(64), 'first'], [letters(63), '0-0']),
  first('name', ['app', '-a'], ['other']),
  app('image', ['', undefined], ['a']),
  first('image', [''], ['a']),
  app('imagePullPolicy', ['Sometimes'], ['Never']),
  app('terminationMessagePolicy', ['Log'], ['FallbackToLogsOnError']),
  first('restartPolicy', [], ['Always']),
  pod('ephemeralContainers', [[{ name: 'debug', image: 'debug:1' }]], [[]]),
];

const ports: readonly Case[] = [
  app('ports', [[{ containerPort: 0 }], [{ containerPort: 65_536 }]], [[{ containerPort: 1 }]]),
  app(
    'ports',
    [
      [{ containerPort: 80, name: letters(16) }],
      [{ containerPort: 80, name: '80' }],
      [{ containerPort: 80, name: 'a--b' }],
      [{ containerPort: 80, name: 'Http' }],
    ],
    [[{ containerPort: 80, name: letters(15) }], [{ containerPort: 80, name: '1-a' }]],
  ),
  app(
    'ports',
    [
      [
        { containerPort: 80, name: 'a' },
        { containerPort: 81, name: 'a' },
      ],
      [{ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' }],
      [
        { containerPort: 80, hostPort: 80 },
        { containerPort: 81, hostPort: 80 },
      ],
    ],
    [
      [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }],
      [
        { containerPort: 80, hostPort: 80 },
        { containerPort: 81, hostPort: 80, hostIP: '10.0.0.1' },
      ],
    ],
  ),
  app(
    'ports',
    [[{ containerPort: 80, protocol: 'tcp' }]],
    [[{ containerPort: 80, protocol: 'SCTP' }]],
  ),
  app('ports', [[{ containerPort: 80, hostPort: 65_536 }]], [[{ containerPort: 80, hostPort: 0 }]]),
  pod(
    'containers',
    [
      other({
        ports: [
          { containerPort: 1, hostPort: 80 },
          { containerPort: 2, hostPort: 80 },
        ],
      }),
    ],
    [
      [
        { name: 'app', image: 'a', ports: [{ containerPort: 80, name: 'a' }] },
        { name: 'b', image: 'b', ports: [{ containerPort: 80, name: 'a' }] },
      ],
    ],
  ),
  first(
    'ports',
    [
      [
        { containerPort: 80, hostPort: 80 },
        { containerPort: 81, hostPort: 80 },
      ],
    ],
    [[{ containerPort: 80, name: 'a', hostPort: 80 }]],
  ),
  of(
    { ...DEPLOYMENT, spec: hostNetworked() },
    `${APP}/ports`,
    [[{ containerPort: 80, hostPort: 81 }]],
    [[{ containerPort: 80, hostPort: 80 }], [{ containerPort: 80 }]],
  ),
];

function hostNetworked(): JsonObject {
  const template = {
    metadata: { labels: LABELS },
    spec: { hostNetwork: true, containers: [{ name: 'app', image: 'shop:1' }] },
  };
  return { selector: { matchLabels: LABELS }, template };
}

const env: readonly Case[] = [
  app('env', [[{ name: '' }], [{ name: 'A=B' }], [{ name: 'ü' }]], [[{ name: 'a.b-c d' }]]),
  app('env', [[{ name: 'A' }, { name: 'A' }]], [[{ name: 'A' }, { name: 'a' }]]),
  app(
    'env',
    [
      [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      [{ name: 'A', valueFrom: {} }],
      [
        {
          name: 'A',
          valueFrom: {
            configMapKeyRef: { name: 'a', key: 'b' },
            secretKeyRef: { name: 'a', key: 'b' },
          },
        },
      ],
    ],
    [[{ name: 'A', value: '', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }]],
  ),
  app(
    'env',
    ['metadata.labels', 'spec.hostname', "metadata.labels['']"].map((fieldPath) => [
      { name: 'A', valueFrom: { fieldRef: { fieldPath } } },
    ]),
    ['status.hostIPs', "metadata.labels['a/b']", "metadata.annotations['A/b']"].map((fieldPath) => [
      { name: 'A', valueFrom: { fieldRef: { fieldPath } } },
    ]),
  ),
  app(
    'env',
    [
      { resource: 'limits.gpu' },
      { resource: 'limits.cpu', divisor: '1Mi' },
      { resource: 'limits.memory', divisor: '1m' },
    ].map((resourceFieldRef) => [{ name: 'A', valueFrom: { resourceFieldRef } }]),
    [
      { resource: 'requests.ephemeral-storage', divisor: '1Mi' },
      { resource: 'limits.cpu', divisor: '1m' },
    ].map((resourceFieldRef) => [{ name: 'A', valueFrom: { resourceFieldRef } }]),
  ),
  app(
    'env',
    [
      { name: 'a', key: '' },
      { name: 'a', key: 'a/b' },
      { name: '', key: 'b' },
    ].map((it) => [{ name: 'A', valueFrom: { configMapKeyRef: it } }]),
    [[{ name: 'A', valueFrom: { secretKeyRef: { name: 'a', key: '.a' } } }]],
  ),
  app(
    'envFrom',
    [
      [{}],
      [{ configMapRef: { name: 'a' }, secretRef: { name: 'a' } }],
      [{ configMapRef: { name: '' } }],
      [{ secretRef: { name: '' } }],
      [{ prefix: 'A=', configMapRef: { name: 'a' } }],
    ],
    [[{ prefix: 'A_', secretRef: { name: 'a' } }]],
  ),
];

const tcp = { tcpSocket: { port: 80 } };
const probes: readonly Case[] = ['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap(
  (kind) => [
    app(
      kind,
      [
        {},
        { ...tcp, exec: { command: ['a'] } },
        { exec: {} },
        { tcpSocket: { port: 0 } },
        { tcpSocket: { port: '80' } },
        { grpc: { port: 65_536 } },
        { httpGet: { port: 'http', scheme: 'http' } },
        { httpGet: { port: 'http', httpHeaders: [{ name: 'a b', value: '' }] } },
      ],
      [
        tcp,
        { exec: { command: ['a'] } },
        { grpc: { port: 1 } },
        { httpGet: { port: 'http', scheme: 'HTTPS', httpHeaders: [{ name: 'A-b', value: '' }] } },
      ],
    ),
    ...['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'failureThreshold'].map((field) =>
      app(kind, [{ ...tcp, [field]: -1 }], [{ ...tcp, [field]: 0 }]),
    ),
  ],
);

const running: readonly Case[] = [
  app('livenessProbe', [{ ...tcp, successThreshold: 2 }], [{ ...tcp, successThreshold: 0 }]),
  app('startupProbe', [{ ...tcp, successThreshold: 2 }], [{ ...tcp, successThreshold: 1 }]),
  app('readinessProbe', [{ ...tcp, successThreshold: -1 }], [{ ...tcp, successThreshold: 2 }]),
  app(
    'livenessProbe',
    [{ ...tcp, terminationGracePeriodSeconds: 0 }],
    [{ ...tcp, terminationGracePeriodSeconds: 1 }],
  ),
  app('readinessProbe', [{ ...tcp, terminationGracePeriodSeconds: 1 }], [tcp]),
  app(
    'lifecycle',
    [
      { preStop: {} },
      { preStop: { sleep: { seconds: 1 }, exec: { command: ['a'] } } },
      { preStop: { sleep: { seconds: 31 } } },
      { postStart: { exec: { command: [] } } },
    ],
    [{ preStop: { sleep: { seconds: 30 } } }, { preStop: { sleep: { seconds: 0 } } }],
  ),
  first('livenessProbe', [tcp], []),
  first('readinessProbe', [tcp], []),
  first('startupProbe', [tcp], []),
  first('lifecycle', [{ preStop: { exec: { command: ['a'] } } }], []),
  pod(
    'initContainers',
    [],
    [[{ name: 'first', image: 'a', restartPolicy: 'Always', startupProbe: tcp }]],
  ),
];

const limits = (requests: JsonObject, most?: JsonObject): Json =>
  most === undefined ? { requests } : { requests, limits: most };
const resources: readonly Case[] = [
  app(
    'resources',
    [
      limits({ cpu: '1001m' }, { cpu: '1' }),
      limits({ memory: '1Gi' }, { memory: '1G' }),
      limits({ cpu: '-1' }),
      limits({ gpu: '1' }),
      limits({ storage: '1Gi' }),
      limits({ 'example.com/gpu': 1 }),
      limits({ 'example.com/gpu': 1 }, { 'example.com/gpu': 2 }),
      { limits: { 'example.com/gpu': '500m' } },
      { limits: { 'hugepages-2Mi': '2Mi' } },
      limits({ 'hugepages-2Mi': '2Mi', cpu: '1' }),
    ],
    [
      limits({ cpu: '1000m' }, { cpu: '1' }),
      limits({ memory: '1G' }, { memory: '1Gi' }),
      limits({ cpu: 0, memory: '1e3', 'ephemeral-storage': '.5Gi' }),
      { limits: { 'example.com/gpu': 1 } },
      limits({ 'example.com/gpu': 1 }, { 'example.com/gpu': '1' }),
      { limits: { 'hugepages-2Mi': '2Mi', memory: '1Mi' } },
    ],
  ),
  app(
    'resizePolicy',
    [
      [{ resourceName: 'storage', restartPolicy: 'NotRequired' }],
      [{ resourceName: 'cpu', restartPolicy: 'Never' }],
      [
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        { resourceName: 'cpu', restartPolicy: 'RestartContainer' },
      ],
    ],
    [[{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }]],
  ),
  app(
    'resources',
    [limits({ cpu: '1e3Mi' }), limits({ cpu: '1,5' })],
    [
      limits({ cpu: '1.' }),
      limits({ cpu: '+1.5e3' }),
      limits({ memory: '1E' }),
      limits({ memory: '1E2' }),
    ],
  ),
  app('resources', [limits({ cpu: '1 core' }), limits({ cpu: '1KiB' })], [limits({ cpu: '0.1' })]),
];

const CLAIMED: Manifest = placed(of(DEPLOYMENT, `${POD}/volumes`, [], []), [
  { name: 'files', persistentVolumeClaim: { claimName: 'a' } },
]);
const mount = (more: JsonObject): Json => [{ name: 'files', mountPath: '/a', ...more }];
const mounts: readonly Case[] = [
  app(
    'volumeMounts',
    [
      mount({ name: 'others' }),
      mount({ mountPath: '' }),
      [
        { name: 'files', mountPath: '/a' },
        { name: 'files', mountPath: '/a' },
      ],
      mount({ subPath: '/b' }),
      mount({ subPath: 'a/../b' }),
      mount({ subPathExpr: '../b' }),
      mount({ subPath: 'a', subPathExpr: 'b' }),
      mount({ mountPropagation: 'Both' }),
    ],
    [
      mount({ subPath: 'a/..b' }),
      mount({ mountPath: 'a:b' }),
      [
        { name: 'files', mountPath: '/a' },
        { name: 'files', mountPath: '/a/' },
      ],
    ],
  ),
  first('volumeMounts', [mount({ name: 'others' })], [mount({})]),
  of(
    CLAIMED,
    `${APP}/volumeDevices`,
    [
      [{ name: 'others', devicePath: '/a' }],
      [{ name: 'files', devicePath: '' }],
      [{ name: 'files', devicePath: '/../a' }],
      [
        { name: 'files', devicePath: '/a' },
        { name: 'files', devicePath: '/a' },
      ],
    ],
    [[{ name: 'files', devicePath: '/a' }]],
  ),
];

const volume = (source: JsonObject): Json => [{ name: 'files', ...source }];
const projected = (source: JsonObject): Json => volume({ projected: { sources: [source] } });
const claim = (more: JsonObject): Json =>
  volume({
    ephemeral: {
      volumeClaimTemplate: {
        spec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Gi' } },
          ...more,
        },
      },
    },
  });
const volumes: readonly Case[] = [
  pod(
    'volumes',
    [
      [{ name: 'Files' }],
      [{ name: 'a.b' }],
      [{ name: 'files' }, { name: 'files' }],
      volume({ emptyDir: {}, configMap: { name: 'a' } }),
      volume({ configMap: { name: '' } }),
      volume({ configMap: { name: 'a', defaultMode: 0o1000 } }),
      volume({ configMap: { name: 'a', items: [{ key: 'a', path: '/b' }] } }),
      volume({ configMap: { name: 'a', items: [{ key: 'a', path: '../b' }] } }),
      volume({ configMap: { name: 'a', items: [{ key: '', path: 'b' }] } }),
      volume({ configMap: { name: 'a', items: [{ key: 'a', path: '' }] } }),
      volume({ configMap: { name: 'a', items: [{ key: 'a', path: 'b', mode: -1 }] } }),
      volume({ secret: {} }),
      volume({ secret: { secretName: 'a', defaultMode: -1 } }),
      volume({ emptyDir: { sizeLimit: '-1' } }),
      volume({ hostPath: { path: '' } }),
      volume({ hostPath: { path: '/a/../b' } }),
      volume({ hostPath: { path: '/a', type: 'Folder' } }),
      volume({ persistentVolumeClaim: { claimName: '' } }),
      volume({ nfs: { server: '', path: '/a' } }),
      volume({ nfs: { server: 'a', path: 'a' } }),
      volume({ csi: { driver: 'a_b' } }),
      volume({ csi: { driver: letters(64) } }),
      volume({ ephemeral: {} }),
      volume({ downwardAPI: { items: [{ path: '', fieldRef: { fieldPath: 'metadata.name' } }] } }),
      volume({
        downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.name' }, mode: -1 }] },
      }),
      projected({ configMap: { name: '' } }),
      projected({ secret: {} }),
      volume({ downwardAPI: { items: [{ path: 'a' }] } }),
      volume({ downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'status.podIP' } }] } }),
      volume({
        downwardAPI: { items: [{ path: 'a', resourceFieldRef: { resource: 'limits.cpu' } }] },
      }),
      volume({ projected: { sources: [], defaultMode: 0o1000 } }),
      projected({ configMap: { name: 'a' }, secret: { name: 'a' } }),
      projected({ serviceAccountToken: { path: '' } }),
      projected({ serviceAccountToken: { path: 'a', expirationSeconds: 599 } }),
      claim({ accessModes: [] }),
      claim({ resources: {} }),
    ],
    [
      [{ name: 'files' }],
      volume({
        configMap: { name: 'a', defaultMode: 0o777, items: [{ key: 'a', path: 'b/..c', mode: 0 }] },
      }),
      volume({ secret: { secretName: 'a', optional: true } }),
      volume({ emptyDir: { sizeLimit: '0', medium: 'Memory' } }),
      volume({ hostPath: { path: 'a', type: 'Socket' } }),
      volume({
        downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.labels' } }] },
      }),
      volume({ nfs: { server: 'a', path: '/' } }),
      volume({ csi: { driver: 'A.b' } }),
      volume({ projected: { sources: [], defaultMode: 0 } }),
      projected({ serviceAccountToken: { path: 'a', expirationSeconds: 600 } }),
      claim({ storageClassName: '' }),
    ],
  ),
];

/** What pods of every kind must keep. */
export const PODS: readonly Case[] = [
  ...containers,
  ...ports,
  ...env,
  ...probes,
  ...running,
  ...resources,
  ...mounts,
  ...volumes,
];
