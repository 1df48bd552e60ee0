import type { JsonObject } from '../../manifest/json.ts';
import { cidr, ip } from './addresses.ts';
import {
  all,
  type Check,
  fields,
  isEmpty,
  items,
  needed,
  oneOf,
  only,
  own,
  text,
  textOf,
  unique,
  whole,
  wrong,
} from './check.ts';
import { isSubdomain, label, labelKey, labels, port, portNumber } from './names.ts';

const typeOf = (it: JsonObject) => own(it, 'type') ?? 'ClusterIP';
const isHeadless = (it: JsonObject) => it.clusterIP === 'None';
const isBalanced = (it: JsonObject) => typeOf(it) === 'LoadBalancer';
const isExternal = (it: JsonObject) => typeOf(it) === 'ExternalName';
const isReached = (it: JsonObject) => isBalanced(it) || typeOf(it) === 'NodePort';

const protocolOf = (it: JsonObject) => String(own(it, 'protocol') ?? 'TCP');

const ports: Check = all(
  unique(textOf('name'), 'name'),
  unique((it) => `${it.port}/${protocolOf(it)}`, 'port and protocol'),
  unique(
    (it) => (own(it, 'nodePort') ? `${it.nodePort}/${protocolOf(it)}` : undefined),
    'nodePort and protocol',
  ),
  items(
    fields({
      name: text(
        (it) => it === '' || label(it, '').length === 0,
        'a DNS label',
        'use at most 63 lower-case letters, digits and dashes',
      ),
      port: portNumber,
      protocol: oneOf('TCP', 'UDP', 'SCTP'),
      // Nothing stands for the port itself.
      targetPort: (value, pointer) => (value === 0 || value === '' ? [] : port(value, pointer)),
      appProtocol: labelKey,
    }),
  ),
  (value, pointer) =>
    Array.isArray(value) && value.length > 1
      ? items(needed('name', 'where there are several ports'))(value, pointer)
      : [],
);

const balancedOnly = (field: string) => only(field, isBalanced, 'with type LoadBalancer');

/** What a Service must keep, but for what only one cluster knows: its ranges of ports and addresses. */
export const service: Check = fields({
  spec: all(
    fields({
      type: oneOf('', 'ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
      ports,
      selector: labels,
      sessionAffinity: oneOf('', 'None', 'ClientIP'),
      sessionAffinityConfig: fields({ clientIP: fields({ timeoutSeconds: whole(1, 86_400) }) }),
      clusterIP: text(
        (it) => it === '' || it === 'None' || ip(it, '').length === 0,
        'None or an IP address',
        'leave it out',
      ),
      ipFamilies: all(distinct, items(oneOf('IPv4', 'IPv6'))),
      ipFamilyPolicy: oneOf('SingleStack', 'PreferDualStack', 'RequireDualStack'),
      externalTrafficPolicy: oneOf('', 'Cluster', 'Local'),
      internalTrafficPolicy: oneOf('Cluster', 'Local'),
      trafficDistribution: oneOf('PreferClose', 'PreferSameZone', 'PreferSameNode'),
      loadBalancerSourceRanges: items(cidr),
      loadBalancerClass: labelKey,
      externalName: text(
        (it) => it === '' || isSubdomain(it.replace(/\.$/, '')),
        'a DNS name',
        'correct it',
      ),
    }),
    needed('ports', 'unless clusterIP is None', (it) => !isHeadless(it) && !isExternal(it)),
    needed('externalName', 'with type ExternalName', isExternal),
    wrong(
      'clusterIP',
      (it) => isHeadless(it) && isReached(it),
      'must not be None with type NodePort or LoadBalancer',
      'leave it out',
    ),
    wrong(
      'clusterIP',
      (it) => isExternal(it) && !isEmpty(it.clusterIP),
      'may not be given with type ExternalName',
      'leave it out',
    ),
    wrong(
      'ports',
      (it) =>
        typeOf(it) === 'ClusterIP' &&
        Array.isArray(it.ports) &&
        it.ports.some((one) => Number(Object(one).nodePort ?? 0) !== 0),
      'must have no nodePort with type ClusterIP',
      'leave it out',
    ),
    only(
      'externalTrafficPolicy',
      (it) => isReached(it) || isEmpty(it.externalTrafficPolicy),
      'with type NodePort or LoadBalancer',
    ),
    only(
      'healthCheckNodePort',
      (it) =>
        it.healthCheckNodePort === 0 || (isBalanced(it) && it.externalTrafficPolicy === 'Local'),
      'with type LoadBalancer and externalTrafficPolicy Local',
    ),
    only(
      'loadBalancerSourceRanges',
      (it) => isBalanced(it) || isEmpty(it.loadBalancerSourceRanges),
      'with type LoadBalancer',
    ),
    balancedOnly('allocateLoadBalancerNodePorts'),
    balancedOnly('loadBalancerClass'),
    ...['ipFamilies', 'ipFamilyPolicy'].map((it) =>
      only(it, (spec) => !isExternal(spec), 'with another type than ExternalName'),
    ),
  ),
});

function distinct(value: Parameters<Check>[0], pointer: string): ReturnType<Check> {
  if (!Array.isArray(value) || new Set(value).size === value.length) return [];
  return [{ pointer, problem: 'must not repeat itself', got: value, remedy: 'keep each once' }];
}
