import { expect, test } from 'vitest';
import { nginx } from '../../apps/nginx.ts';
import { Testing } from '../../lib/index.ts';
import { objectIn } from '../lib/sample.ts';

test('Istio’s tutorial as a release: a public gateway, one host, two subsets, 90/10, then all traffic', async () => {
  const rendered = await Testing.render(nginx(Testing.apps(), { image: 'nginx:1.29.3' }));
  expect(rendered.plan.steps.map((it) => [it.name, it.weights.primary, it.weights.canary])).toEqual(
    [
      ['00-init', 100, 0],
      ['01-canary-up', 100, 0],
      ['02-weight-10', 90, 10],
      ['03-weight-100', 0, 100],
      ['04-promote', 0, 100],
      ['05-weight-0', 100, 0],
      ['06-complete', 100, 0],
    ],
  );
  expect(objectIn(rendered, '01-canary-up', 'gateway-nginx.yaml').spec).toEqual({
    selector: { istio: 'ingressgateway' },
    servers: [
      { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['nginx.example.com'] },
    ],
  });
  expect(objectIn(rendered, '01-canary-up', 'destinationrule-nginx.yaml').spec).toEqual({
    host: 'nginx',
    subsets: [
      { name: 'primary', labels: { 'perch/release': 'nginx', 'perch/track': 'primary' } },
      { name: 'canary', labels: { 'perch/release': 'nginx', 'perch/track': 'canary' } },
    ],
  });
  expect(objectIn(rendered, '02-weight-10', 'virtualservice-nginx.yaml').spec).toEqual({
    gateways: ['nginx'],
    hosts: ['nginx.example.com', 'nginx'],
    http: [
      {
        route: [
          { destination: { host: 'nginx', subset: 'primary', port: { number: 80 } }, weight: 90 },
          { destination: { host: 'nginx', subset: 'canary', port: { number: 80 } }, weight: 10 },
        ],
      },
    ],
  });
});
