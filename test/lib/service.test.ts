import { expect, test } from 'vitest';
import { render } from '../../lib/index.ts';
import { objectAt } from '../../lib/json.ts';
import { deployment, mistakesOf, objectIn, sample, workload } from './sample.ts';

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
    spec: { type: 'ClusterIP', ports, selector: { app: 'shop-primary' } },
  });
  expect(of('shop-primary')).toMatchObject({ spec: { ports, selector: { app: 'shop-primary' } } });
  expect(of('shop-canary')).toMatchObject({
    metadata: { annotations: { e: 'f' } },
    spec: { ports, selector: { app: 'shop-canary' } },
  });
  expect(of('shop-primary').metadata).not.toHaveProperty('labels');
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

test('a port name that is none', async () => {
  expect(
    await mistakesOf(sample({ service: { port: 80, targetPort: 8080, portName: 'a b' } })),
  ).toEqual([expect.stringContaining('service.portName must be a DNS label, got "a b"')]);
});
