import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { fromProject } from '../../lib/files.ts';
import { inStepOfGit } from '../analyzer/field.ts';
import { temporaryFolder } from '../cleanups.ts';
import { shell, succeed } from './newcomer.ts';

/**
 * The bundle under every version of Node that is promised, and what `npm ci` says under those that are alive. The binaries
 * come from npm's registry.
 */

const OLDEST = '20.19.0';
const ALIVE = ['22', '24'];

const folder = temporaryFolder();
const npm = realpathSync(join(process.execPath, '../npm'));

/** The binary of the newest release of a version. */
async function nodeOf(version: string): Promise<string> {
  const into = join(folder, `node-${version}`);
  const name = `node-${process.platform}-${process.arch}`;
  await succeed(
    folder,
    `mkdir -p ${into} && npm install --silent --no-save --prefix ${into} ${name}@${version}`,
  );
  return join(into, 'node_modules', name, 'bin/node');
}

describe.each([OLDEST, ...ALIVE])('Node %s', (version) => {
  let node = '';

  beforeAll(async () => {
    node = await nodeOf(version);
  }, 120_000);

  test('is that version', async () => {
    expect(await succeed(folder, `${node} --version`)).toMatch(new RegExp(`^v${version}`));
  });

  test('runs the bundle', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    const perch = `${node} ${inject('bundle')}`;
    expect(await succeed(folder, `${perch} version`)).toMatch(/^\d+\.\d+\.\d+ \(commit /);
    const status = await succeed(folder, `${perch} status --json --repo ${field.folder}`);
    expect(JSON.parse(status)).toMatchObject([{ phase: 'Progressing', weight: 20 }]);
    expect(await succeed(folder, `${perch} verify --repo ${field.folder}`)).toContain('app');
    const paused = `GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com ${perch} pause app --repo ${field.folder} -m lunch`;
    expect(await succeed(folder, paused)).toContain('app');
  });

  test('compresses, signs and asks as the oldest does: init, and a store that is not there', async () => {
    const perch = `${node} ${inject('bundle')}`;
    const into = join(folder, `new-${version}`);
    expect(await succeed(folder, `${perch} init ${into} --no-install`)).toContain('apps/main.ts');
    const { field } = await inStepOfGit('02-weight-20');
    const analyze = `${perch} analyze --once --repo ${field.folder} --metrics http://127.0.0.1:9 --kubeconfig /dev/null`;
    const { stdout, code } = await shell(folder, analyze);
    // Nobody can be asked, and that is a reason to wait, not to end in a stack.
    expect({ code, bug: /a bug in Perch/.test(stdout) }).toEqual({
      code: expect.any(Number),
      bug: false,
    });
  });
});

test.each(ALIVE)('npm ci is quiet on Node %s', { timeout: 300_000 }, async (version) => {
  const node = await nodeOf(version);
  const copy = join(folder, `ci-${version}`);
  await succeed(
    folder,
    `mkdir ${copy} && cp ${['package.json', 'package-lock.json', '.npmrc'].map((it) => fromProject(it)).join(' ')} ${copy}/`,
  );
  const { code, stderr } = await shell(
    copy,
    `${node} ${npm} ci --ignore-scripts --no-audit --no-fund`,
  );
  expect({ code, warnings: stderr.split('\n').filter((it) => /warn/i.test(it)) }).toEqual({
    code: 0,
    warnings: [],
  });
});
