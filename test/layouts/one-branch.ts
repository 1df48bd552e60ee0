import type { Construct } from 'constructs';
import { Analyzer, argoCd, Manifests } from '../../lib/index.ts';

/** Everything on one branch: apps/, dist/, rollouts/ and live/, applied by Argo CD. */
export function perch(scope: Construct): Manifests {
  const releases = { url: 'https://git.example.com/team/releases.git' };
  return new Manifests(scope, 'perch', (folder, plans) => {
    const sync = argoCd(folder, { plans, run: releases });
    new Analyzer(folder, 'analyzer', {
      plans,
      sync,
      image: 'example/perch:0.1.0',
      run: releases,
      git: { credentials: { secret: 'perch-git', key: 'credentials' } },
      metrics: { url: 'http://prometheus.monitoring:9090' },
      nudge: {
        urls: ['https://argocd.example.com/api/webhook'],
        secret: { secret: 'perch-nudge', key: 'token' },
      },
    });
  });
}
