import { describe, expect, test } from 'vitest';
import { schemaOf } from '../../../lib/validation/schema.ts';
import type { SampleObject } from '../sample.ts';

async function violations(object: SampleObject): Promise<string[]> {
  const schema = await schemaOf(object.apiVersion, object.kind);
  if (schema.kind !== 'known') throw new Error(`${object.kind} is ${schema.kind}`);
  return schema.check(object).map((it) => `${it.pointer} ${it.problem}`);
}

const istio = (kind: string, spec: object) => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name: 'a' },
  spec,
});

const podSpec = (spec: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'a', labels: { a: 'b' }, annotations: { 'c/d': 'e' }, ownerReferences: [] },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
    template: {
      metadata: { labels: { a: 'b' } },
      spec: { containers: [{ name: 'a', image: 'b' }], ...spec },
    },
  },
});

describe('no false alarm', () => {
  const rich: readonly SampleObject[] = [
    istio('VirtualService', {
      hosts: ['a', '*.b.example'],
      gateways: ['mesh', 'ns/gw'],
      exportTo: ['.'],
      http: [
        {
          name: 'r',
          match: [
            {
              uri: { prefix: '/' },
              headers: { x: { exact: 'y' }, z: { regex: '.*' } },
              queryParams: { q: { exact: '1' } },
              ignoreUriCase: true,
              port: 80,
              sourceLabels: { a: 'b' },
              gateways: ['mesh'],
              withoutHeaders: { w: { prefix: 'v' } },
            },
          ],
          retries: {
            attempts: 3,
            perTryTimeout: '1s',
            retryOn: '5xx',
            retryRemoteLocalities: true,
          },
          timeout: '15s',
          fault: {
            delay: { percentage: { value: 0.1 }, fixedDelay: '5s' },
            abort: { httpStatus: 400, percentage: { value: 1 } },
          },
          mirrors: [{ destination: { host: 'm' }, percentage: { value: 10.5 } }],
          headers: {
            request: { add: { a: 'b' }, set: { c: 'd' }, remove: ['e'] },
            response: { set: { f: 'g' } },
          },
          corsPolicy: {
            allowOrigins: [{ exact: 'x' }, { regex: '.*' }],
            allowMethods: ['GET'],
            allowHeaders: ['h'],
            exposeHeaders: ['i'],
            maxAge: '24h',
            allowCredentials: false,
          },
          rewrite: { uriRegexRewrite: { match: '^/(.*)$', rewrite: '/\\1' } },
          route: [
            {
              destination: { host: 'x', subset: 's', port: { number: 80 } },
              weight: 10,
              headers: { response: { add: { a: 'b' } } },
            },
            { destination: { host: 'y' }, weight: 90 },
          ],
        },
        { redirect: { uri: '/new', authority: 'b', redirectCode: 301 } },
        { directResponse: { status: 503, body: { string: 'down' } } },
        { delegate: { name: 'd', namespace: 'e' } },
      ],
      tls: [{ match: [{ port: 443, sniHosts: ['a'] }], route: [{ destination: { host: 'a' } }] }],
      tcp: [
        {
          match: [{ port: 9000 }],
          route: [{ destination: { host: 'a', port: { number: 9000 } }, weight: 100 }],
        },
      ],
    }),
    istio('DestinationRule', {
      host: 'a',
      exportTo: ['*'],
      workloadSelector: { matchLabels: { a: 'b' } },
      trafficPolicy: {
        loadBalancer: {
          consistentHash: { httpCookie: { name: 'u', ttl: '0s', path: '/' } },
          localityLbSetting: {
            enabled: true,
            distribute: [{ from: 'a/*', to: { 'a/*': 80, 'b/*': 20 } }],
          },
          warmup: { duration: '10s' },
        },
        connectionPool: {
          tcp: {
            maxConnections: 1,
            connectTimeout: '30ms',
            tcpKeepalive: { time: '7200s', interval: '75s', probes: 3 },
          },
          http: {
            http1MaxPendingRequests: 1,
            h2UpgradePolicy: 'UPGRADE',
            idleTimeout: '1s',
            http2KeepAlive: { interval: '10s', timeout: '2s' },
          },
        },
        outlierDetection: {
          consecutive5xxErrors: 7,
          consecutiveGatewayErrors: 0,
          interval: '5m',
          baseEjectionTime: '15m',
          maxEjectionPercent: 50,
          minHealthPercent: 0,
          splitExternalLocalOriginErrors: true,
        },
        tls: {
          mode: 'SIMPLE',
          caCertificates: 'x',
          sni: 'y',
          subjectAltNames: ['z'],
          insecureSkipVerify: false,
        },
        portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: 'ROUND_ROBIN' } }],
        tunnel: { protocol: 'CONNECT', targetHost: 'a', targetPort: 80 },
        proxyProtocol: { version: 'V2' },
      },
      subsets: [
        {
          name: 's',
          labels: { version: 'v1' },
          trafficPolicy: { loadBalancer: { simple: 'RANDOM' } },
        },
      ],
    }),
    istio('Gateway', {
      selector: { istio: 'ingressgateway' },
      servers: [
        {
          port: { number: 80, name: 'http', protocol: 'HTTP' },
          hosts: ['*'],
          tls: { httpsRedirect: true },
        },
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          hosts: ['ns/a.example'],
          tls: {
            mode: 'MUTUAL',
            credentialName: 'c',
            minProtocolVersion: 'TLSV1_2',
            cipherSuites: ['X'],
          },
          name: 's',
          bind: '0.0.0.0',
        },
      ],
    }),
    istio('ServiceEntry', {
      hosts: ['a'],
      addresses: ['10.0.0.0/8'],
      ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
      location: 'MESH_EXTERNAL',
      resolution: 'STATIC',
      endpoints: [{ address: '1.2.3.4', ports: { tls: 443 }, labels: { a: 'b' } }],
    }),
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'a' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        action: 'DENY',
        rules: [
          {
            from: [{ source: { principals: ['x'] } }],
            to: [{ operation: { paths: ['/a'] } }],
            when: [{ key: 'request.headers[x]', values: ['y'] }],
          },
        ],
      },
    },
    {
      apiVersion: 'telemetry.istio.io/v1',
      kind: 'Telemetry',
      metadata: { name: 'a' },
      spec: {
        metrics: [
          {
            providers: [{ name: 'p' }],
            overrides: [{ match: { metric: 'ALL_METRICS' }, tagOverrides: { a: { value: 'b' } } }],
          },
        ],
      },
    },
    {
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: { name: 'a' },
      spec: {
        configPatches: [
          {
            applyTo: 'HTTP_FILTER',
            match: { context: 'SIDECAR_INBOUND' },
            patch: {
              operation: 'INSERT_BEFORE',
              value: { name: 'x', typed_config: { '@type': 'y', any: [{ thing: 1 }] } },
            },
          },
        ],
      },
    },
    podSpec({
      nodeSelector: { 'a/b': 'c' },
      overhead: { cpu: '1' },
      resources: { limits: { memory: '1Gi' } },
      containers: [
        {
          name: 'a',
          image: 'b',
          resources: {
            limits: { cpu: '1', memory: '1.5Gi', 'example.com/gpu': 1 },
            requests: { cpu: 0.5, memory: 1e9 },
          },
          livenessProbe: {
            httpGet: { port: 'http', path: '/', httpHeaders: [{ name: 'a', value: 'b' }] },
            periodSeconds: 1,
          },
          startupProbe: { grpc: { port: 1, service: 's' } },
          lifecycle: { preStop: { sleep: { seconds: 5 } } },
          env: [
            { name: 'a', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            {
              name: 'b',
              valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } },
            },
          ],
          securityContext: {
            capabilities: { drop: ['ALL'] },
            seccompProfile: { type: 'RuntimeDefault' },
          },
          volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr: '$(A)' }],
        },
      ],
      ephemeralContainers: [{ name: 'debug', image: 'd' }],
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'w', csi: { driver: 'd', volumeAttributes: { any: 'thing' } } },
        {
          name: 'x',
          ephemeral: {
            volumeClaimTemplate: {
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            },
          },
        },
        {
          name: 'y',
          projected: {
            sources: [
              { serviceAccountToken: { path: 't', expirationSeconds: 600 } },
              {
                downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] },
              },
            ],
          },
        },
      ],
      tolerations: [{ key: 'k', operator: 'Exists', tolerationSeconds: 1 }],
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'z',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: {},
          matchLabelKeys: ['a'],
        },
      ],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
            ],
          },
        },
      },
      dnsConfig: { options: [{ name: 'ndots', value: '2' }] },
      hostAliases: [{ ip: '1.2.3.4', hostnames: ['a'] }],
    }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a' },
      spec: {
        ports: [{ port: 80, targetPort: 'http', appProtocol: 'http', nodePort: 30000 }],
        selector: { a: 'b' },
        trafficDistribution: 'PreferClose',
        ipFamilies: ['IPv4'],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { 'a.b': 'c' },
      binaryData: { d: 'AA==' },
      immutable: true,
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'a' },
      spec: {
        podSelector: {},
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [
              { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
              { namespaceSelector: {} },
            ],
            ports: [{ port: 'http', protocol: 'TCP' }],
          },
        ],
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'a' },
      spec: {
        ingressClassName: 'n',
        defaultBackend: { resource: { kind: 'K', name: 'n' } },
        rules: [
          {
            host: 'h',
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 's', port: { number: 80 } } },
                },
              ],
            },
          },
        ],
        tls: [{ hosts: ['h'], secretName: 's' }],
      },
    },
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'a' },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
        minReplicas: 1,
        maxReplicas: 2,
        metrics: [
          {
            type: 'External',
            external: {
              metric: { name: 'm', selector: { matchLabels: { a: 'b' } } },
              target: { type: 'Value', value: '30' },
            },
          },
        ],
        behavior: {
          scaleDown: {
            policies: [{ type: 'Percent', value: 10, periodSeconds: 60 }],
            selectPolicy: 'Min',
            stabilizationWindowSeconds: 0,
          },
        },
      },
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'a' },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'], resourceNames: ['x'] }],
    },
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'a' },
      spec: {
        schedule: '* * * * *',
        timeZone: 'Etc/UTC',
        jobTemplate: {
          spec: {
            template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'b' }] } },
          },
        },
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'a' },
      spec: {
        minAvailable: '50%',
        selector: { matchLabels: { a: 'b' } },
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'a' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        storageClassName: 's',
      },
    },
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'a' },
      spec: { holderIdentity: 'x', leaseDurationSeconds: 5 },
    },
  ];
  test.each(rich.map((it) => [it.kind, it] as const))('%s', async (_, object) => {
    expect(await violations(object)).toEqual([]);
  });
});

describe('what the API would refuse', () => {
  test.each([
    [
      podSpec({ containres: [] }),
      ['/spec/template/spec/containres is a field that the API does not know'],
    ],
    [
      podSpec({
        containers: [
          {
            name: 'a',
            imagee: 'b',
            env: [{ name: 'x', valueFrom: { configMapKeyRef: { name: 'x', key: 'k', oops: 1 } } }],
          },
        ],
      }),
      [
        '/spec/template/spec/containers/0/imagee is a field that the API does not know',
        '/spec/template/spec/containers/0/env/0/valueFrom/configMapKeyRef/oops is a field that the API does not know',
      ],
    ],
    [
      podSpec({ containers: [{ image: 'b' }] }),
      ['/spec/template/spec/containers/0 lacks the field name'],
    ],
    [
      podSpec({ terminationGracePeriodSeconds: '30' }),
      ['/spec/template/spec/terminationGracePeriodSeconds must be of type integer'],
    ],
    [
      podSpec({ nodeSelector: { a: true } }),
      ['/spec/template/spec/nodeSelector/a must be of type string'],
    ],
    [
      istio('VirtualService', {
        hosts: ['a'],
        http: [{ timeoutt: '1s', route: [{ destination: { hostt: 'b' } }] }],
      }),
      [
        '/spec/http/0/route/0/destination lacks the field host',
        '/spec/http/0/timeoutt is a field that the API does not know',
        '/spec/http/0/route/0/destination/hostt is a field that the API does not know',
      ],
    ],
    [
      istio('DestinationRule', {
        host: 'a',
        trafficPolicy: {
          connectionPool: { http: { http2KeepAlive: { interval: 10, every: '1s' } } },
        },
      }),
      [
        '/spec/trafficPolicy/connectionPool/http/http2KeepAlive/interval must be of type string',
        '/spec/trafficPolicy/connectionPool/http/http2KeepAlive/every is a field that the API does not know',
      ],
    ],
    [
      istio('DestinationRule', {
        host: 'a',
        trafficPolicy: { connectionPool: { http: { http2KeepAlive: '10s' } } },
      }),
      ['/spec/trafficPolicy/connectionPool/http/http2KeepAlive must be of type object'],
    ],
  ])('%#', async (object, expected) => {
    expect(await violations(object)).toEqual(expected);
  });
});

test.each([
  ['apps/v1', 'Deploymnt', 'missing'],
  ['apps/v1', 'DeploymentSpec', 'missing'],
  ['apps/v9', 'Deployment', 'missing'],
  ['extensions/v1beta1', 'Deployment', 'missing'],
  ['policy/v1beta1', 'PodDisruptionBudget', 'missing'],
  ['v1', '../Service', 'missing'],
  ['networking.istio.io/v1', 'VirtualServices', 'missing'],
  ['example.com/v1', 'Anything', 'foreign'],
  ['keda.sh/v1alpha1', 'ScaledObject', 'known'],
  ['keda.sh/v1alpha1', 'ScaledObjectSpec', 'missing'],
  ['autoscaling.k8s.io/v1', 'VerticalPodAutoscaler', 'foreign'],
  ['gateway.networking.k8s.io/v1', 'HttpRoute', 'missing'],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute', 'known'],
  ['gateway.networking.k8s.io/v1', 'GRPCRoute', 'known'],
])('%s %s is %s', async (apiVersion, kind, expected) => {
  expect((await schemaOf(apiVersion, kind)).kind).toBe(expected);
});
