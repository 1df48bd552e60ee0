import type { Json, JsonObject } from '../../../lib/manifest/json.ts';
import { type Case, letters, of, placed } from './case.ts';
import { DEPLOYMENT } from './pods.ts';

const pod = (field: string, wrong: Case['wrong'], right: Case['right']) =>
  of(DEPLOYMENT, `/spec/template/spec/${field}`, wrong, right);
const app = (field: string, wrong: Case['wrong'], right: Case['right']) =>
  pod(`containers/0/${field}`, wrong, right);

const expression = (it: JsonObject): Json => ({ matchExpressions: [it] });
const nodes = (it: JsonObject): Json => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [it] } },
});
const node = (it: JsonObject): Json => nodes({ matchExpressions: [it] });
const near = (weight: number, it: JsonObject): Json => ({
  podAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm: it }],
  },
});
const apart = (it: JsonObject): Json => ({
  podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [it] },
});
const spread = (more: JsonObject): JsonObject => ({
  maxSkew: 1,
  topologyKey: 'zone',
  whenUnsatisfiable: 'DoNotSchedule',
  ...more,
});

/** Where pods run, and what they may do there. */
export const SCHEDULING: readonly Case[] = [
  pod(
    'tolerations',
    [
      [{ key: 'a b', operator: 'Exists' }],
      [{ key: 'a', operator: 'In' }],
      [{ operator: 'Equal' }],
      [{}],
      [{ key: 'a', operator: 'Exists', value: 'b' }],
      [{ key: 'a', value: 'b c' }],
      [{ key: 'a', operator: 'Exists', effect: 'Never' }],
      [{ key: 'a', operator: 'Exists', tolerationSeconds: 1 }],
    ],
    [
      [{ operator: 'Exists' }],
      [{ key: 'a' }],
      [{ key: 'a/b', value: 'c', effect: 'NoExecute', tolerationSeconds: -1 }],
    ],
  ),
  pod(
    'affinity',
    [
      node({ key: 'a', operator: 'Is' }),
      node({ key: 'a b', operator: 'Exists' }),
      node({ key: 'a', operator: 'In' }),
      node({ key: 'a', operator: 'NotIn', values: [] }),
      node({ key: 'a', operator: 'Exists', values: ['b'] }),
      node({ key: 'a', operator: 'Gt', values: ['1', '2'] }),
      nodes({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a', 'b'] }] }),
      nodes({ matchFields: [{ key: 'metadata.uid', operator: 'In', values: ['a'] }] }),
      nodes({ matchFields: [{ key: 'metadata.name', operator: 'Exists', values: ['a'] }] }),
      {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
      },
      near(0, { topologyKey: 'a' }),
      near(101, { topologyKey: 'a' }),
      apart({ topologyKey: '' }),
      apart({ topologyKey: 'a b' }),
      apart({ topologyKey: 'a', namespaces: ['A'] }),
      apart({ topologyKey: 'a', namespaceSelector: { matchLabels: { a: 'b c' } } }),
      apart({ topologyKey: 'a', labelSelector: expression({ key: 'a', operator: 'In' }) }),
      apart({
        topologyKey: 'a',
        labelSelector: expression({ key: 'a', operator: 'Gt', values: ['1'] }),
      }),
      apart({
        topologyKey: 'a',
        labelSelector: expression({ key: 'a', operator: 'Exists', values: ['1'] }),
      }),
      apart({ topologyKey: 'a', labelSelector: { matchLabels: { a: 'b c' } } }),
    ],
    [
      node({ key: 'a', operator: 'Exists', values: [] }),
      node({ key: 'a', operator: 'Lt', values: ['1'] }),
      nodes({ matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['a'] }] }),
      near(1, { topologyKey: 'a' }),
      near(100, { topologyKey: 'a', labelSelector: {} }),
      apart({
        topologyKey: 'a',
        labelSelector: expression({ key: 'a', operator: 'DoesNotExist' }),
      }),
    ],
  ),
  pod(
    'topologySpreadConstraints',
    [
      [spread({ maxSkew: 0 })],
      [spread({ topologyKey: '' })],
      [spread({ whenUnsatisfiable: 'Wait' })],
      [spread({}), spread({ maxSkew: 2 })],
      [spread({ minDomains: 0 })],
      [spread({ minDomains: 2, whenUnsatisfiable: 'ScheduleAnyway' })],
      [spread({ nodeTaintsPolicy: 'Obey' })],
      [spread({ nodeAffinityPolicy: 'Obey' })],
      [spread({ matchLabelKeys: ['a'] })],
    ],
    [
      [spread({}), spread({ whenUnsatisfiable: 'ScheduleAnyway' })],
      [spread({ minDomains: 1, labelSelector: {}, matchLabelKeys: ['a'] })],
    ],
  ),
  pod('nodeSelector', [{ 'a b': 'c' }, { a: 'b c' }], [{ 'a/b': '' }]),
  pod('dnsPolicy', ['None', 'First'], ['Default']),
  pod(
    'dnsConfig',
    [{ nameservers: ['a'] }, { nameservers: ['::1', '1.1.1.1', '1.1.1.2', '1.1.1.3'] }],
    [{ nameservers: ['::1'] }],
  ),
  pod(
    'hostAliases',
    [
      [{ ip: 'a', hostnames: ['a'] }],
      [{ ip: '1.1.1.1', hostnames: ['A'] }],
      [{ ip: '::1' }, { ip: '::1' }],
    ],
    [[{ ip: '::1', hostnames: ['a.b'] }, { ip: '1.1.1.1' }]],
  ),
  pod('readinessGates', [[{ conditionType: 'a b' }]], [[{ conditionType: 'a/b' }]]),
  pod('schedulingGates', [[{ name: 'a b' }], [{ name: 'a' }, { name: 'a' }]], [[{ name: 'a/b' }]]),
  pod(
    'dnsConfig',
    [{ searches: Array.from({ length: 33 }, () => 'a') }],
    [{ searches: Array.from({ length: 32 }, () => 'a') }],
  ),
  pod('overhead', [{ cpu: '-1' }], [{ cpu: 0 }]),
  pod('serviceAccountName', ['A'], ['a.b', '']),
  pod('hostname', ['a.b', letters(64)], [letters(63)]),
  pod('subdomain', ['a.b'], ['a']),
  pod('priorityClassName', ['A'], ['a.b']),
  pod('runtimeClassName', ['A'], ['a.b']),
  pod('nodeName', ['A'], ['a.b', '']),
  pod('os', [{ name: 'plan9' }], [{ name: 'linux' }]),
  pod('imagePullSecrets', [[{ name: 'a' }, { name: 'a' }]], [[{ name: 'a' }]]),
  of(
    placed(of(DEPLOYMENT, '/spec/template/spec/hostPID', [], []), true),
    '/spec/template/spec/shareProcessNamespace',
    [true],
    [false],
  ),
  of(
    placed(of(DEPLOYMENT, '/spec/template/spec/dnsPolicy', [], []), 'None'),
    '/spec/template/spec/dnsConfig',
    [{ searches: ['a'] }, { nameservers: [] }],
    [{ nameservers: ['1.1.1.1'] }],
  ),
  pod('preemptionPolicy', ['Always'], ['PreemptLowerPriority']),
  pod('restartPolicy', ['Never', 'OnFailure', 'Sometimes'], ['Always', undefined]),
  pod('activeDeadlineSeconds', [1], []),
  pod('terminationGracePeriodSeconds', [], [0, -1]),
  pod(
    'securityContext',
    [
      { runAsUser: -1 },
      { runAsGroup: 2_147_483_648 },
      { fsGroup: -1 },
      { supplementalGroups: [-1] },
      { fsGroupChangePolicy: 'Never' },
      { seccompProfile: { type: 'Default' } },
      { seccompProfile: { type: 'Localhost' } },
      { seccompProfile: { type: 'Unconfined', localhostProfile: 'a' } },
      { sysctls: [{ name: 'A', value: '' }] },
      {
        sysctls: [
          { name: 'a', value: '1' },
          { name: 'a', value: '2' },
        ],
      },
    ],
    [
      { runAsUser: 0, runAsNonRoot: true },
      { runAsGroup: 2_147_483_647 },
      { seccompProfile: { type: 'Localhost', localhostProfile: 'a' } },
      { sysctls: [{ name: 'net.core.a_b', value: '1' }] },
    ],
  ),
  app(
    'securityContext',
    [
      { runAsUser: -1 },
      { procMount: 'None' },
      { privileged: true, allowPrivilegeEscalation: false },
      { capabilities: { add: ['CAP_SYS_ADMIN'] }, allowPrivilegeEscalation: false },
      { appArmorProfile: { type: 'Localhost' } },
    ],
    [
      { capabilities: { add: ['SYS_ADMIN'] }, allowPrivilegeEscalation: false },
      { privileged: true, runAsUser: 0 },
    ],
  ),
];
