import { portOf } from '../gitops/repository.ts';
import type { JsonObject } from '../manifest/json.ts';
import type { AnalyzerProps, Peers } from './analyzer-props.ts';
import { LISTEN_PORT } from './flags.ts';
import { hostPorts } from './git-hosts.ts';
import { storePorts } from './metric-stores.ts';

/** Ends connections that an analyzer does not need. */
export function networkPolicySpec(props: AnalyzerProps, labels: JsonObject): JsonObject {
  const { run, source, nudge, pushGateway, plans, network = {} } = props;
  const git = [run.url, ...(source === undefined ? [] : [source.url])].map(portOf);
  const hooks = plans.flatMap((it) => it.hooks ?? []).map((it) => portOf(it.url));
  const hosts = hostPorts(props);
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
      ...(hosts.length === 0 ? [] : [allow(network.gitHosts, hosts)]),
      allow(network.metrics, storePorts(props)),
      ...(hooks.length === 0 ? [] : [allow(network.hooks, [...new Set(hooks)].sort(byNumber))]),
      ...(nudge === undefined ? [] : [allow(network.nudge, [...new Set(nudge.urls.map(portOf))])]),
      ...(props.channels === undefined ? [] : [allow(network.channels, [443])]),
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
