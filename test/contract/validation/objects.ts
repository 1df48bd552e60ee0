import type { Json, JsonObject, Manifest } from '../../../lib/manifest/json.ts';
import { type Case, letters, of } from './case.ts';

const metadata = { name: 'shop', namespace: 'default' };

const CONFIG_MAP: Manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
const SECRET: Manifest = { apiVersion: 'v1', kind: 'Secret', metadata };
const ACCOUNT: Manifest = { apiVersion: 'v1', kind: 'ServiceAccount', metadata };

const MEBIBYTE = 1_048_576;
const base64 = (text: string) => Buffer.from(text).toString('base64');

const configuration: readonly Case[] = [
  ...[CONFIG_MAP, SECRET, ACCOUNT].map((base) =>
    of(base, '/metadata/name', ['A', 'a_b', '-a', 'a..b', letters(254)], [letters(253), '0.a-b']),
  ),
  of(
    CONFIG_MAP,
    '/metadata/labels',
    [
      { 'a b': 'c' },
      { 'a/b/c': 'd' },
      { 'A/b': 'c' },
      { a: '-b' },
      { a: letters(64) },
      { [letters(64)]: 'a' },
    ],
    [
      { a: '', 'b.c/D_e': letters(63) },
      { [`${letters(253)}/${letters(63)}`.replace(/a{250}/, (it) => it)]: 'a' },
    ],
  ),
  of(
    CONFIG_MAP,
    '/metadata/annotations',
    [{ 'a b': 'c' }, { a: letters(262_144) }],
    [{ 'A.B/c': 'd e' }, { a: letters(262_143) }],
  ),
  of(
    CONFIG_MAP,
    '/data',
    [
      { 'a/b': 'c' },
      { '': 'a' },
      { '..': 'a' },
      { '..a': 'b' },
      { [letters(254)]: 'a' },
      { a: letters(MEBIBYTE + 1) },
    ],
    [{ '.a': 'b', _: '' }, { [letters(253)]: 'a' }, { a: letters(MEBIBYTE) }],
  ),
  of(
    CONFIG_MAP,
    '/binaryData',
    [{ 'a b': 'AA==' }, { a: 'A' }, { a: 'ü===' }],
    [{ a: 'AA==' }, { a: 'AAAA\nAAAA' }],
  ),
  of({ ...CONFIG_MAP, binaryData: { a: 'AA==' } }, '/data', [{ a: 'b' }], [{ b: 'a' }]),
  of(SECRET, '/data', [{ 'a/b': 'AA==' }, { a: 'not base64' }], [{ 'a.b': '' }]),
  of(
    SECRET,
    '/stringData',
    [{ 'a/b': 'c' }, { a: letters(MEBIBYTE + 1) }],
    [{ a: letters(MEBIBYTE) }],
  ),
];

const typed = (type: string, wrong: readonly JsonObject[], right: readonly JsonObject[]) =>
  of({ ...SECRET, type }, '/stringData', [...wrong], [...right]);

const secrets: readonly Case[] = [
  typed(
    'kubernetes.io/tls',
    [{ 'tls.crt': 'a' }, { 'tls.key': 'a' }],
    [{ 'tls.crt': '', 'tls.key': '' }],
  ),
  typed('kubernetes.io/basic-auth', [{}], [{ username: '' }, { password: 'a' }]),
  typed('kubernetes.io/ssh-auth', [{}, { 'ssh-privatekey': '' }], [{ 'ssh-privatekey': 'a' }]),
  typed(
    'kubernetes.io/dockerconfigjson',
    [{}, { '.dockerconfigjson': '{' }, { '.dockerconfigjson': '[]' }],
    [{ '.dockerconfigjson': '{}' }],
  ),
  typed('kubernetes.io/dockercfg', [{ '.dockercfg': '1' }], [{ '.dockercfg': '{}' }]),
  typed('example.com/any', [], [{}]),
  of(
    { ...SECRET, type: 'kubernetes.io/dockercfg' },
    '/data',
    [{ '.dockercfg': base64('{') }],
    [{ '.dockercfg': base64('{}') }],
  ),
];

const CLAIM: Manifest = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata,
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};

const storage = (it: string): JsonObject => ({ requests: { storage: it } });
const claims: readonly Case[] = [
  of(CLAIM, '/metadata/name', ['A'], ['a.b']),
  of(
    CLAIM,
    '/spec/accessModes',
    [undefined, [], ['ReadWrite'], ['ReadWriteOncePod', 'ReadWriteOnce']],
    [['ReadWriteOncePod'], ['ReadWriteMany', 'ReadOnlyMany']],
  ),
  of(
    CLAIM,
    '/spec/resources',
    [undefined, {}, storage('0'), storage('-1'), storage('1 GB')],
    [storage('1'), storage('.5Ti')],
  ),
  of(CLAIM, '/spec/storageClassName', ['A'], ['', 'a.b']),
  of(CLAIM, '/spec/volumeMode', ['Raw'], ['Block']),
  of(CLAIM, '/spec/selector', [{ matchLabels: { a: 'b c' } }], [{}]),
];

const HPA: Manifest = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata,
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
    maxReplicas: 3,
  },
};

const cpu = (target: JsonObject): Json => [{ type: 'Resource', resource: { name: 'cpu', target } }];
const policy = (more: JsonObject): Json => ({
  scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 1, ...more }] },
});
const AVERAGE = { type: 'AverageValue', averageValue: '1' };
const METRIC = { name: 'requests' };

const autoscalers: readonly Case[] = [
  of(HPA, '/metadata/name', ['A'], [letters(253)]),
  of(HPA, '/spec/minReplicas', [0, -1, 4], [1, 3]),
  of(HPA, '/spec/maxReplicas', [0], [1]),
  of(
    HPA,
    '/spec/scaleTargetRef',
    [
      { apiVersion: 'apps/v1', kind: '', name: 'a' },
      { apiVersion: 'apps/v1', kind: 'Deployment', name: '' },
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a/b' },
    ],
    [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'A_b' }],
  ),
  of(
    HPA,
    '/spec/metrics',
    [
      [{ type: 'Memory' }],
      [{ type: 'Resource' }],
      [{ type: 'ContainerResource' }],
      [{ type: 'Pods' }],
      [
        {
          type: 'Pods',
          pods: { metric: METRIC, target: AVERAGE },
          object: { metric: METRIC, target: AVERAGE, describedObject: { kind: 'A', name: 'b' } },
        },
      ],
      [{ type: 'External' }],
      [{ type: 'Object' }],
      [
        {
          type: 'Pods',
          pods: { metric: METRIC, target: AVERAGE },
          external: { metric: METRIC, target: AVERAGE },
        },
      ],
      [
        {
          type: 'Pods',
          pods: { metric: METRIC, target: AVERAGE },
          resource: { name: 'cpu', target: AVERAGE },
        },
      ],
      [
        {
          type: 'External',
          external: { metric: METRIC, target: AVERAGE },
          containerResource: { name: 'cpu', container: 'a', target: AVERAGE },
        },
      ],
      [{ type: 'Resource', resource: { name: '', target: AVERAGE } }],
      [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: AVERAGE },
          pods: { metric: METRIC, target: AVERAGE },
        },
      ],
      cpu({ type: 'Utilization' }),
      cpu({ type: 'Utilization', averageUtilization: 0 }),
      cpu({ type: 'Utilization', averageUtilization: 1, averageValue: '1' }),
      cpu({ type: 'AverageValue', averageValue: '0' }),
      cpu({ type: 'Share', averageUtilization: 1 }),
      [{ type: 'Pods', pods: { metric: METRIC, target: { type: 'Value', value: '1' } } }],
      [{ type: 'Pods', pods: { metric: { name: '' }, target: AVERAGE } }],
      [{ type: 'External', external: { metric: METRIC, target: { type: 'Value' } } }],
      [{ type: 'External', external: { metric: METRIC, target: { ...AVERAGE, value: '1' } } }],
      [
        {
          type: 'Object',
          object: { metric: METRIC, target: AVERAGE, describedObject: { kind: 'A', name: '' } },
        },
      ],
      [
        {
          type: 'ContainerResource',
          containerResource: { name: 'cpu', container: '', target: AVERAGE },
        },
      ],
    ],
    [
      cpu({ type: 'Utilization', averageUtilization: 1 }),
      cpu({ type: 'AverageValue', averageValue: '1m' }),
      [{ type: 'Pods', pods: { metric: METRIC, target: AVERAGE } }],
      [{ type: 'External', external: { metric: METRIC, target: { type: 'Value', value: '1' } } }],
      [
        {
          type: 'Object',
          object: {
            metric: METRIC,
            target: AVERAGE,
            describedObject: { apiVersion: 'v1', kind: 'A', name: 'b' },
          },
        },
      ],
    ],
  ),
  of(
    HPA,
    '/spec/behavior',
    [
      { scaleUp: { stabilizationWindowSeconds: -1 } },
      { scaleDown: { stabilizationWindowSeconds: 3601 } },
      { scaleUp: { selectPolicy: 'Mean' } },
      { scaleUp: { policies: [] } },
      policy({ type: 'Nodes' }),
      policy({ value: 0 }),
      policy({ periodSeconds: 0 }),
      policy({ periodSeconds: 1801 }),
    ],
    [
      {
        scaleUp: { stabilizationWindowSeconds: 0 },
        scaleDown: { stabilizationWindowSeconds: 3600 },
      },
      policy({ periodSeconds: 1800 }),
    ],
  ),
  of(
    { ...HPA, apiVersion: 'autoscaling/v1' },
    '/spec/targetCPUUtilizationPercentage',
    [0],
    [1, 1000],
  ),
];

const PDB: Manifest = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata,
  spec: { selector: { matchLabels: { app: 'shop' } } },
};

const budgets: readonly Case[] = [
  of(PDB, '/metadata/name', ['a%b'], ['A_b', letters(253)]),
  of(PDB, '/spec/minAvailable', [-1, '1', '101%'], [0, '100%', undefined]),
  of(PDB, '/spec/maxUnavailable', [-1, 'a%', '101%'], [0, '0%']),
  of({ ...PDB, spec: { minAvailable: 1 } }, '/spec/maxUnavailable', [1], []),
  of(PDB, '/spec/selector', [{ matchLabels: { a: 'b c' } }], [{}]),
  of(PDB, '/spec/unhealthyPodEvictionPolicy', ['Never'], ['AlwaysAllow']),
];

const ROLE: Manifest = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata,
  rules: [],
};

const roles: readonly Case[] = [of(ROLE, '/metadata/name', ['a%b'], ['system:a', letters(254)])];

/** Objects that make no pods. */
export const OBJECTS: readonly Case[] = [
  ...configuration,
  ...secrets,
  ...claims,
  ...autoscalers,
  ...budgets,
  ...roles,
];
