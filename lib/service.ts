import { type Labels, listAt, type Manifest } from './json.ts';
import type { Mistake } from './mistake.ts';
import { labelMistakes, type Names } from './names.ts';

/** Labels and annotations of one Service. */
export interface ServiceMetadata {
  /** @default - none */
  readonly labels?: Labels;
  /** @default - none */
  readonly annotations?: Labels;
}

/** How the release is reached: one apex Service for its users, and one for each track. */
export interface ServiceProps {
  /** Port of the three Services. */
  readonly port: number;
  /** @default 'http' */
  readonly portName?: string;
  /**
   * Port of the pods, by number or name.
   * @default - same as `port`
   */
  readonly targetPort?: number | string;
  /**
   * Protocol of the port, such as `http`, `http2` or `grpc`; `tcp` is not supported yet.
   * @default - the mesh guesses from the port's name
   */
  readonly appProtocol?: string;
  /**
   * Also serve every other port that the containers declare, save those of mesh sidecars.
   * @default false
   */
  readonly portDiscovery?: boolean;
  /**
   * Metadata of the apex Service.
   * @default - none
   */
  readonly apex?: ServiceMetadata;
  /**
   * Metadata of the primary's Service.
   * @default - none
   */
  readonly primary?: ServiceMetadata;
  /**
   * Metadata of the canary's Service.
   * @default - none
   */
  readonly canary?: ServiceMetadata;
}

/** A port of a Service, as the API has it. */
export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly targetPort: number | string;
  /** @default - the mesh guesses from the name */
  readonly appProtocol?: string;
}

/** Containers that meshes inject; their ports are the mesh's own. */
const SIDECARS = new Set(['istio-proxy', 'envoy']);

/** The ports of the three Services: the release's own, and those that were discovered. */
export function servicePorts(props: ServiceProps, deployment: Manifest): readonly ServicePort[] {
  const targetPort = props.targetPort ?? props.port;
  const own: ServicePort = {
    name: props.portName ?? 'http',
    port: props.port,
    protocol: 'TCP',
    targetPort,
    ...(props.appProtocol === undefined ? {} : { appProtocol: props.appProtocol }),
  };
  return props.portDiscovery === true
    ? [own, ...discovered(deployment, props.port, targetPort)]
    : [own];
}

function discovered(
  deployment: Manifest,
  port: number,
  targetPort: number | string,
): ServicePort[] {
  const containers = listAt(deployment, 'spec', 'template', 'spec', 'containers');
  return containers
    .filter((it) => !SIDECARS.has(String(it.name)))
    .flatMap((container) =>
      listAt(container, 'ports').flatMap((it, index) => {
        const number = Number(it.containerPort);
        if (number === port || number === targetPort || it.name === targetPort) return [];
        const name =
          typeof it.name === 'string' ? it.name : `tcp-${String(container.name)}-${index}`;
        return [{ name, port: number, protocol: String(it.protocol ?? 'TCP'), targetPort: number }];
      }),
    );
}

/** The Service of the apex or of one track. */
export function serviceManifest(
  names: Names,
  which: 'apex' | 'primary' | 'canary',
  spec: {
    readonly selector: Labels;
    readonly ports: readonly ServicePort[];
    readonly metadata?: ServiceMetadata | undefined;
  },
): Manifest {
  const { labels, annotations } = spec.metadata ?? {};
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
      selector: spec.selector,
      ports: spec.ports.map((it) => ({ ...it })),
    },
  };
}

/** What is wrong with the service, whatever the workload is. */
export function serviceMistakes(path: string, props: ServiceProps): Mistake[] {
  const mistakes: Mistake[] = [];
  if (!isPort(props.port))
    mistakes.push({
      path,
      problem: 'service.port must be a port',
      got: props.port,
      remedy: 'use 1 to 65535',
    });
  if (typeof props.targetPort === 'number' && !isPort(props.targetPort))
    mistakes.push({
      path,
      problem: 'service.targetPort must be a port',
      got: props.targetPort,
      remedy: 'use 1 to 65535',
    });
  if (props.portName !== undefined)
    mistakes.push(...labelMistakes(path, 'service.portName', props.portName));
  if (props.appProtocol?.toLowerCase() === 'tcp' || props.portName?.split('-')[0] === 'tcp')
    mistakes.push({
      path,
      problem: 'TCP routes are not supported yet',
      got: props.appProtocol ?? props.portName,
      remedy: 'release an HTTP or gRPC port',
    });
  return mistakes;
}

/** What is wrong with the service, given the pods. */
export function targetMistakes(path: string, props: ServiceProps, deployment: Manifest): Mistake[] {
  return [
    ...targetPortMistakes(path, props, deployment),
    ...doubledPorts(path, servicePorts(props, deployment)),
  ];
}

function targetPortMistakes(path: string, props: ServiceProps, deployment: Manifest): Mistake[] {
  const target = props.targetPort;
  if (typeof target !== 'string') return [];
  const containers = listAt(deployment, 'spec', 'template', 'spec', 'containers');
  const ports = containers.flatMap((it) => listAt(it, 'ports'));
  const names = ports.flatMap((it) => (typeof it.name === 'string' ? [it.name] : []));
  if (names.includes(target)) return [];
  const known =
    names.length === 0 ? 'no container names a port' : `containers name ${names.join(', ')}`;
  const problem = 'service.targetPort names no port of the pods';
  return [{ path, problem, got: target, remedy: `${known}; use one of them` }];
}

/** Discovered ports can repeat the release's own, or each other. */
function doubledPorts(path: string, ports: readonly ServicePort[]): Mistake[] {
  const keys = (it: ServicePort) => [`name ${it.name}`, `number ${it.port}/${it.protocol}`];
  const all = ports.flatMap(keys);
  return all
    .filter((it, index) => all.indexOf(it) !== index)
    .map((it) => ({
      path,
      problem: `the Services would have two ports of ${it}`,
      got: ports.map((port) => `${port.name} ${port.port}`),
      remedy: 'set service.portName, rename the containers’ ports, or leave portDiscovery out',
    }));
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}
