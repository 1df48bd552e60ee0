import type { Construct } from 'constructs';
import * as z from 'zod';
import { put } from '../../manifest/put.ts';
import { type Reproof, reprove } from '../../mistake.ts';
import { extended, fields, listOf, mapOf } from '../../props/fields.ts';
import { readProps } from '../../props/read.ts';
import { plain } from '../plain.ts';
import { seconds } from './props.ts';

/** A version of TLS, as Istio names it. */
export type TlsVersion = z.infer<typeof tlsVersion>;

const tlsVersion = z.enum(['TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']);

/** What a server speaks of TLS. */
export interface TlsVersions extends z.infer<typeof tlsVersions> {}

const tlsVersions = fields({
  /** @default - Istio's own, TLS 1.2 */
  minProtocolVersion: tlsVersion.optional(),
  /** @default - Istio's own, TLS 1.3 */
  maxProtocolVersion: tlsVersion.optional(),
  /** Names of cipher suites, for TLS 1.2 and older. @default - Istio's own */
  cipherSuites: listOf(z.string()).optional(),
});

/** How a gateway's server ends, checks or passes on TLS. Certificates lie in Secrets of the gateway's pods' namespace. */
export type GatewayTls = z.infer<typeof gatewayTls>;

const gatewayTls = z.discriminatedUnion('mode', [
  extended(tlsVersions, {
    /** Ends TLS with a certificate; `MUTUAL` asks clients for theirs, `OPTIONAL_MUTUAL` takes them. */
    mode: z.enum(['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL']),
    /** Secret of the certificate; for mutual TLS it holds the clients' CA as well, under `ca.crt`. */
    credentialName: z.string(),
    /** Secret or ConfigMap of the clients' CA. @default - the one in `credentialName` */
    caCertCredentialName: z.string().optional(),
    /** Names of which a client's certificate must have one. @default - any */
    subjectAltNames: listOf(z.string()).optional(),
  }),
  extended(tlsVersions, {
    /** Ends TLS with the mesh's own certificates. */
    mode: z.literal('ISTIO_MUTUAL'),
  }),
  fields({
    /** Passes TLS on by its server name; routed by tls routes, or with `AUTO_PASSTHROUGH` by none. */
    mode: z.enum(['PASSTHROUGH', 'AUTO_PASSTHROUGH']),
  }),
]);

/** A port on which a gateway listens, for some hosts. */
export interface GatewayServer extends z.infer<typeof gatewayServer> {}

const gatewayServer = fields({
  /** Of the gateway's pods, as its Service leads to it. */
  port: z.number(),
  protocol: z.enum(['HTTP', 'HTTP2', 'GRPC', 'HTTPS', 'TLS', 'TCP']),
  /** Such as `shop.example.com`, `*.example.com` and `*`; VirtualServices of one namespace alone: `namespace/host`. */
  hosts: listOf(z.string()),
  /**
   * Unique in the Gateway.
   * @default - `<protocol>-<port>` in lower case, with a number where several servers share both
   */
  name: z.string().optional(),
  /** Needed by HTTPS and TLS, and by no other. @default - none */
  tls: gatewayTls.optional(),
  /** Send clients of an HTTP server to HTTPS. @default false */
  httpsRedirect: z.boolean().optional(),
});

/** A Gateway of Istio. */
export interface IstioGatewayProps extends z.infer<typeof istioGatewayProps> {}

/** The schema of `IstioGatewayProps`. */
export const istioGatewayProps = fields({
  name: z.string(),
  /** @default - the namespace of the release; in `Manifests` it must be given */
  namespace: z.string().optional(),
  /**
   * Labels of the pods that act as this gateway.
   * @default - those of Istio's own ingress gateway
   */
  selector: mapOf(z.string()).optional(),
  servers: listOf(gatewayServer),
});

/**
 * Makes a Gateway, in a workload or in `Manifests`; `istio({ gateways: ['<namespace>/<name>'] })` routes by it.
 * What is wrong with it, synth reports with all other mistakes.
 */
export function istioGateway(scope: Construct, props: IstioGatewayProps): void {
  const { given, reproofs } = readProps('istioGateway', istioGatewayProps, props);
  reprove(scope, ...reproofs);
  if (given !== undefined) gateway(scope, given);
}

function gateway(scope: Construct, props: IstioGatewayProps): void {
  const { name, namespace, selector = { istio: 'ingressgateway' }, servers } = props;
  const names = servers.map(serverName);
  reprove(scope, ...gatewayMistakes(name, servers, names));
  put(scope, {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: {
      selector,
      servers: servers.map(({ port, protocol, hosts, tls, httpsRedirect }, index) => ({
        port: { number: port, name: names[index] ?? '', protocol },
        hosts: [...hosts],
        ...(tls === undefined ? {} : { tls: plain(tls, seconds) }),
        ...(httpsRedirect === true ? { tls: { httpsRedirect: true } } : {}),
      })),
    },
  });
}

function serverName(server: GatewayServer, index: number, all: readonly GatewayServer[]): string {
  const nameOf = (it: GatewayServer) => `${it.protocol.toLowerCase()}-${it.port}`;
  const before = all.slice(0, index).filter((it) => nameOf(it) === nameOf(server)).length;
  return server.name ?? `${nameOf(server)}${before === 0 ? '' : `-${before + 1}`}`;
}

/** Rules of Istio's webhook that no schema holds, and conflicts that it would resolve in silence. */
function gatewayMistakes(
  name: string,
  servers: readonly GatewayServer[],
  names: readonly string[],
): readonly Reproof[] {
  const empty: Reproof = {
    problem: `Gateway ${name} has no server`,
    got: servers,
    remedy: 'give it a port to listen on',
  };
  const doubled = names.filter((it, index) => names.indexOf(it) < index);
  return [
    ...(servers.length === 0 ? [empty] : []),
    ...servers.flatMap((it, index) =>
      serverMistakes(it, `server ${names[index]} of Gateway ${name}`),
    ),
    ...doubled.map((got) => ({
      problem: `Gateway ${name} has two servers of one name`,
      got,
      remedy: 'give each a name of its own',
    })),
    ...portMistakes(name, servers),
  ];
}

function serverMistakes(server: GatewayServer, what: string): readonly Reproof[] {
  const { port, protocol, hosts, tls, httpsRedirect } = server;
  const encrypted = wireOf(server) === 'tls';
  const isHttp = wireOf(server) === 'http';
  const rules: readonly (readonly [boolean, string, unknown, string])[] = [
    [
      !Number.isInteger(port) || port < 1 || port > 65535,
      'has a port that is none',
      port,
      'use 1 to 65535',
    ],
    [hosts.length === 0, 'has no host', hosts, "say which, or ['*'] for any"],
    [
      encrypted && tls === undefined,
      `speaks ${protocol} without tls`,
      undefined,
      "give it tls, such as { mode: 'SIMPLE', credentialName: … }",
    ],
    [
      !encrypted && tls !== undefined,
      `has tls, which ${protocol} does not speak`,
      tls,
      'use HTTPS or TLS, or leave tls out',
    ],
    [
      httpsRedirect === true && !isHttp,
      'redirects to HTTPS what is no HTTP',
      protocol,
      'leave httpsRedirect out',
    ],
    [
      protocol === 'HTTPS' && tls?.mode === 'AUTO_PASSTHROUGH',
      'passes HTTPS on by no route',
      tls,
      'use the protocol TLS, or PASSTHROUGH',
    ],
  ];
  const wrong = rules.filter(([is]) => is);
  return [
    ...wrong.map(([, problem, got, remedy]) => ({ problem: `${what} ${problem}`, got, remedy })),
    ...hosts
      .filter((it) => !isHost(it))
      .map((got) => ({
        problem: `${what} has a host that is none`,
        got,
        remedy:
          'use a DNS name of at least two parts, *. before one, or *; namespace/ may precede it',
      })),
    ...credentialMistakes(tls, what),
  ];
}

/** `namespace/host`, where the namespace may be `*`, `.` or `~`, and the host begins with `*` or is a DNS name. */
function isHost(text: string): boolean {
  const [host = '', namespace, ...rest] = text.split('/').reverse();
  const label = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/i;
  const labels = host.replace(/^\*\./, '').split('.');
  const isName =
    labels.every((it) => label.test(it)) && (labels.length > 1 || host.startsWith('*.'));
  const isPlace = namespace === undefined || /^[*.~]$/.test(namespace) || label.test(namespace);
  return rest.length === 0 && isPlace && (host === '*' || isName);
}

function credentialMistakes(tls: GatewayTls | undefined, what: string): readonly Reproof[] {
  if (tls === undefined || !('credentialName' in tls)) return [];
  const { mode, credentialName, caCertCredentialName, subjectAltNames } = tls;
  const empty =
    credentialName === ''
      ? [
          {
            problem: `${what} has no certificate`,
            got: tls,
            remedy: 'name its Secret in credentialName',
          },
        ]
      : [];
  const asked = caCertCredentialName ?? subjectAltNames;
  if (mode !== 'SIMPLE' || asked === undefined) return empty;
  const remedy = 'use mode MUTUAL, which asks clients for one';
  return [
    ...empty,
    { problem: `${what} says what clients’ certificates are, and asks for none`, got: tls, remedy },
  ];
}

/** What can be told apart on one port: TLS by its server name, HTTP by its host, and TCP not at all. */
function wireOf({ protocol }: GatewayServer): 'tls' | 'tcp' | 'http' {
  if (protocol === 'HTTPS' || protocol === 'TLS') return 'tls';
  return protocol === 'TCP' ? 'tcp' : 'http';
}

/** One port has one kind of protocol, and one server for each host. */
function portMistakes(name: string, servers: readonly GatewayServer[]): readonly Reproof[] {
  return servers.flatMap((server, index) => {
    const same = servers.slice(0, index).filter((it) => it.port === server.port);
    const at = `port ${server.port} of Gateway ${name}`;
    const others = same.filter((it) => wireOf(it) !== wireOf(server)).map((it) => it.protocol);
    const hosts = same.flatMap((it) => it.hosts).filter((it) => server.hosts.includes(it));
    return [
      ...(others.length === 0
        ? []
        : [
            {
              problem: `${at} has two protocols`,
              got: [...others, server.protocol],
              remedy: 'give each a port of its own',
            },
          ]),
      ...(hosts.length === 0
        ? []
        : [
            {
              problem: `${at} serves a host twice`,
              got: hosts,
              remedy: 'leave it out of one server',
            },
          ]),
    ];
  });
}
