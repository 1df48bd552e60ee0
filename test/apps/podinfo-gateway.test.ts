import { expect, test } from 'vitest';
import { podinfo } from '../../apps/podinfo.ts';
import { podinfoGateway } from '../../apps/podinfo-gateway.ts';
import { Testing } from '../../lib/index.ts';

const IMAGE = { image: 'stefanprodan/podinfo:3.1.1' };
const rendered = await Testing.render(podinfoGateway(Testing.apps(), IMAGE));

test('podinfo behind a gateway that reads the Gateway API', () => {
  const { plan } = rendered;
  expect(plan).toMatchObject({
    release: 'podinfo-gateway',
    name: 'podinfo',
    namespace: 'edge',
    images: ['stefanprodan/podinfo:3.1.1'],
    shape: { apex: 'podinfo', routes: ['HTTPRoute/podinfo'] },
  });
  expect(plan.steps.map((it) => `${it.name} ${it.weights.canary} ${it.bakeSeconds}`)).toEqual([
    '00-init 0 0',
    '01-canary-up 0 0',
    '02-weight-5 5 60',
    '03-weight-20 20 60',
    '04-weight-50 50 60',
    '05-promote 50 0',
    '06-weight-0 0 0',
    '07-complete 0 0',
  ]);
  expect(plan.checks.map(({ name, min, max }) => ({ name, min, max }))).toEqual([
    { name: 'success-rate', min: 99, max: undefined },
    { name: 'latency-p99', min: undefined, max: 500 },
  ]);
  for (const { query } of plan.checks)
    expect(query).toContain('envoy_cluster_name="edge_podinfo-canary_9898"');
});

test('only the route differs from podinfo in the mesh', async () => {
  const mesh = await Testing.render(podinfo(Testing.apps(), IMAGE));
  expect(rendered.plan.candidate).toBe(mesh.plan.candidate);
  const kinds = (it: typeof mesh) =>
    Object.values(it.plan.files)
      .filter((file) => file.role !== 'routing')
      .map(({ kind, name }) => `${kind}/${name}`)
      .sort();
  expect(kinds(rendered)).toEqual(kinds(mesh));
  const routing = Object.values(rendered.plan.files).filter((file) => file.role === 'routing');
  expect(routing.map(({ kind, name }) => `${kind}/${name}`)).toEqual(['HTTPRoute/podinfo']);
});
