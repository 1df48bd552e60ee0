import type { Construct } from 'constructs';
import {
  Atomic,
  canary,
  confirmPromotion,
  Duration,
  event,
  images,
  istio,
  Release,
  rollback,
  successRate,
} from '../lib/index.ts';
import { podinfoWorkload } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** Two releases that only work together: each step of both is one commit, by day, and somebody confirms the end. */
export function checkout(scope: Construct, overrides: { readonly image?: string } = {}): Atomic {
  const podinfo = overrides.image ?? image('podinfo');
  return new Atomic(scope, 'checkout', [
    member(scope, 'cart', podinfo),
    member(scope, 'payment', podinfo),
  ]);
}

const gates = 'http://gates.gates:8080';

function member(scope: Construct, id: string, podinfo: string): Release {
  return new Release(scope, id, {
    namespace: id,
    workload: (workload) => podinfoWorkload(workload, podinfo),
    service: { port: 9898, targetPort: 'http' },
    traffic: istio(),
    strategy: canary({ stepWeights: [10, 50] }),
    analysis: { bakeTime: Duration.minutes(5), checks: [successRate({ min: 99 })] },
    hours: [{ from: '09:00', to: '17:00', timeZone: 'Europe/Berlin' }],
    rollbackWindow: 2,
    hooks: [
      confirmPromotion({ name: 'confirm', url: `${gates}/gate/check`, key: 'gates' }),
      rollback({ name: 'take-back', url: `${gates}/rollback/check`, key: 'gates' }),
      event({ name: 'chat', url: `${gates}/event` }),
    ],
  });
}
