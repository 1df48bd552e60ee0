import type { ServicePort } from '../workload/service.ts';

/** Which routes of Istio a port's traffic goes by; none: Istio routes no UDP. */
export type Routed = 'http' | 'tcp' | 'tls' | 'none';

const STREAMS: ReadonlySet<string> = new Set(['tcp', 'mongo', 'mysql', 'redis']);
const ENCRYPTED: ReadonlySet<string> = new Set(['https', 'tls', 'kubernetes.io/wss']);

/**
 * How Istio reads a port (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/):
 * by `appProtocol`, else by its name up to the first dash. What says neither, Istio sniffs: http routes hold then.
 */
export function routedBy({ protocol, name, appProtocol }: ServicePort): Routed {
  if (protocol !== 'TCP') return 'none';
  const said = appProtocol?.toLowerCase() ?? name.split('-')[0] ?? '';
  if (STREAMS.has(said)) return 'tcp';
  return ENCRYPTED.has(said) ? 'tls' : 'http';
}
