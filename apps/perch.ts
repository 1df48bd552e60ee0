import type { Construct } from 'constructs';
import { Analyzer, flux, fluxImages, images, Manifests } from '../lib/index.ts';

const image = images(new URL('images.yaml', import.meta.url));

const repository = { url: 'https://git.example.com/team/releases.git' };

/**
 * Perch itself, for the releases of this folder: the analyzer as a CronJob, Flux's objects, and the automation that
 * keeps images.yaml. docs/install.md says which Secrets to make by hand.
 */
export function perch(scope: Construct): Manifests {
  return new Manifests(scope, 'perch', (folder, plans) => {
    const sync = flux(folder, {
      plans,
      run: repository,
      secret: 'releases-read',
      receiverSecret: 'perch-receiver',
    });
    new Analyzer(folder, 'analyzer', {
      plans,
      sync,
      image: image('perch'),
      run: repository,
      git: { credentials: { secret: 'perch-git', key: 'credentials' } },
      metrics: { url: 'http://prometheus.monitoring:9090' },
      events: true,
      pushGateway: 'http://pushgateway.monitoring:9091',
      monitoring: { labels: { release: 'prometheus' } },
    });
    fluxImages(folder, {
      images: {
        nginx: { image: 'nginx', choose: { kind: 'semver', range: '1.29.x' } },
        podinfo: { image: 'stefanprodan/podinfo', choose: { kind: 'semver', range: '3.x' } },
      },
      source: repository,
      secret: 'releases-write',
      pushBranch: 'images',
      author: { name: 'Image automation', email: 'images@example.com' },
    });
  });
}
