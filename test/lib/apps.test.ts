import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Construct } from 'constructs';
import { describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { nginx } from '../../apps/nginx.ts';
import { perch } from '../../apps/perch.ts';
import { podinfo } from '../../apps/podinfo.ts';
import { podinfoGateway } from '../../apps/podinfo-gateway.ts';
import { strategies } from '../../apps/strategies.ts';
import { workloads } from '../../apps/workloads.ts';
import { filesBelow, fromProject } from '../../lib/files.ts';
import {
  Apps,
  canary,
  istio,
  MistakesError,
  Release,
  renderAll,
  Testing,
} from '../../lib/index.ts';
import { hashOf } from '../../lib/manifest/json.ts';
import { isManifest } from '../../lib/manifest/manifest.ts';
import { parsePlan } from '../../lib/plan/parse.ts';
import { validate } from '../../lib/validation/validate.ts';
import { temporaryFolder } from '../cleanups.ts';
import { deploymentOf, workload } from './sample.ts';

const DIST = fromProject('dist/examples');

function release(scope: Construct, id: string, stepWeight = 50): Release {
  return new Release(scope, id, {
    namespace: 'prod',
    workload: workload(deploymentOf(id)),
    service: { port: 80, targetPort: 8080 },
    traffic: istio(),
    strategy: canary({ stepWeight }),
    analysis: { checks: [] },
  });
}

function bytesBelow(folder: string): Map<string, string> {
  return new Map(
    [...filesBelow(folder)].sort().map((it) => [it, readFileSync(join(folder, it), 'latin1')]),
  );
}

describe('dist/', () => {
  test('is what apps/ say now; if not, run `npm run synth` and commit', async () => {
    const apps = new Apps();
    nginx(apps);
    podinfo(apps);
    podinfoGateway(apps);
    strategies(apps);
    workloads(apps);
    perch(apps);
    const { releases, manifests } = await apps.render();
    const expected = new Map(
      [...releases, ...manifests].flatMap(({ id, files }) =>
        [...files].map(([path, it]) => [`${id}/${path}`, Buffer.from(it).toString('latin1')]),
      ),
    );
    expect(Object.fromEntries(bytesBelow(DIST))).toEqual(Object.fromEntries(expected));
  });

  test('holds only what the pinned API versions accept, and plans that the analyzer reads', async () => {
    for (const [path, text] of bytesBelow(DIST)) {
      if (path.endsWith('plan.yaml')) parsePlan(text, path);
      if (!/\/steps\/|^perch\/.*\//.test(path)) continue;
      const object: unknown = parse(text, { version: '1.1' });
      if (!isManifest(object)) throw new Error(`${path} is no object`);
      expect(await validate([{ path, object }])).toEqual([]);
    }
  });
});

describe('synth', () => {
  async function synth(apps: Apps, folder: string): Promise<void> {
    const before = process.env.CDK8S_OUTDIR;
    process.env.CDK8S_OUTDIR = folder;
    try {
      await apps.synth();
    } finally {
      if (before === undefined) delete process.env.CDK8S_OUTDIR;
      else process.env.CDK8S_OUTDIR = before;
    }
  }

  test('a release that disappears from apps disappears from the folder', async () => {
    const folder = temporaryFolder();
    const both = new Apps();
    release(both, 'one');
    release(both, 'two');
    await synth(both, folder);
    const one = new Apps();
    release(one, 'one');
    await synth(one, folder);
    expect(new Set(filesBelow(folder).map((it) => it.split('/')[0]))).toEqual(new Set(['one']));
  });

  test('one mistake anywhere, and nothing is written; all of them are told', async () => {
    const folder = temporaryFolder();
    const apps = new Apps();
    release(apps, 'right');
    release(apps, 'wrong', 0);
    release(new Construct(apps, 'team'), 'also-wrong', 101);
    const said = vi.spyOn(console, 'error').mockReturnValue();
    await synth(apps, folder);
    expect(process.exitCode).toBe(1);
    process.exitCode = undefined;
    const here = 'test/lib/apps.test.ts';
    expect(said.mock.calls.flat().join('').replace(/:\d+:/g, ':')).toBe(
      '2 mistakes, nothing was written:\n\n' +
        `also-wrong\n  ${here}: team/also-wrong: strategy.stepWeight must be a percent, got 101; use 0.0001 to 100\n\n` +
        `wrong\n  ${here}: strategy.stepWeight must be a percent, got 0; use 0.0001 to 100`,
    );
    expect(filesBelow(folder)).toEqual([]);
  });

  test('a warning is printed, and everything is written', async () => {
    const folder = temporaryFolder();
    const apps = new Apps();
    release(apps, 'shop');
    const said = vi.spyOn(console, 'error').mockClear().mockReturnValue();
    await synth(apps, folder);
    expect(process.exitCode).toBeUndefined();
    expect(said.mock.calls.flat().join('').replace(/:\d+:/g, ':')).toBe(
      '1 warning, --strict refuses them:\n\n' +
        'shop\n  test/lib/apps.test.ts: shop/object-0: no container of Deployment shop has a readiness probe: pods count as ready as soon as they run; give the container that serves a readinessProbe',
    );
    expect(filesBelow(folder)).toContain('shop/PLAN.md');
  });

  test('with --strict a warning is a mistake', async () => {
    const folder = temporaryFolder();
    const apps = new Apps();
    release(apps, 'shop');
    const said = vi.spyOn(console, 'error').mockClear().mockReturnValue();
    process.argv.push('--strict');
    await synth(apps, folder).finally(() => process.argv.pop());
    expect(process.exitCode).toBe(1);
    process.exitCode = undefined;
    expect(said.mock.calls.flat().join('')).toMatch(
      /^1 mistake, nothing was written:.*readiness probe/s,
    );
    expect(filesBelow(folder)).toEqual([]);
  });

  test('the line of a release without any check says so', async () => {
    const apps = new Apps();
    release(apps, 'shop');
    vi.spyOn(console, 'error').mockClear().mockReturnValue();
    const said = vi.spyOn(console, 'log').mockClear().mockReturnValue();
    await synth(apps, temporaryFolder());
    expect(said.mock.calls.flat().join('')).toMatch(
      /removed; no check judges the candidate, only its readiness$/,
    );
  });

  test('two releases with one id, side by side or not', async () => {
    const apps = new Apps();
    release(apps, 'shop');
    release(apps, 'shop');
    release(new Construct(apps, 'team'), 'shop');
    const error = await renderAll(apps.releases).catch((it: unknown) => it);
    const told = error instanceof MistakesError ? error.mistakes : [];
    expect(told.map(({ path, problem }) => `${path}: ${problem}`)).toEqual([
      'shop (2): two releases have one id, the other is shop',
      'team/shop: two releases have one id, the other is shop',
    ]);
  });
});

test('where a release stands, and beside which others, changes none of its bytes', async () => {
  const alone = await Testing.render(release(Testing.apps(), 'shop'));
  const apps = new Apps();
  release(apps, 'other');
  const deep = await Testing.render(release(new Construct(apps, 'team'), 'shop'));
  expect(
    hashOf(Object.fromEntries([...deep.files].map(([path, it]) => [path, String(it)])), 64),
  ).toBe(hashOf(Object.fromEntries([...alone.files].map(([path, it]) => [path, String(it)])), 64));
});
