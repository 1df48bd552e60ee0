import { readFileSync } from 'node:fs';
import type { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { fromProject } from '../../lib/files.ts';
import type { Manifests } from '../../lib/index.ts';
import { listAt, type Manifest, objectAt } from '../../lib/manifest/json.ts';
import { nameOf, twoReleases } from '../lib/folder.ts';
import { perch as oneBranch } from './one-branch.ts';
import { perch as ownRunRepository } from './own-run-repository.ts';

async function render(layout: (scope: Construct) => Manifests) {
  const apps = twoReleases();
  layout(apps);
  const { manifests } = await apps.render();
  return new Map(manifests.flatMap((it) => it.objects.map((one) => [nameOf(one), one])));
}

function argumentsIn(workload: Manifest | undefined): readonly string[] {
  const spec = objectAt(workload, 'spec');
  const job = objectAt(spec, 'jobTemplate', 'spec');
  const pod = objectAt(workload?.kind === 'CronJob' ? job : spec, 'template', 'spec');
  const args = listAt(pod, 'containers')[0]?.args;
  return Array.isArray(args) ? args.map(String) : [];
}

const GIT = 'https://git.example.com/team';

describe('everything on one branch, with Argo CD', () => {
  test('what is pushed to is what is applied, and the analyzer asks the Applications', async () => {
    const objects = await render(oneBranch);
    const args = argumentsIn(objects.get('CronJob perch/perch'));
    expect(args).toContain(`--repo=${GIT}/releases.git`);
    expect(args).toContain('--sync=argo-cd:argocd/{release}');
    expect(args.filter((it) => /branch|source/.test(it))).toEqual([]);
    for (const release of ['shop', 'site'])
      expect(objects.get(`Application argocd/${release}`)?.spec).toMatchObject({
        source: { repoURL: `${GIT}/releases.git`, targetRevision: 'main', path: `live/${release}` },
      });
    expect(objects.get('Role argocd/perch-sync')?.rules).toEqual([
      { apiGroups: ['argoproj.io'], resources: ['applications'], verbs: ['get'] },
    ]);
    expect(JSON.stringify([...objects.values()])).not.toContain('ignoreDifferences');
  });
});

describe('a protected source repository and an own run repository, with Flux', () => {
  test('the source is read, the run repository is pushed to and applied', async () => {
    const objects = await render(ownRunRepository);
    const args = argumentsIn(objects.get('Deployment perch/perch'));
    expect(args).toEqual(
      expect.arrayContaining([
        `--repo=${GIT}/live.git`,
        '--branch=live',
        `--source-repo=${GIT}/releases.git`,
        '--source-branch=main',
        '--allowed-signers=/etc/perch/allowed-signers/allowed_signers',
      ]),
    );
    expect(objects.get('GitRepository flux-system/perch')?.spec).toMatchObject({
      url: `${GIT}/live.git`,
      ref: { branch: 'live' },
    });
    // Nothing in the cluster follows the source repository.
    const others = [...objects.values()].filter((it) => it.kind !== 'Deployment');
    expect(JSON.stringify(others)).not.toContain('releases.git');
  });
});

test.each(['one-branch', 'own-run-repository'])('docs/install.md shows %s as it is', (name) => {
  const text = readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8');
  const page = readFileSync(fromProject('docs/install.md'), 'utf8');
  const block = `\`\`\`ts\n${text.replace('../../lib/', '../lib/')}\`\`\`\n`;
  expect(page.includes(block), 'copy the file into its block').toBe(true);
});
