import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nginx } from '../../apps/nginx.ts';
import { perch } from '../../apps/perch.ts';
import { podinfo } from '../../apps/podinfo.ts';
import { fromProject } from '../../lib/files.ts';
import { Apps } from '../../lib/index.ts';
import { objectAt } from '../../lib/manifest/json.ts';

async function objects() {
  const apps = new Apps();
  nginx(apps);
  podinfo(apps);
  perch(apps);
  return (await apps.render()).manifests.flatMap((it) => it.objects);
}

test('a Kustomization and Roles for each release, and the analyzer', async () => {
  const made = await objects();
  const names = (kind: string) => made.filter((it) => it.kind === kind).map((it) => it.metadata);
  expect(names('Kustomization').map((it) => it.name)).toEqual(['nginx', 'podinfo']);
  expect(names('Role').map((it) => `${it.namespace}/${it.name}`)).toEqual([
    'test/perch',
    'web/perch',
    'flux-system/perch-sync',
    'test/perch-events',
    'web/perch-events',
  ]);
  expect(names('CronJob')).toEqual([{ name: 'perch', namespace: 'perch' }]);
});

test('the markers in images.yaml name the policies that there are, with the images that they follow', async () => {
  const made = await objects();
  const lines = readFileSync(fromProject('apps/images.yaml'), 'utf8').split('\n');
  const marked = lines.flatMap((it) => {
    const match = /^[\w-]+: (\S+):\S+ # \{"\$imagepolicy": "([^":]+):([^":]+)"\}$/.exec(it);
    return match === null ? [] : [match.slice(1)];
  });
  const followed = made
    .filter((it) => it.kind === 'ImageRepository')
    .map((it) => [objectAt(it, 'spec').image, it.metadata.namespace, it.metadata.name]);
  expect(marked.sort()).toEqual(followed.sort());
  expect(marked.length).toBe(2);
});
