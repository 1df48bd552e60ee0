import type { Construct } from 'constructs';
import { Analyzer, flux, Manifests } from '../../lib/index.ts';

/** A protected source repository, which the analyzer can only read, and a run repository of its own. */
export function perch(scope: Construct): Manifests {
  const source = { url: 'https://git.example.com/team/releases.git' };
  const run = { url: 'https://git.example.com/team/live.git', branch: 'live' };
  return new Manifests(scope, 'perch', (folder, plans) => {
    const sync = flux(folder, {
      plans,
      run,
      secret: 'live-read',
      receiverSecret: 'perch-receiver',
    });
    new Analyzer(folder, 'analyzer', {
      plans,
      sync,
      image: 'example/perch:0.1.0',
      mode: { kind: 'watch' },
      source,
      run,
      git: {
        credentials: { secret: 'perch-git', key: 'credentials' },
        signingKey: { secret: 'perch-signing', key: 'key' },
      },
      allowedSigners: { configMap: 'perch-signers', key: 'allowed_signers' },
      metrics: { url: 'http://prometheus.monitoring:9090' },
      monitoring: {},
    });
  });
}
