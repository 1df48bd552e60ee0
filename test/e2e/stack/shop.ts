/** What differs between two states of the shop. */
export interface ShopOptions {
  /** Of the requests. */
  readonly canaryPercent: number;
  /** On the canary's pods. @default - none */
  readonly canaryAnnotations?: Readonly<Record<string, string>>;
  /** Of each track. @default 2 */
  readonly replicas?: number;
}

/**
 * Manifests of two tracks behind one route, for trying the stack itself: `shop-primary` with image
 * tag `1.0.0` and `shop-canary` with `2.0.0`, at `<namespace>.example.com`.
 */
export function shop(namespace: string, options: ShopOptions): string {
  const { canaryPercent, canaryAnnotations = {}, replicas = 2 } = options;
  const objects = [
    ...track(namespace, { name: 'shop-primary', tag: '1.0.0', replicas, annotations: {} }),
    ...track(namespace, {
      name: 'shop-canary',
      tag: '2.0.0',
      replicas,
      annotations: canaryAnnotations,
    }),
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'shop', namespace },
      spec: {
        parentRefs: [{ namespace: 'projectcontour', name: 'public' }],
        hostnames: [`${namespace}.example.com`],
        rules: [
          {
            backendRefs: [
              { name: 'shop-primary', port: 80, weight: 100 - canaryPercent },
              { name: 'shop-canary', port: 80, weight: canaryPercent },
            ],
          },
        ],
      },
    },
  ];
  // JSON is YAML.
  return objects.map((it) => `---\n${JSON.stringify(it, null, 2)}\n`).join('');
}

interface Track {
  readonly name: string;
  readonly tag: string;
  readonly replicas: number;
  readonly annotations: Readonly<Record<string, string>>;
}

function track(namespace: string, { name, tag, replicas, annotations }: Track): readonly object[] {
  const labels = { app: name };
  const container = {
    name: 'shop',
    image: `example/shop:${tag}`,
    ports: [{ name: 'http', containerPort: 9898 }],
    resources: { requests: { cpu: '100m' } },
  };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels, annotations }, spec: { containers: [container] } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
  ];
}
