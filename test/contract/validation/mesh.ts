import type { Json, JsonObject, Manifest } from '../../../lib/manifest/json.ts';
import { type Case, of } from './case.ts';

const object = (kind: string, spec: JsonObject): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name: 'shop', namespace: 'default' },
  spec,
});

const VIRTUAL_SERVICE = object('VirtualService', { hosts: ['shop'] });
const DESTINATION_RULE = object('DestinationRule', { host: 'shop' });
const GATEWAY = object('Gateway', {});

const WRONG = ['0s', '999us', '1d', 'soon', '-1s'];
const RIGHT = ['1ms', '1h2m3.5s', '.5s'];

const http = (it: JsonObject): Json => [{ route: [{ destination: { host: 'shop' } }], ...it }];

const times: readonly ((time: string) => JsonObject)[] = [
  (timeout) => ({ timeout }),
  (perTryTimeout) => ({ retries: { attempts: 1, perTryTimeout } }),
  (backoff) => ({ retries: { attempts: 1, backoff } }),
  (fixedDelay) => ({ fault: { delay: { fixedDelay } } }),
  (maxAge) => ({ corsPolicy: { maxAge } }),
];

const policies: readonly ((time: string) => JsonObject)[] = [
  (idleTimeout) => ({ connectionPool: { http: { idleTimeout } } }),
  (interval) => ({ connectionPool: { http: { http2KeepAlive: { interval } } } }),
  (timeout) => ({ connectionPool: { http: { http2KeepAlive: { timeout } } } }),
  (connectTimeout) => ({ connectionPool: { tcp: { connectTimeout } } }),
  (time) => ({ connectionPool: { tcp: { tcpKeepalive: { time } } } }),
  (interval) => ({ outlierDetection: { interval } }),
  (baseEjectionTime) => ({
    portLevelSettings: [{ port: { number: 80 }, outlierDetection: { baseEjectionTime } }],
  }),
  (duration) => ({ loadBalancer: { warmup: { duration }, simple: 'ROUND_ROBIN' } }),
];

const server = (tls: JsonObject): Json => [
  {
    port: { number: 443, name: 'https', protocol: 'HTTPS' },
    hosts: ['a.example'],
    tls: { mode: 'SIMPLE', ...tls },
  },
];

/** Routes of Istio, as far as its definitions say what they must keep; its webhook says more. */
export const MESH: readonly Case[] = [
  ...times.map((it) =>
    of(
      VIRTUAL_SERVICE,
      '/spec/http',
      WRONG.map((time) => http(it(time))),
      RIGHT.map((time) => http(it(time))),
    ),
  ),
  ...policies.map((it) =>
    of(DESTINATION_RULE, '/spec/trafficPolicy', WRONG.map(it), RIGHT.map(it)),
  ),
  of(
    DESTINATION_RULE,
    '/spec/subsets',
    [[{ name: 'a', trafficPolicy: { outlierDetection: { interval: '0s' } } }]],
    [[{ name: 'a', trafficPolicy: { outlierDetection: { interval: '1s' } } }]],
  ),
  of(
    GATEWAY,
    '/spec/servers',
    [
      server({ credentialName: 'a', credentialNames: ['a'] }),
      server({ credentialNames: ['a'], tlsCertificates: [{ serverCertificate: 'a' }] }),
    ],
    [server({ credentialName: 'a' }), server({ credentialNames: ['a', 'b'] })],
  ),
];
