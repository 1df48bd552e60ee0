import { ApiObject } from 'cdk8s';
import { ConfigMap, Deployment, EnvValue, NetworkPolicy, Topology } from 'cdk8s-plus-25';
import type { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { render } from '../../../lib/index.ts';
import { listAt, objectAt } from '../../../lib/manifest/json.ts';
import { ADDRESS_LABEL } from '../../../lib/manifest/manifest.ts';
import { runWorkload } from '../../../lib/workload/workload.ts';
import { mistakesOf, objectIn, sample } from '../sample.ts';

const RELEASE = { path: 'shop', name: 'shop', namespace: 'prod' };

function plus(scope: Construct, id = 'app'): Deployment {
  const app = new Deployment(scope, id);
  app.addContainer({ image: 'shop:1', portNumber: 8080 });
  return app;
}

test('the factory is called once, and its objects get the namespace and the release’s name', () => {
  let calls = 0;
  const { objects, mistakes } = runWorkload(RELEASE, (scope) => {
    calls += 1;
    plus(scope);
    new ConfigMap(scope, 'config', { data: { a: 'b' } });
  });
  expect([calls, mistakes]).toEqual([1, []]);
  expect(
    objects.map(({ path, object }) => [
      path,
      object.kind,
      object.metadata.name,
      object.metadata.namespace,
    ]),
  ).toEqual([
    ['shop/app/Resource', 'Deployment', 'shop', 'prod'],
    ['shop/config/Resource', 'ConfigMap', 'shop', 'prod'],
  ]);
});

test('validations of constructs are mistakes with their path', () => {
  const { mistakes } = runWorkload(RELEASE, (scope) => {
    const object = new ApiObject(scope, 'one', { apiVersion: 'v1', kind: 'ConfigMap' });
    object.node.addValidation({ validate: () => ['is not what it should be'] });
  });
  expect(mistakes).toEqual([
    expect.objectContaining({ path: 'shop/one', problem: 'is not what it should be' }),
  ]);
});

describe('the label that cdk8s-plus derives from a construct’s path', () => {
  test('is never written, and what selects by it selects the pods of the release', async () => {
    const workload = (scope: Construct) => {
      const app = plus(scope);
      app.scheduling.spread({ topology: Topology.HOSTNAME });
      app.scheduling.separate(app, { topology: Topology.ZONE });
      new NetworkPolicy(scope, 'policy', { selector: app, metadata: { name: 'policy' } });
    };
    const rendered = await render(sample({ workload }));
    for (const [path, it] of rendered.files) expect(String(it), path).not.toContain(ADDRESS_LABEL);
    const object = objectIn(rendered, '01-canary-up', 'deployment-shop-canary.yaml');
    expect(objectAt(object, 'spec', 'selector').matchLabels).toEqual({
      'perch/release': 'shop',
      'perch/track': 'canary',
    });
    const template = objectAt(object, 'spec', 'template');
    expect(objectAt(template, 'metadata').labels).toEqual({
      'perch/release': 'shop',
      'perch/track': 'canary',
    });
    const terms = listAt(
      template,
      'spec',
      'affinity',
      'podAntiAffinity',
      'requiredDuringSchedulingIgnoredDuringExecution',
    );
    expect(terms.map((it) => objectAt(it, 'labelSelector').matchLabels)).toEqual([
      { 'perch/release': 'shop' },
      { 'perch/release': 'shop' },
    ]);
    expect(
      objectAt(objectIn(rendered, '01-canary-up', 'networkpolicy-policy.yaml'), 'spec').podSelector,
    ).toEqual({ matchLabels: { 'perch/release': 'shop' } });
  });

  test('does not reach the candidate: another construct path is the same version', async () => {
    const one = await render(sample({ workload: (scope) => void plus(scope, 'one') }));
    const other = await render(sample({ workload: (scope) => void plus(scope, 'other') }));
    expect(other.plan.candidate).toBe(one.plan.candidate);
    expect([...other.files]).toEqual([...one.files]);
  });

  test('in a Service it means both tracks, as any label of the author’s', async () => {
    const release = sample({
      workload: (scope) => void plus(scope).exposeViaService({ name: 'admin' }),
    });
    expect(await mistakesOf(release)).toEqual([
      expect.stringContaining('Service admin selects the pods of both tracks'),
    ]);
  });

  test('elsewhere it is refused', async () => {
    const workload = (scope: Construct) => {
      plus(scope);
      const spec = { selector: { matchLabels: { [ADDRESS_LABEL]: 'x' } } };
      new ApiObject(scope, 'monitor', {
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'PodMonitor',
        spec,
      });
    };
    expect(await mistakesOf(sample({ workload }))).toEqual([
      `shop/monitor: PodMonitor shop selects by the label ${ADDRESS_LABEL}, which is never written, got "x"; select by a label of your own`,
    ]);
  });
});

test('lazy values of cdk8s-plus are read when everything is made', async () => {
  const workload = (scope: Construct) => {
    const app = plus(scope);
    app.containers[0]?.env.addVariable('LATE', EnvValue.fromValue('yes'));
  };
  const rendered = await render(sample({ workload }));
  const [container] = listAt(
    objectIn(rendered, '04-promote', 'deployment-shop-primary.yaml'),
    'spec',
    'template',
    'spec',
    'containers',
  );
  expect(container?.env).toEqual([{ name: 'LATE', value: 'yes' }]);
});
