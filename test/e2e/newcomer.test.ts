import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tick } from '../../analyzer/tick/tick.ts';
import { filesBelow, fromProject } from '../../lib/files.ts';
import { temporaryFolder } from '../cleanups.ts';
import { behaviour } from '../demo/behaviour.ts';
import { startWorld, type World } from '../demo/world.ts';
import { packed, shell, succeed } from './newcomer.ts';

/**
 * What somebody without a clone of this repository does, from the package to the end of a first rollout. It needs npm's
 * registry; the Git server, the cluster and the metrics are the demo's.
 */

/** Installing packages on a busy machine. */
const MINUTES = 60_000;

const root = fromProject('.');
const place = temporaryFolder();
const releases = join(place, 'releases');
let tarball = '';
let world: World;

beforeAll(async () => {
  tarball = await packed(place);
  const start = Date.now() / 1000 - 6 * 3600;
  const failing = 'stefanprodan/podinfo:3.1.2';
  world = await startWorld({
    release: { namespace: 'podinfo', name: 'podinfo' },
    behaviour: behaviour({ failing, breaksAt: 20 }),
    factor: 1e6,
    signal: new AbortController().signal,
    onReady: () => undefined,
    start: Math.floor(start),
  });
}, 3 * MINUTES);

afterAll(() => world?.stop());

describe('the package', () => {
  test('holds the library, the command, and neither tests nor examples', async () => {
    const listed = (await succeed(place, `tar -tzf ${tarball}`)).trim().split('\n');
    const folders = new Set(
      listed.map((it) =>
        it
          .replace(/^package\//, '')
          .split('/')
          .slice(0, 2)
          .join('/'),
      ),
    );
    expect([...folders].sort()).toEqual(
      ['LICENSE', 'README.md', 'build/lib', 'build/perch.cjs', 'package.json'].sort(),
    );
    expect(listed.filter((it) => /\btests?\/|\.test\.|example/.test(it))).toEqual([]);
  });

  test('installs from its tarball, and perch init makes a repository of it', {
    timeout: 5 * MINUTES,
  }, async () => {
    await succeed(place, 'mkdir releases && cd releases && git init --quiet --initial-branch=main');
    await succeed(releases, `npm install --no-audit --no-fund ${tarball}`);
    const told = await succeed(releases, 'npx perch init --flux < /dev/null');
    expect(told).toContain('written  apps/podinfo.ts');
    expect(told).toContain('npm run synth');
    const again = await succeed(releases, 'npx perch init --release shop --flux < /dev/null');
    // Nothing that is there is written over; what is new is added.
    expect(again).toContain('kept     apps/main.ts');
    expect(again).toContain('written  apps/shop.ts');
    await succeed(releases, 'rm apps/shop.ts');
  });

  test('the first plan is there after synth, which finds nothing to change the second time', async () => {
    expect(await succeed(releases, 'npm run synth')).toContain('podinfo: candidate ');
    expect(await succeed(releases, 'npx perch plan podinfo')).toContain('02-weight-10');
    expect(await succeed(releases, 'npm run synth')).toContain('0 files changed, 0 removed');
  });

  test('the job that it writes for CI passes, and fails where dist/ is old', async () => {
    await succeed(releases, 'git add --all && git commit --quiet --message first');
    const job = await readFile(join(releases, '.github/workflows/releases.yaml'), 'utf8');
    const check = /run: \|\n([\s\S]*)$/.exec(job)?.[1] ?? '';
    expect(await shell(releases, check)).toMatchObject({ code: 0 });
    const images = join(releases, 'apps/images.yaml');
    writeFileSync(images, readFileSync(images, 'utf8').replace('podinfo:3.1.1', 'podinfo:3.1.0'));
    await succeed(releases, 'npm run synth');
    expect(await shell(releases, check)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('dist/ is not what apps/ say: run npm run synth'),
    });
    await succeed(releases, 'git checkout --quiet . && git reset --quiet');
  });

  test.each(['istio', 'gateway-api', 'kubernetes'])(
    'what init writes for %s compiles and renders, with Flux and with Argo CD',
    async (router) => {
      for (const sync of ['--flux', '--argo-cd']) {
        const folder = join(place, `${router}${sync}`);
        await succeed(
          place,
          `${join(releases, 'node_modules/.bin/perch')} init ${folder} --router ${router} ${sync} --release my-shop --image example/shop:1.4.2 --ci gitlab --no-install`,
        );
        await succeed(folder, `ln -s ${releases}/node_modules node_modules`);
        const told = await succeed(folder, 'npm run synth');
        expect(told).toMatch(/my-shop: candidate [0-9a-f]{10}, \d+ steps/);
        expect(existsSync(join(folder, '.gitlab-ci.yml'))).toBe(true);
      }
    },
    MINUTES,
  );

  test('renders the same bytes as here, from TypeScript and from JavaScript', {
    timeout: 2 * MINUTES,
  }, async () => {
    const folder = join(place, 'same');
    await succeed(place, `mkdir -p same/apps && ln -s ${releases}/node_modules same/node_modules`);
    await succeed(
      folder,
      `cp ${releases}/tsconfig.json ${releases}/package.json . && cp ${root}/cdk8s.yaml .`,
    );
    await succeed(root, `cp apps/*.ts apps/*.yaml ${folder}/apps/`);
    await succeed(folder, `sed -i "s|'../lib/index.ts'|'perch'|" apps/*.ts`);
    await succeed(folder, 'npx tsc --exactOptionalPropertyTypes --noUncheckedIndexedAccess');
    await succeed(folder, 'npx tsx apps/main.ts');
    const bytes = (below: string) =>
      Object.fromEntries(
        filesBelow(below).map((it) => [it, readFileSync(join(below, it), 'latin1')]),
      );
    const expected = bytes(join(root, 'dist/examples'));
    expect(bytes(join(folder, 'dist/examples'))).toEqual(expected);
    await succeed(
      folder,
      'mkdir plain && echo \'{"type":"module"}\' > plain/package.json && cp apps/*.yaml plain/',
    );
    await succeed(
      folder,
      'npx tsc --noEmit false --rootDir apps --outDir plain --rewriteRelativeImportExtensions --target es2022',
    );
    await succeed(folder, 'rm -r dist && node plain/main.js');
    expect(bytes(join(folder, 'dist/examples'))).toEqual(expected);
  });

  test('installs with pnpm, whose packages see only what they declare', {
    timeout: 5 * MINUTES,
  }, async () => {
    const folder = join(place, 'with-pnpm');
    await succeed(
      place,
      `mkdir with-pnpm && cp -r ${releases}/apps ${releases}/tsconfig.json ${releases}/cdk8s.yaml with-pnpm/`,
    );
    const manifest = JSON.parse(readFileSync(join(releases, 'package.json'), 'utf8'));
    manifest.dependencies.perch = `file:${tarball}`;
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    await succeed(folder, 'npx --yes pnpm@10 install --ignore-scripts');
    expect(await succeed(folder, 'npx tsc && npx tsx apps/main.ts')).toContain(
      'podinfo: candidate ',
    );
    expect(await succeed(folder, 'npx perch plan podinfo')).toContain('02-weight-10');
  });
});

describe('a first release and its next version', () => {
  test('is adopted, rolls out, rolls back from a feature branch, and is exported', {
    timeout: 6 * MINUTES,
  }, async () => {
    await succeed(
      releases,
      `git add --all && git commit --quiet --allow-empty --message first; npm run synth && git add dist && git commit --quiet --allow-empty --message synth && git remote add origin ${world.git.url} && git push --quiet --set-upstream origin main`,
    );
    await until(async () => (await phase()) === 'Initialized');
    await succeed(releases, 'git pull --quiet --rebase');

    await bump('3.1.1', '3.1.0');
    await until(async () => (await phase()) === 'Succeeded');

    await bump('3.1.0', '3.1.1');
    await until(async () => (await weight()) > 0);
    // A person's clock is the real one.
    await world.clock.pass(Math.max(0, Math.ceil(Date.now() / 1000) - world.clock.now()));
    await succeed(releases, 'git switch --quiet --create feature');
    const aborted = await succeed(
      releases,
      'npx perch abort podinfo --message "the colour is wrong"',
    );
    expect(aborted).toContain('podinfo');
    await until(async () => (await phase()) === 'Failed');
    expect(await weight()).toBe(0);

    const told = await succeed(releases, `npx perch export podinfo ../plain`);
    expect(told).toContain('deployment-podinfo-primary.yaml');
    const plain = filesBelow(join(place, 'plain'));
    expect(plain.filter((it) => it.includes('canary'))).toEqual([]);
    expect(readFileSync(join(place, 'plain/deployment-podinfo-primary.yaml'), 'utf8')).toContain(
      'podinfo:3.1.0',
    );
    expect(await shell(releases, 'npx perch export podinfo ../plain')).toMatchObject({ code: 2 });
  });
});

/** Changes the image, synthesizes, and merges. */
async function bump(from: string, to: string): Promise<void> {
  const images = join(releases, 'apps/images.yaml');
  await succeed(releases, 'git pull --quiet --rebase');
  writeFileSync(images, readFileSync(images, 'utf8').replace(`podinfo:${from}`, `podinfo:${to}`));
  await succeed(
    releases,
    `npm run synth && git add apps dist && git commit --quiet --message 'podinfo ${to}' && git push --quiet`,
  );
}

/** Lets the analyzer and the cluster go on. @throws Error where it takes too long */
async function until(done: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 2 * MINUTES; Date.now() < end; ) {
    if (await done()) return;
    for (let index = 0; index < 12; index += 1) await world.beat();
    await tick(world.analyzer);
  }
  throw new Error(`it is ${await phase()} at ${await weight()} %`);
}

interface Row {
  readonly id: string;
  readonly phase: string;
  readonly weight: number;
}

async function row(): Promise<Row | undefined> {
  const { stdout } = await shell(
    releases,
    `node_modules/.bin/perch status --json --repo ${world.git.url}`,
  );
  return (JSON.parse(stdout || '[]') as Row[]).find((it) => JSON.stringify(it).includes('podinfo'));
}

const phase = async () => (await row())?.phase;
const weight = async () => (await row())?.weight ?? 0;
