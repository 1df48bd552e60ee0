import { describe, expect, test } from 'vitest';
import { Duration, render, type ServiceProps } from '../../../lib/index.ts';
import { objectAt } from '../../../lib/manifest/json.ts';
import { deployment, mistakesOf, objectIn, sample, workload } from '../sample.ts';

const PODS = {
  containers: [
    {
      name: 'main',
      image: 'a:1',
      ports: [
        { name: 'http', containerPort: 8080 },
        { name: 'metrics', containerPort: 9090 },
        { containerPort: 53, protocol: 'UDP' },
      ],
    },
    { name: 'istio-proxy', image: 'b:1', ports: [{ containerPort: 15090 }] },
  ],
};

test('three Services, with their own metadata', async () => {
  const service = {
    port: 80,
    targetPort: 'http',
    portName: 'http-web',
    appProtocol: 'http2',
    apex: { labels: { a: 'b' }, annotations: { c: 'd' } },
    canary: { annotations: { e: 'f' } },
  };
  const rendered = await render(sample({ service, workload: workload(deployment(PODS)) }));
  const ports = [
    { name: 'http-web', port: 80, protocol: 'TCP', targetPort: 'http', appProtocol: 'http2' },
  ];
  const of = (name: string) => objectIn(rendered, '01-canary-up', `service-${name}.yaml`);
  expect(of('shop')).toMatchObject({
    metadata: { name: 'shop', namespace: 'prod', labels: { a: 'b' }, annotations: { c: 'd' } },
    spec: { type: 'ClusterIP', ports, selector: { app: 'shop', 'perch/track': 'primary' } },
  });
  expect(of('shop-primary')).toMatchObject({
    spec: { ports, selector: { app: 'shop', 'perch/track': 'primary' } },
  });
  expect(of('shop-canary')).toMatchObject({
    metadata: { annotations: { e: 'f' } },
    spec: { ports, selector: { app: 'shop', 'perch/track': 'canary' } },
  });
  expect(of('shop-primary').metadata.labels).toEqual({ app: 'shop', 'perch/track': 'primary' });
  expect(of('shop-canary').metadata.labels).toMatchObject({ app: 'shop', 'perch/track': 'canary' });
  expect(rendered.plan.shape).toMatchObject({ apex: 'shop', targetPorts: ['http'] });
});

test('discovered ports, but those of sidecars and the service’s own', async () => {
  const service = { port: 80, targetPort: 8080, portDiscovery: true };
  const rendered = await render(sample({ service, workload: workload(deployment(PODS)) }));
  expect(objectAt(objectIn(rendered, '06-complete', 'service-shop.yaml'), 'spec').ports).toEqual([
    { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 },
    { name: 'metrics', port: 9090, protocol: 'TCP', targetPort: 9090 },
    { name: 'tcp-main-2', port: 53, protocol: 'UDP', targetPort: 53 },
  ]);
  expect(rendered.plan.shape.targetPorts).toEqual([8080, 9090, 53]);
  expect(rendered.plan.shape.ports).toEqual([
    { name: 'http', number: 8080 },
    { name: 'metrics', number: 9090 },
    { number: 53 },
    { number: 15090 },
  ]);
});

describe('ports of a native sidecar are ports of the pods', () => {
  const pods = {
    containers: [{ name: 'main', image: 'a:1', ports: [{ name: 'http', containerPort: 8080 }] }],
    initContainers: [
      {
        name: 'proxy',
        image: 'b:1',
        restartPolicy: 'Always',
        ports: [{ name: 'admin', containerPort: 8443 }],
      },
      { name: 'seed', image: 'c:1', ports: [{ name: 'seed', containerPort: 9999 }] },
    ],
  };
  const of = (service: ServiceProps) => sample({ service, workload: workload(deployment(pods)) });

  test.each(['admin', 8443])('targetPort %s', async (targetPort) => {
    const { plan } = await render(of({ port: 80, targetPort }));
    expect(plan.shape.ports).toEqual([
      { name: 'http', number: 8080 },
      { name: 'admin', number: 8443 },
    ]);
  });

  test('and are discovered', async () => {
    const rendered = await render(of({ port: 80, targetPort: 8080, portDiscovery: true }));
    expect(rendered.plan.shape.targetPorts).toEqual([8080, 8443]);
  });

  test.each(['seed', 9999])('%s of an init container that ends is none', async (targetPort) => {
    expect(await mistakesOf(of({ port: 80, targetPort }))).toHaveLength(1);
  });
});

test('a port name that is none', async () => {
  expect(
    await mistakesOf(sample({ service: { port: 80, targetPort: 8080, portName: 'a b' } })),
  ).toEqual([
    expect.stringContaining(
      '/spec/ports/0/name of Service shop-primary must be a DNS label, got "a b"',
    ),
  ]);
});

test('further ports, with names that meshes read, and discovered ones beside them', async () => {
  const ports = [
    { port: 9000, appProtocol: 'grpc', name: 'grpc', targetPort: 8080 },
    { port: 6379, appProtocol: 'TCP', targetPort: 8080 },
    { port: 81, targetPort: 'metrics' },
  ];
  const service = { port: 80, targetPort: 8080, ports, portDiscovery: true };
  const rendered = await render(sample({ service, workload: workload(deployment(PODS)) }));
  const expected = [
    { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 },
    { name: 'grpc', port: 9000, protocol: 'TCP', targetPort: 8080, appProtocol: 'grpc' },
    { name: 'tcp-6379', port: 6379, protocol: 'TCP', targetPort: 8080, appProtocol: 'TCP' },
    { name: 'http-81', port: 81, protocol: 'TCP', targetPort: 'metrics' },
    { name: 'tcp-main-2', port: 53, protocol: 'UDP', targetPort: 53 },
  ];
  for (const name of ['shop', 'shop-primary', 'shop-canary'])
    expect(
      objectAt(objectIn(rendered, '06-complete', `service-${name}.yaml`), 'spec').ports,
    ).toEqual(expected);
  expect(rendered.plan.shape.targetPorts).toEqual([8080, 'metrics', 53]);
});

test('the first port of a TCP service is named so', async () => {
  const service = { port: 6379, targetPort: 8080, appProtocol: 'tcp' };
  const rendered = await render(sample({ service }));
  const { ports } = objectAt(objectIn(rendered, '06-complete', 'service-shop.yaml'), 'spec');
  expect(ports).toEqual([
    { name: 'tcp', port: 6379, protocol: 'TCP', targetPort: 8080, appProtocol: 'tcp' },
  ]);
});

test('further ports that are none, or that are there already', async () => {
  const wrong = [
    { port: 0, name: 'A' },
    { port: 81, targetPort: 'admin' },
    { port: 80, name: 'http' },
  ];
  expect(
    await mistakesOf(sample({ service: { port: 80, targetPort: 8080, ports: wrong } })),
  ).toEqual(
    expect.arrayContaining([
      expect.stringContaining(
        '/spec/ports/1/port of Service shop-primary must be from 1 to 65535, got 0',
      ),
      expect.stringContaining(
        '/spec/ports/1/name of Service shop-primary must be a DNS label, got "A"',
      ),
      'shop: service.ports[1].targetPort names no port of the pods, got "admin"; containers name http; use one of them',
      expect.stringContaining(
        '/spec/ports/3 of Service shop-primary has the same name as another, got "http"',
      ),
      expect.stringContaining(
        '/spec/ports/3 of Service shop-primary has the same port and protocol as another, got "80/TCP"',
      ),
    ]),
  );
});

describe('a numeric targetPort that no container has', () => {
  test.each<[ServiceProps, string]>([
    [{ port: 80, targetPort: 8081 }, 'service.targetPort'],
    [{ port: 80 }, 'service.targetPort'],
    [{ port: 80, targetPort: 8080, ports: [{ port: 81 }] }, 'service.ports[0].targetPort'],
  ])('%j', async (service, field) => {
    expect(await mistakesOf(sample({ service }))).toEqual([
      expect.stringMatching(
        new RegExp(
          `^shop: ${field.replace(/[[\]]/g, '\\$&')} is a port that no container has, got \\d+; use one of 8080$`,
        ),
      ),
    ]);
  });

  test('cannot be told where the containers declare none', async () => {
    const containers = [{ name: 'main', image: 'shop:1' }];
    const it = sample({ service: { port: 80 }, workload: workload(deployment({ containers })) });
    expect(await mistakesOf(it)).toEqual([]);
  });
});

describe('what leads to the Services', () => {
  const of = async (service: Partial<ServiceProps>) => {
    const rendered = await render(sample({ service: { port: 80, targetPort: 8080, ...service } }));
    const spec = (name: string) =>
      objectAt(objectIn(rendered, '01-canary-up', `service-${name}.yaml`), 'spec');
    return { apex: spec('shop'), canary: spec('shop-canary'), rendered };
  };

  test('a load balancer leads to the apex Service alone', async () => {
    const { apex, canary, rendered } = await of({
      type: 'LoadBalancer',
      nodePort: 30080,
      externalTrafficPolicy: 'Local',
      loadBalancer: {
        loadBalancerClass: 'example.com/internal',
        loadBalancerSourceRanges: ['10.0.0.0/8'],
        healthCheckNodePort: 30081,
      },
    });
    expect(apex).toMatchObject({
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      loadBalancerClass: 'example.com/internal',
      loadBalancerSourceRanges: ['10.0.0.0/8'],
      healthCheckNodePort: 30081,
      ports: [{ port: 80, nodePort: 30080 }],
    });
    expect(canary.type).toBe('ClusterIP');
    expect(canary.ports).toEqual([{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }]);
    expect(rendered.plan.shape.apexType).toBe('LoadBalancer');
  });

  test('what is about pods is the same on all three', async () => {
    const { apex, canary } = await of({
      headless: true,
      sessionAffinity: { timeout: Duration.minutes(10) },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'PreferDualStack',
      publishNotReadyAddresses: true,
    });
    const expected = {
      clusterIP: 'None',
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'PreferDualStack',
      publishNotReadyAddresses: true,
    };
    expect(apex).toMatchObject(expected);
    expect(canary).toMatchObject(expected);
  });

  test('a preview Service keeps the name that people know', async () => {
    const service = { port: 80, targetPort: 8080, canary: { name: 'shop-preview' } };
    const rendered = await render(sample({ service }));
    const route = objectIn(rendered, '02-weight-25', 'virtualservice-shop.yaml');
    expect(JSON.stringify(route)).toContain('"host":"shop-preview"');
    expect(objectIn(rendered, '01-canary-up', 'service-shop-preview.yaml').metadata.labels).toEqual(
      {
        app: 'shop',
        'perch/track': 'canary',
      },
    );
    // Checks ask for the workload, whose name stays.
    expect(JSON.stringify(rendered.plan.checks)).toContain('shop-canary');
  });

  test('metadata of the apex Service is that of the routing object that Perch writes', async () => {
    const apex = { labels: { team: 'web' }, annotations: { 'external-dns/hostname': 'a.example' } };
    const rendered = await render(sample({ service: { port: 80, targetPort: 8080, apex } }));
    const { metadata } = objectIn(rendered, '02-weight-25', 'virtualservice-shop.yaml');
    expect(metadata.labels).toEqual(apex.labels);
    expect(metadata.annotations).toMatchObject(apex.annotations);
  });

  test.each<[string, Partial<ServiceProps>, string]>([
    ['a load balancer without one', { loadBalancer: {} }, 'service.loadBalancer has no effect'],
    [
      'a policy for nobody',
      { externalTrafficPolicy: 'Local' },
      '/spec/externalTrafficPolicy of Service shop may only be given with type',
    ],
    [
      'a node port without one',
      { nodePort: 30000 },
      '/spec/ports of Service shop must have no nodePort with type ClusterIP',
    ],
    [
      'headless and balanced',
      { headless: true, type: 'LoadBalancer' },
      '/spec/clusterIP of Service shop must not be None with type',
    ],
    ['one name twice', { canary: { name: 'shop' } }, 'two Services of the release have one name'],
    ['a name that is none', { canary: { name: '9-a' } }, 'service.canary.name must begin with'],
  ])('%s is a mistake', async (_, service, expected) => {
    const found = await mistakesOf(sample({ service: { port: 80, targetPort: 8080, ...service } }));
    expect(found).toContainEqual(expect.stringContaining(`shop: ${expected}`));
  });
});
