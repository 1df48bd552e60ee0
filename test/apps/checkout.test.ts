import { expect, test } from 'vitest';
import { checkout } from '../../apps/checkout.ts';
import { Apps } from '../../lib/index.ts';
import { tableOf } from './table.ts';

async function rendered(image: string) {
  const apps = new Apps();
  checkout(apps, { image });
  const { releases } = await apps.render();
  return releases;
}

const releases = await rendered('stefanprodan/podinfo:3.1.1');

test('both have the same steps, and a gate before the promotion', () => {
  expect(releases.map((it) => it.id)).toEqual(['cart', 'payment']);
  const [cart, payment] = releases.map(tableOf);
  expect(cart).toEqual([
    '01-canary-up | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment cart-canary, DestinationRule cart-canary and 6 more | – | live; canary and primary ready',
    '02-weight-10 | 90 / 10 | VirtualService cart | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '03-weight-50 | 50 / 50 | VirtualService cart | 5 min | live; canary and primary ready; 5 passing points of success-rate; hook confirm open',
    '04-promote | 50 / 50 | Deployment cart-primary, HorizontalPodAutoscaler podinfo-primary, VirtualService cart | – | live; primary and canary ready; guarded by success-rate',
    '05-weight-0 | 100 / 0 | VirtualService cart | – | live; primary ready',
  ]);
  expect(payment).toEqual(cart?.map((it) => it.replaceAll('cart', 'payment')));
});

test('they are one group, whose candidate changes with any member', async () => {
  const [group, other] = releases.map((it) => it.plan.group);
  expect(group).toEqual({
    name: 'checkout',
    members: ['cart', 'payment'],
    candidate: expect.stringMatching(/^[0-9a-f]{10}$/),
  });
  expect(other).toEqual(group);
  const [next] = await rendered('stefanprodan/podinfo:3.1.0');
  expect(next?.plan.group?.candidate).not.toBe(group?.candidate);
});

test('hooks and hours are in the plan, and no secret', () => {
  const plan = releases[0]?.plan;
  expect(plan?.hours).toEqual([
    {
      days: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'],
      fromMinute: 540,
      toMinute: 1020,
      timeZone: 'Europe/Berlin',
    },
  ]);
  expect(plan?.hooks?.map((it) => [it.name, it.type, it.key])).toEqual([
    ['confirm', 'confirm-promotion', 'gates'],
    ['take-back', 'rollback', 'gates'],
    ['chat', 'event', undefined],
  ]);
  expect(plan?.steps.slice(1, -1).map((it) => it.hooks)).toEqual(Array(5).fill(['take-back']));
});
