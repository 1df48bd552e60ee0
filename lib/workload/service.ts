import { type JsonObject, type Labels, listAt, type Manifest } from '../manifest/json.ts';
import type { Mistake } from '../mistake.ts';
import { type Names, serviceNameMistakes } from '../names.ts';
import type { Track } from '../plan/plan.ts';
import { runningContainers } from './containers.ts';
import type { AnotherPort, ServiceProps } from './service-props.ts';

/** A port of a Service, as the API has it. */
export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly targetPort: number | string;
  /** @default - the mesh guesses from the name */
  readonly appProtocol?: string;
  /** Of the apex Service alone. @default - the cluster's choice */
  readonly nodePort?: number;
}

/** Containers that meshes inject; their ports are the mesh's own. */
const SIDECARS = new Set(['istio-proxy', 'envoy']);

/** The ports of the three Services: the release's own, and those that were discovered. */
export function servicePorts(
  props: ServiceProps,
  workload: Manifest | undefined,
): readonly ServicePort[] {
  const { port, targetPort = port, portName, appProtocol, nodePort } = props;
  const first = servicePort(
    { port, targetPort, appProtocol, nodePort },
    portName ?? (isTcp(props) ? 'tcp' : 'http'),
  );
  const others = (props.ports ?? []).map((it) =>
    servicePort(it, it.name ?? `${isTcp(it) ? 'tcp' : 'http'}-${it.port}`),
  );
  const own = [first, ...others];
  return props.portDiscovery === true ? [...own, ...discovered(workload, own)] : own;
}

function servicePort(it: AnotherPort, name: string): ServicePort {
  return {
    name,
    port: it.port,
    protocol: 'TCP',
    targetPort: it.targetPort ?? it.port,
    ...(it.appProtocol === undefined ? {} : { appProtocol: it.appProtocol }),
    ...(it.nodePort === undefined ? {} : { nodePort: it.nodePort }),
  };
}

function isTcp({ appProtocol }: Pick<ServiceProps, 'appProtocol'>): boolean {
  return appProtocol?.toLowerCase() === 'tcp';
}

function discovered(workload: Manifest | undefined, own: readonly ServicePort[]): ServicePort[] {
  const isOwn = (number: number, name: unknown) =>
    own.some((it) => it.port === number || it.targetPort === number || it.targetPort === name);
  return runningContainers(workload)
    .filter((it) => !SIDECARS.has(String(it.name)))
    .flatMap((container) =>
      listAt(container, 'ports').flatMap((it, index) => {
        const number = Number(it.containerPort);
        if (isOwn(number, it.name)) return [];
        const name =
          typeof it.name === 'string' ? it.name : `tcp-${String(container.name)}-${index}`;
        return [{ name, port: number, protocol: String(it.protocol ?? 'TCP'), targetPort: number }];
      }),
    );
}

/** The Service of the apex or of one track. */
export function serviceManifest(
  names: Names,
  which: 'apex' | Track,
  given: {
    readonly selector: Labels;
    readonly ports: readonly ServicePort[];
    readonly props: ServiceProps;
    /** @default - none */
    readonly labels?: Labels | undefined;
    /** @default - none */
    readonly annotations?: Labels | undefined;
  },
): Manifest {
  const { labels, annotations, props, ports, selector } = given;
  const isApex = which === 'apex';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: names[which],
      namespace: names.namespace,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      type: 'ClusterIP',
      selector,
      ports: ports.map(({ nodePort, ...it }) =>
        isApex && nodePort !== undefined ? { ...it, nodePort } : { ...it },
      ),
      ...eachSpec(props),
      ...(isApex ? apexSpec(props) : {}),
    },
  };
}

/** What all three Services have. */
function eachSpec(props: ServiceProps): JsonObject {
  const { headless, sessionAffinity, internalTrafficPolicy, trafficDistribution } = props;
  const { ipFamilies, ipFamilyPolicy, publishNotReadyAddresses } = props;
  const timeout = sessionAffinity?.timeout?.toSeconds();
  return defined({
    clusterIP: headless === true ? 'None' : undefined,
    sessionAffinity: sessionAffinity === undefined ? undefined : 'ClientIP',
    sessionAffinityConfig:
      timeout === undefined ? undefined : { clientIP: { timeoutSeconds: timeout } },
    internalTrafficPolicy,
    trafficDistribution,
    ipFamilies,
    ipFamilyPolicy,
    publishNotReadyAddresses,
  });
}

/** What leads to the apex Service from outside. */
function apexSpec({ type, externalTrafficPolicy, loadBalancer = {} }: ServiceProps): JsonObject {
  return defined({ type, externalTrafficPolicy, ...loadBalancer });
}

function defined(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, it]) => it !== undefined));
}

/** What is wrong with the service, whatever the workload is. */
export function serviceMistakes(path: string, props: ServiceProps): Mistake[] {
  return [...balancerMistakes(path, props), ...nameMistakes(path, props)];
}

function balancerMistakes(
  path: string,
  { type = 'ClusterIP', loadBalancer }: ServiceProps,
): Mistake[] {
  if (loadBalancer === undefined || type === 'LoadBalancer') return [];
  const problem = 'service.loadBalancer has no effect';
  return [{ path, problem, got: type, remedy: "set type: 'LoadBalancer', or leave it out" }];
}

function nameMistakes(path: string, { primary, canary }: ServiceProps): Mistake[] {
  return Object.entries({ primary, canary }).flatMap(([track, it]) =>
    it?.name === undefined ? [] : serviceNameMistakes(path, `service.${track}.name`, it.name),
  );
}

/** What is wrong with the service, given the pods. */
export function targetMistakes(path: string, props: ServiceProps, deployment: Manifest): Mistake[] {
  return [
    ...targetPortMistakes(path, props, deployment),
    ...unopenedPorts(path, props, deployment),
  ];
}

function targetPortMistakes(path: string, props: ServiceProps, deployment: Manifest): Mistake[] {
  const ports = runningContainers(deployment).flatMap((it) => listAt(it, 'ports'));
  const names = ports.flatMap((it) => (typeof it.name === 'string' ? [it.name] : []));
  const known =
    names.length === 0 ? 'no container names a port' : `containers name ${names.join(', ')}`;
  const targets: readonly (readonly [string, number | string | undefined])[] = [
    ['service.targetPort', props.targetPort],
    ...(props.ports ?? []).map(
      (it, index) => [`service.ports[${index}].targetPort`, it.targetPort] as const,
    ),
  ];
  return targets
    .filter(([, it]) => typeof it === 'string' && !names.includes(it))
    .map(([field, got]) => ({
      path,
      problem: `${field} names no port of the pods`,
      got,
      remedy: `${known}; use one of them`,
    }));
}

/** Where pods declare ports, one that they do not is one at which nobody listens. */
function unopenedPorts(path: string, props: ServiceProps, workload: Manifest): Mistake[] {
  const ports = runningContainers(workload).flatMap((it) => listAt(it, 'ports'));
  const open = ports.map((it) => it.containerPort);
  if (open.length === 0) return [];
  const targets = [
    ['service', props] as const,
    ...(props.ports ?? []).map((it, index) => [`service.ports[${index}]`, it] as const),
  ];
  return targets.flatMap(([field, { port, targetPort = port }]) => {
    if (!isPort(targetPort) || open.some((it) => it === targetPort)) return [];
    const problem = `${field}.targetPort is a port that no container has`;
    return [{ path, problem, got: targetPort, remedy: `use one of ${open.join(', ')}` }];
  });
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535;
}
