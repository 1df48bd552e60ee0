import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assetPath } from '../servers/assets.ts';
import type { Kubernetes } from '../servers/kubernetes.ts';
import { freePort, run } from '../servers/program.ts';
import { answers, listens, type Server, startServer } from '../servers/server.ts';

/** Contour and Envoy, as one Gateway. */
export interface Gateway {
  readonly contour: Server;
  readonly envoy: Server;
  /** Where Envoy takes requests; the `Host` header chooses the route. */
  readonly url: string;
  /** Envoy's metrics for Prometheus: `envoy_cluster_upstream_rq{envoy_cluster_name=…}` */
  readonly metricsUrl: string;
  /** What a route names as its parent. */
  readonly parentRef: { readonly namespace: string; readonly name: string };
  /** Makes the Gateway; again when the cluster has lost it. */
  setUp(): Promise<void>;
}

/** What the gateway starts with. */
export interface GatewayOptions {
  readonly kubernetes: Kubernetes;
  readonly folder: string;
}

/** Contour listens so much above a Gateway's port, because Envoy may not run as root. */
const PORT_SHIFT = 8000;

const PARENT = { namespace: 'projectcontour', name: 'public' };

/**
 * Starts Contour and Envoy, and makes the Gateway `projectcontour/public` with one HTTP listener
 * for routes of all namespaces. The kinds of Gateway API and Contour must be there.
 *
 * @throws Error when a program is missing or does not get ready
 */
export async function startGateway({ kubernetes, folder }: GatewayOptions): Promise<Gateway> {
  await mkdir(folder, { recursive: true });
  const ports = {
    http: await freePort(),
    stats: await freePort(),
    xds: await freePort(),
    health: await freePort(),
    metrics: await freePort(),
    debug: await freePort(),
  };
  const setUp = async () => {
    await kubernetes.kubectl(['apply', '--filename=-'], objects(ports.http - PORT_SHIFT));
  };
  await setUp();
  const contour = await startContour(kubernetes, folder, ports);
  try {
    const envoy = await startEnvoy(folder, ports);
    return {
      contour,
      envoy,
      url: `http://127.0.0.1:${ports.http}`,
      metricsUrl: `http://127.0.0.1:${ports.stats}/stats/prometheus`,
      parentRef: PARENT,
      setUp,
    };
  } catch (error) {
    await contour.stop();
    throw error;
  }
}

type Ports = Readonly<Record<'http' | 'stats' | 'xds' | 'health' | 'metrics' | 'debug', number>>;

function objects(port: number): string {
  const controllerName = 'projectcontour.io/gateway-controller';
  const all = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: PARENT.namespace } },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'contour' },
      spec: { controllerName },
    },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: PARENT,
      spec: {
        gatewayClassName: 'contour',
        listeners: [
          { name: 'http', protocol: 'HTTP', port, allowedRoutes: { namespaces: { from: 'All' } } },
        ],
      },
    },
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: all });
}

async function startContour(
  { kubeconfigPath }: Kubernetes,
  folder: string,
  ports: Ports,
): Promise<Server> {
  const configuration = join(folder, 'contour.yaml');
  await writeFile(configuration, JSON.stringify({ gateway: { gatewayRef: PARENT } }));
  return startServer({
    name: 'contour',
    path: assetPath('contour'),
    folder,
    args: [
      'serve',
      '--insecure',
      '--disable-leader-election',
      `--config-path=${configuration}`,
      `--kubeconfig=${kubeconfigPath}`,
      '--xds-address=127.0.0.1',
      `--xds-port=${ports.xds}`,
      '--health-address=127.0.0.1',
      `--health-port=${ports.health}`,
      '--http-address=127.0.0.1',
      `--http-port=${ports.metrics}`,
      '--debug-http-address=127.0.0.1',
      `--debug-http-port=${ports.debug}`,
      '--stats-address=127.0.0.1',
      `--stats-port=${ports.stats}`,
      '--envoy-service-http-address=127.0.0.1',
      '--envoy-service-https-address=127.0.0.1',
      '--ingress-status-address=127.0.0.1',
    ],
    environment: { CONTOUR_NAMESPACE: PARENT.namespace },
    isReady: () => listens(ports.xds),
  });
}

async function startEnvoy(folder: string, ports: Ports): Promise<Server> {
  const bootstrap = join(folder, 'envoy.json');
  await run({
    path: assetPath('contour'),
    args: [
      'bootstrap',
      bootstrap,
      '--xds-address=127.0.0.1',
      `--xds-port=${ports.xds}`,
      `--admin-address=${join(folder, 'admin.sock')}`,
    ],
    folder,
  });
  return startServer({
    name: 'envoy',
    path: assetPath('envoy'),
    folder,
    args: [
      ...['--config-path', bootstrap],
      ...['--service-node', 'envoy', '--service-cluster', PARENT.namespace],
      ...['--concurrency', '1'],
      // Two stacks' Envoys would else share a segment of memory.
      '--disable-hot-restart',
      ...['--log-level', 'warning'],
    ],
    // Contour has told it a listener for its metrics; one for requests comes with the first route.
    isReady: () => answers(`http://127.0.0.1:${ports.stats}/stats/prometheus`),
  });
}
