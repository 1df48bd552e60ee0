import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { istio } from '../../../lib/index.ts';
import { objectAt } from '../../../lib/json.ts';
import { render } from '../../../lib/render.ts';
import {
  deployment,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

describe('the author’s own VirtualService', () => {
  const own = (http: unknown): SampleObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'edge', annotations: { note: 'mine' } },
    spec: { hosts: ['a.example'], gateways: ['gw'], http },
  });
  const other = {
    name: 'other',
    match: [{ uri: { prefix: '/old' } }],
    route: [{ destination: { host: 'old' }, weight: 100 }],
  };
  const both = {
    name: 'both',
    route: [
      {
        destination: { host: 'shop-primary' },
        weight: 100,
        headers: { request: { set: { a: 'b' } } },
      },
      { destination: { host: 'shop-canary.prod.svc.cluster.local' } },
    ],
  };
  /** The author sends testers to the canary, whatever its weight is. */
  const testers = {
    name: 'testers',
    match: [{ headers: { 'x-tester': { exact: 'yes' } } }],
    route: [{ destination: { host: 'shop-canary' }, weight: 100 }],
  };
  const release = (...http: unknown[]) =>
    sample({
      traffic: istio({ virtualService: 'edge' }),
      workload: workload(deployment(), own(http)),
    });

  test('only the weights of routes that name both tracks are ours', async () => {
    const rendered = await render(release(other, testers, both));
    const at = (step: string) =>
      objectAt(objectIn(rendered, step, 'virtualservice-edge.yaml'), 'spec');
    expect(at('02-weight-25')).toEqual({
      hosts: ['a.example'],
      gateways: ['gw'],
      http: [
        other,
        testers,
        {
          ...both,
          route: [
            { ...both.route[0], weight: 75 },
            { ...both.route[1], weight: 25 },
          ],
        },
      ],
    });
    expect(rendered.plan.shape.routes).toEqual(['VirtualService/edge']);
    expect(rendered.plan.files['virtualservice-edge.yaml']).toMatchObject({
      role: 'routing',
      pointers: ['/spec/http'],
    });
    expect(Object.keys(rendered.plan.files)).not.toContain('virtualservice-shop.yaml');
    expect(
      objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml').metadata.annotations,
    ).toMatchObject({ note: 'mine' });
  });

  test('subsets of the apex host are tracks too', async () => {
    const subset = (name: string) => ({ destination: { host: 'shop.prod', subset: name } });
    const rendered = await render(release({ route: [subset('canary'), subset('primary')] }));
    expect(
      objectAt(objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml'), 'spec').http,
    ).toEqual([
      {
        route: [
          { ...subset('canary'), weight: 25 },
          { ...subset('primary'), weight: 75 },
        ],
      },
    ]);
  });

  test('mistakes', async () => {
    expect(await mistakesOf(release(other))).toEqual([
      expect.stringMatching(
        /^shop: no http route of VirtualService edge names both tracks, got \[.*; give one route the destinations shop-primary and shop-canary$/,
      ),
    ]);
    expect(
      await mistakesOf(release({ route: [...both.route, { destination: { host: 'old' } }] })),
    ).toEqual([expect.stringContaining('names more than the two tracks')]);
    expect(
      await mistakesOf(
        sample({
          traffic: istio({ virtualService: 'edge', hosts: ['a'], timeout: Duration.seconds(1) }),
        }),
      ),
    ).toEqual([
      expect.stringContaining(
        'traffic.hosts has no effect beside traffic.virtualService, got ["a"]',
      ),
      expect.stringContaining(
        'traffic.timeout has no effect beside traffic.virtualService, got "1s"',
      ),
      'shop: traffic.virtualService names no VirtualService, got "edge"; make one of this name in workload (it makes none)',
    ]);
  });
});
