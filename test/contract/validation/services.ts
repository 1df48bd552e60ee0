import type { Json, JsonObject, Manifest } from '../../../lib/manifest/json.ts';
import { type Case, letters, of } from './case.ts';

const metadata = { name: 'shop', namespace: 'default' };

const SERVICE: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { selector: { app: 'shop' }, ports: [{ port: 80 }] },
};

const whole = (wrong: readonly JsonObject[], right: readonly JsonObject[]) =>
  of(SERVICE, '/spec', wrong, right);
const ports = (...all: readonly JsonObject[]): JsonObject => ({ ports: [...all] });
const http = { ports: [{ port: 80 }] };

const services: readonly Case[] = [
  of(SERVICE, '/metadata/name', ['0a', 'a.b', 'A', letters(64)], [letters(63), 'a-0']),
  whole(
    [
      {},
      { ports: [] },
      ports({ port: 80 }, { port: 81, name: 'b' }),
      ports({ port: 80, name: 'a' }, { port: 81, name: 'a' }),
      ports({ port: 80, name: 'a' }, { port: 80, name: 'b' }),
      ports({ port: 80, name: 'A' }),
      ports({ port: 80, name: letters(64) }),
      ports({ port: 0 }),
      ports({ port: 1.5 }),
      ports({ port: 80, targetPort: 1.5 }),
      ports({ port: 65_536 }),
      ports({ port: 80, protocol: 'HTTP' }),
      ports({ port: 80, targetPort: '80' }),
      ports({ port: 80, targetPort: letters(16) }),
      ports({ port: 80, appProtocol: 'a b' }),
      ports({ port: 80, nodePort: 30_000 }),
    ],
    [
      { clusterIP: 'None' },
      ports({ port: 80, name: letters(63) }),
      ports({ port: 80, name: 'a' }, { port: 80, name: 'b', protocol: 'UDP' }),
      ports({ port: 80, targetPort: 0 }),
      ports({ port: 65_535, targetPort: letters(15), appProtocol: 'kubernetes.io/h2c' }),
    ],
  ),
  whole(
    [
      { ...http, type: 'Internal' },
      { ...http, type: 'NodePort', clusterIP: 'None' },
      { ...http, type: 'LoadBalancer', clusterIP: 'None' },
      { type: 'ExternalName' },
      { type: 'ExternalName', externalName: 'a_b' },
      { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.9' },
      { type: 'ExternalName', externalName: 'a.b', ipFamilies: ['IPv4'] },
      { type: 'ExternalName', externalName: 'a.b', ipFamilyPolicy: 'SingleStack' },
      { ...http, clusterIP: 'a' },
      {
        type: 'NodePort',
        ports: [
          { port: 80, nodePort: 30_080, name: 'a' },
          { port: 81, nodePort: 30_080, name: 'b' },
        ],
      },
    ],
    [
      { type: 'ExternalName', externalName: 'a.b.' },
      { ...http, type: 'LoadBalancer', allocateLoadBalancerNodePorts: false },
      { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] },
    ],
  ),
  whole(
    [
      { ...http, sessionAffinity: 'Cookie' },
      ...[0, 86_401].map((timeoutSeconds) => ({
        ...http,
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds } },
      })),
      { ...http, externalTrafficPolicy: 'Local' },
      { ...http, type: 'NodePort', externalTrafficPolicy: 'Near' },
      { ...http, internalTrafficPolicy: 'Near' },
      { ...http, trafficDistribution: 'Near' },
      { ...http, type: 'LoadBalancer', healthCheckNodePort: 30_090 },
      { ...http, loadBalancerSourceRanges: ['10.0.0.0/8'] },
      { ...http, type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0'] },
      { ...http, allocateLoadBalancerNodePorts: true },
      { ...http, loadBalancerClass: 'a' },
      { ...http, type: 'LoadBalancer', loadBalancerClass: 'a b' },
      { ...http, ipFamilies: ['IPv5'] },
      { ...http, ipFamilies: ['IPv4', 'IPv4'] },
      { ...http, ipFamilyPolicy: 'Dual' },
      { ...http, selector: { 'a b': 'c' } },
      { ...http, selector: { a: 'b c' } },
    ],
    [
      ...[1, 86_400].map((timeoutSeconds) => ({
        ...http,
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds } },
      })),
      { ...http, type: 'NodePort', externalTrafficPolicy: 'Local' },
      {
        ...http,
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 30_090,
        loadBalancerSourceRanges: [' 10.0.0.0/8'],
        loadBalancerClass: 'a/b',
      },
      { ...http, sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } },
      { ...http, trafficDistribution: 'PreferClose', internalTrafficPolicy: 'Local' },
      { ...http, ipFamilies: ['IPv4'], ipFamilyPolicy: 'PreferDualStack' },
    ],
  ),
];

const INGRESS: Manifest = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata,
  spec: {
    defaultBackend: { service: { name: 'shop', port: { number: 80 } } },
  },
};

const service = (more: JsonObject): JsonObject => ({
  service: { name: 'shop', port: { number: 80 }, ...more },
});
const path = (more: JsonObject): Json => ({
  rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend: service({}), ...more }] } }],
});
const rule = (host: string): Json => ({ rules: [{ host }] });

const ingresses: readonly Case[] = [
  of(INGRESS, '/metadata/name', ['A'], [letters(253)]),
  of(
    INGRESS,
    '/spec',
    [
      {},
      rule('A.b'),
      rule('*.a.*'),
      rule('*'),
      rule('1.1.1.1'),
      { rules: [{ http: { paths: [] } }] },
      path({ path: 'a' }),
      path({ path: '' }),
      path({ path: '/a//b' }),
      path({ path: '/a/..' }),
      path({ path: '/a/%2Fb' }),
      path({ path: 'a', pathType: 'ImplementationSpecific' }),
      path({ pathType: 'Regex' }),
      path({ backend: {} }),
      path({ backend: { ...service({}), resource: { kind: 'a', name: 'b' } } }),
      path({ backend: service({ name: '' }) }),
      path({ backend: { resource: { kind: '', name: 'a' } } }),
      path({ backend: { resource: { kind: 'A', name: '' } } }),
      path({ backend: service({ name: '0a' }) }),
      path({ backend: service({ port: {} }) }),
      path({ backend: service({ port: { number: 80, name: 'a' } }) }),
      path({ backend: service({ port: { number: 65_536 } }) }),
      path({ backend: service({ port: { name: letters(16) } }) }),
      { ...Object(rule('a')), ingressClassName: 'A' },
      { ...Object(rule('a')), tls: [{ hosts: ['A'] }] },
      { ...Object(rule('a')), tls: [{ secretName: 'A' }] },
    ],
    [
      rule('*.a.b'),
      rule(''),
      path({ path: '/a/../b(', pathType: 'ImplementationSpecific' }),
      path({ path: '', pathType: 'ImplementationSpecific' }),
      path({ path: '/...', pathType: 'Exact' }),
      path({ backend: { resource: { apiGroup: 'a.b', kind: 'C', name: 'd' } } }),
      path({ backend: service({ port: { name: 'http' } }) }),
      { ...Object(rule('a')), tls: [{ hosts: ['*.a'], secretName: 'a' }] },
    ],
  ),
  of(
    {
      ...INGRESS,
      metadata: { ...metadata, annotations: { 'kubernetes.io/ingress.class': 'nginx' } },
    },
    '/spec/ingressClassName',
    ['other'],
    ['nginx', undefined],
  ),
];

const POLICY: Manifest = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata,
  spec: { podSelector: {} },
};

const from = (peer: JsonObject): Json => [{ from: [peer] }];
const block = (cidr: string, ...except: readonly string[]): Json =>
  from({ ipBlock: { cidr, except } });
const port = (it: JsonObject): Json => [{ ports: [it] }];

const policies: readonly Case[] = [
  of(POLICY, '/spec/podSelector', [{ matchLabels: { a: 'b c' } }], [{ matchLabels: { a: '' } }]),
  of(POLICY, '/spec/policyTypes', [['Both'], ['Ingress', 'Egress', 'Ingress']], [['Egress'], []]),
  of(
    POLICY,
    '/spec/ingress',
    [
      from({}),
      from({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }),
      block(''),
      block('10.0.0.0'),
      block('10.0.0.0/33'),
      block('10.0.0.0/8', '10.0.0.0/8'),
      block('10.0.0.0/8', '11.0.0.0/16'),
      block('10.0.0.0/8', 'a'),
      block('10.0.0/8'),
      block('::1::/64'),
      block('1:2:3:4:5:6:7/64'),
      block('fd00::/129'),
      block('::/0', '10.0.0.0/8'),
      block('fd00::/8', 'fe00::/9'),
      port({ port: 0 }),
      port({ port: 'a_b' }),
      port({ protocol: 'HTTP' }),
      port({ endPort: 80 }),
      port({ port: 'http', endPort: 80 }),
      port({ port: 80, endPort: 79 }),
      port({ port: 80, endPort: 65_536 }),
    ],
    [
      from({ podSelector: {}, namespaceSelector: {} }),
      block('10.0.0.0/8', '10.255.0.0/9'),
      block('::/0', 'fe80::/10'),
      block('fd00::/8', 'fdff:1::/17'),
      block('::ffff:1.2.3.4/128'),
      block('010.0.0.0/8'),
      block('0.0.0.0/0', '128.0.0.0/1'),
      port({ port: 80, endPort: 80, protocol: 'SCTP' }),
      port({}),
    ],
  ),
  of(POLICY, '/spec/egress', [[{ to: [{}] }], port({ port: 65_536 })], [[{}], []]),
];

/** What traffic goes through. */
export const SERVICES: readonly Case[] = [...services, ...ingresses, ...policies];
