import type { Construct } from 'constructs';
import { blueGreen, Duration, images, kubernetes, Release } from '../lib/index.ts';
import { countedByPods, type PodinfoOverrides, podinfoWorkload } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** Blue/green without a mesh or a gateway: a small preview, a person, then all requests at once. */
export function blueGreenApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'blue-green', {
    name: 'podinfo',
    namespace: 'blue-green',
    workload: (workload) => podinfoWorkload(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: kubernetes(),
    strategy: blueGreen({
      // Nobody asks the preview by itself: people look at it.
      iterations: 0,
      previewReplicas: 1,
      autoPromotion: false,
      drainTime: Duration.seconds(30),
    }),
    analysis: { bakeTime: Duration.minutes(2), checks: [countedByPods({ min: 99 })] },
  });
}
