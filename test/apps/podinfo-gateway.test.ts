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
  expect(
    plan.steps.map(
      (it) =>
        `${it.name} ${it.weights.canary} ${it.stay.kind} ${it.stay.kind === 'guard' ? it.stay.points : it.stay.seconds}`,
    ),
  ).toEqual([
    '00-init 0 wait 0',
    '01-canary-up 0 wait 0',
    '02-weight-5 5 bake 60',
    '03-weight-20 20 bake 60',
    '04-weight-50 50 bake 60',
    '05-promote 50 guard 1',
    '06-weight-0 0 wait 0',
    '07-complete 0 wait 0',
  ]);
  expect(plan.checks.map(({ name, judge }) => ({ name, judge }))).toEqual([
    { name: 'success-rate', judge: { kind: 'bounds', min: 99 } },
    { name: 'latency-p99', judge: { kind: 'bounds', max: 500 } },
  ]);
  for (const { ask } of plan.checks)
    expect(ask.canary).toContain('envoy_cluster_name="edge_podinfo-canary_9898"');
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
