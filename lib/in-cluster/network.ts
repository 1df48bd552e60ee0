import { portOf } from '../gitops/repository.ts';
import type { JsonObject } from '../json.ts';
import type { AnalyzerProps } from './analyzer-props.ts';
import { LISTEN_PORT } from './flags.ts';

/** Whom one kind of connection is allowed with. */
export interface Peers {
  /**
   * Ports of the pods or servers that answer, after a Service has forwarded: a NetworkPolicy sees no others.
   * @default - the port of the address
   */
  readonly ports?: readonly number[];
  /**
   * Peers, as a NetworkPolicy has them, such as `{ ipBlock: { cidr: '10.0.0.1/32' } }`.
   * @default - anybody
   */
  readonly peers?: readonly JsonObject[];
}

/** What an analyzer's NetworkPolicy lets through. */
export interface NetworkProps {
  /** @default - port 53 of anybody, TCP and UDP: node-local caches are no pods */
  readonly dns?: Peers;
  /** @default - ports 443 and 6443 of anybody */
  readonly apiServer?: Peers;
  /** @default - the ports of both repositories' addresses */
  readonly git?: Peers;
  /** @default - the port of the metric store's address */
  readonly metrics?: Peers;
  /** @default - the ports of the addresses of the releases' hooks */
  readonly hooks?: Peers;
  /** @default - the ports of the nudges' addresses */
  readonly nudge?: Peers;
  /** @default - the port of the Pushgateway's address */
  readonly pushGateway?: Peers;
  /**
   * Who may ask for /metrics in watch mode; the kubelet always may.
   * @default - anybody
   */
  readonly scrapers?: readonly JsonObject[];
}

/** Ends connections that an analyzer does not need. */
export function networkPolicySpec(props: AnalyzerProps, labels: JsonObject): JsonObject {
  const { run, source, metrics, nudge, pushGateway, plans, network = {} } = props;
  const git = [run.url, ...(source === undefined ? [] : [source.url])].map(portOf);
  const hooks = plans.flatMap((it) => it.hooks ?? []).map((it) => portOf(it.url));
  const scrapers = network.scrapers === undefined ? {} : { from: network.scrapers };
  return {
    podSelector: { matchLabels: labels },
    policyTypes: ['Ingress', 'Egress'],
    ingress:
      props.mode?.kind === 'watch'
        ? [{ ...scrapers, ports: [{ port: LISTEN_PORT, protocol: 'TCP' }] }]
        : [],
    egress: [
      allow(network.dns, [53], ['UDP', 'TCP']),
      allow(network.apiServer, [443, 6443]),
      allow(network.git, [...new Set(git)]),
      allow(network.metrics, [portOf(metrics.url)]),
      ...(hooks.length === 0 ? [] : [allow(network.hooks, [...new Set(hooks)].sort(byNumber))]),
      ...(nudge === undefined ? [] : [allow(network.nudge, [...new Set(nudge.urls.map(portOf))])]),
      ...(pushGateway === undefined ? [] : [allow(network.pushGateway, [portOf(pushGateway)])]),
    ],
  };
}

function byNumber(one: number, other: number): number {
  return one - other;
}

function allow(
  { ports, peers }: Peers = {},
  usual: readonly number[],
  protocols: readonly string[] = ['TCP'],
): JsonObject {
  const all = (ports ?? usual).flatMap((port) => protocols.map((protocol) => ({ port, protocol })));
  return { ...(peers === undefined ? {} : { to: peers }), ports: all };
}
