import { ApiObject } from 'cdk8s';
import { expect, test } from 'vitest';
import {
  Apps,
  type GatewayServer,
  type IstioGatewayProps,
  istio,
  istioGateway,
  Manifests,
} from '../../../../lib/index.ts';
import { renderManifests } from '../../../../lib/manifests.ts';
import { render } from '../../../../lib/render/render.ts';
import { deployment, mistakesOf, objectIn, sample } from '../../sample.ts';

const HTTPS: GatewayServer = {
  port: 443,
  protocol: 'HTTPS',
  hosts: ['shop.example.com'],
  tls: { mode: 'SIMPLE', credentialName: 'shop-tls', minProtocolVersion: 'TLSV1_2' },
};
const HTTP: GatewayServer = { port: 80, protocol: 'HTTP', hosts: ['*'], httpsRedirect: true };

const release = (props: Partial<IstioGatewayProps>) =>
  sample({
    traffic: istio({ gateways: ['prod/edge'], hosts: ['shop.example.com'] }),
    workload: (scope) => {
      new ApiObject(scope, 'deployment', deployment());
      istioGateway(scope, { name: 'edge', servers: [HTTP, HTTPS], ...props });
    },
  });

test('a Gateway in a workload: redirect, and TLS by a Secret', async () => {
  const other: GatewayServer = {
    port: 443,
    protocol: 'TLS',
    hosts: ['team-a/*.example.org'],
    tls: { mode: 'PASSTHROUGH' },
  };
  const mutual: GatewayServer = {
    ...HTTPS,
    hosts: ['*.example.net'],
    tls: { mode: 'MUTUAL', credentialName: 'a', caCertCredentialName: 'b', subjectAltNames: ['c'] },
  };
  const servers = [HTTP, HTTPS, mutual, other];
  const rendered = await render(release({ servers, selector: { app: 'edge' } }));
  const gateway = objectIn(rendered, '01-canary-up', 'gateway-edge.yaml');
  expect(gateway.metadata.namespace).toBe('prod');
  expect(gateway.spec).toEqual({
    selector: { app: 'edge' },
    servers: [
      {
        port: { number: 80, name: 'http-80', protocol: 'HTTP' },
        hosts: ['*'],
        tls: { httpsRedirect: true },
      },
      {
        port: { number: 443, name: 'https-443', protocol: 'HTTPS' },
        hosts: ['shop.example.com'],
        tls: HTTPS.tls,
      },
      {
        port: { number: 443, name: 'https-443-2', protocol: 'HTTPS' },
        hosts: ['*.example.net'],
        tls: mutual.tls,
      },
      {
        port: { number: 443, name: 'tls-443', protocol: 'TLS' },
        hosts: ['team-a/*.example.org'],
        tls: { mode: 'PASSTHROUGH' },
      },
    ],
  });
});

test('a Gateway among Manifests, for Istio’s own ingress gateway', async () => {
  const apps = new Apps();
  const edge = (namespace?: string) =>
    new Manifests(apps, `edge-${namespace}`, (scope) =>
      istioGateway(scope, {
        name: 'edge',
        ...(namespace === undefined ? {} : { namespace }),
        servers: [HTTPS],
      }),
    );
  const { rendered } = await renderManifests([edge('istio-system')], []);
  expect(rendered[0]?.objects).toMatchObject([
    { metadata: { namespace: 'istio-system' }, spec: { selector: { istio: 'ingressgateway' } } },
  ]);
  const { mistakes } = await renderManifests([edge()], []);
  expect(mistakes.map((it) => it.problem)).toEqual([
    expect.stringContaining('Gateway edge has no namespace'),
  ]);
});

const server = (more: Partial<GatewayServer>): Partial<IstioGatewayProps> => ({
  servers: [{ ...HTTP, httpsRedirect: false, ...more }],
});

test.each<[Partial<IstioGatewayProps>, string]>([
  [{ servers: [] }, 'Gateway edge has no server, got []; give it a port to listen on'],
  [server({ port: 0 }), 'server http-0 of Gateway edge has a port that is none, got 0'],
  [server({ hosts: [] }), 'server http-80 of Gateway edge has no host'],
  [server({ hosts: ['shop'] }), 'server http-80 of Gateway edge has a host that is none'],
  [server({ hosts: ['a/b/c.d'] }), 'server http-80 of Gateway edge has a host that is none'],
  [server({ hosts: ['https://a.b'] }), 'server http-80 of Gateway edge has a host that is none'],
  [server({ protocol: 'HTTPS' }), 'server https-80 of Gateway edge speaks HTTPS without tls'],
  [server({ tls: { mode: 'PASSTHROUGH' } }), 'has tls, which HTTP does not speak'],
  [server({ protocol: 'TCP', httpsRedirect: true }), 'redirects to HTTPS what is no HTTP'],
  [server({ protocol: 'HTTPS', tls: { mode: 'AUTO_PASSTHROUGH' } }), 'passes HTTPS on by no route'],
  [
    server({ protocol: 'TLS', tls: { mode: 'SIMPLE', credentialName: '' } }),
    'server tls-80 of Gateway edge has no certificate',
  ],
  [
    server({
      protocol: 'TLS',
      tls: { mode: 'SIMPLE', credentialName: 'a', caCertCredentialName: 'b' },
    }),
    'says what clients’ certificates are, and asks for none',
  ],
  [{ servers: [HTTP, { ...HTTPS, name: 'http-80' }] }, 'Gateway edge has two servers of one name'],
  [{ servers: [HTTP, { ...HTTPS, port: 80 }] }, 'port 80 of Gateway edge has two protocols'],
  [{ servers: [HTTPS, { ...HTTPS }] }, 'port 443 of Gateway edge serves a host twice'],
])('%j is refused', async (props, problem) => {
  expect(await mistakesOf(release(props))).toEqual([expect.stringContaining(problem)]);
});
