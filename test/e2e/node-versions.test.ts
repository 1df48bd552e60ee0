import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { fromProject } from '../../lib/files.ts';
import { inStepOfGit } from '../analyzer/field.ts';
import { temporaryFolder } from '../cleanups.ts';
import { packed, shell, succeed } from './newcomer.ts';

/**
 * The bundle under every version of Node that is promised, and what the npm that comes with it says when a clone or the
 * package is installed. Both come from npm's registry.
 */

const OLDEST = '20.19.0';

/** The major version of npm that comes with each. */
const NPM = { [OLDEST]: '10', 22: '10', 24: '11' };
const VERSIONS = Object.entries(NPM);

const folder = temporaryFolder();
let tarball = '';

beforeAll(async () => {
  tarball = await packed(folder);
}, 120_000);

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

describe.each(VERSIONS)('Node %s', (version) => {
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

/** A folder with both commands, to stand first in PATH. */
async function commandsOf(node: string, npm: string): Promise<string> {
  const into = join(folder, `commands-${node}`);
  await succeed(
    folder,
    `mkdir ${into} && npm install --silent --no-save --prefix ${into}/npm npm@${npm}`,
  );
  await succeed(into, 'ln -s npm/node_modules/npm/bin/npm-cli.js npm-cli && mkdir bin');
  await succeed(into, `ln -s ${into}/npm-cli bin/npm && ln -s ${await nodeOf(node)} bin/node`);
  expect(await succeed(folder, `PATH=${into}/bin:$PATH npm --version`)).toMatch(`${npm}.`);
  return join(into, 'bin');
}

/** What npm warns of; what this machine's own settings are is not ours. */
function warnings({ stdout, stderr }: { stdout: string; stderr: string }): readonly string[] {
  const lines = `${stdout}\n${stderr}`.split('\n');
  return lines.filter((it) => /warn/i.test(it) && !/Unknown (user|env) config/.test(it));
}

describe.each(VERSIONS)('Node %s with npm %s', (node, npm) => {
  let path = '';

  beforeAll(async () => {
    path = `PATH=${await commandsOf(node, npm)}:$PATH`;
  }, 120_000);

  test('npm ci in a clone is quiet, builds, and tells Node 20 what it lacks', {
    timeout: 300_000,
  }, async () => {
    const clone = join(folder, `clone-${node}`);
    await succeed(
      fromProject('.'),
      `mkdir ${clone} && git ls-files -z | xargs -0 cp --parents --target-directory ${clone}`,
    );
    const ended = await shell(clone, `${path} npm ci`);
    expect({ ...ended, warnings: warnings(ended) }).toMatchObject({ code: 0, warnings: [] });
    const ours = /^Node 20\S* is supported, .*Node 22/gm;
    expect(ended.stderr.match(ours) ?? []).toHaveLength(node === OLDEST ? 1 : 0);
    expect(await succeed(clone, `${path} node build/perch.cjs version`)).toMatch(/^\d/);
  });

  // The package's own dependencies ask for Node 22, and no package can keep npm from saying so in another's repository.
  test.runIf(node !== OLDEST)(
    'the package installs without a warning, and so does what perch init writes',
    {
      timeout: 300_000,
    },
    async () => {
      const releases = join(folder, `releases-${node}`);
      await succeed(folder, `mkdir ${releases}`);
      for (const command of [
        `npm install ${tarball}`,
        'npm exec -- perch init < /dev/null',
        'rm -r node_modules && npm ci',
      ]) {
        const ended = await shell(releases, `${path} && export PATH && ${command}`);
        expect({ command, ...ended, warnings: warnings(ended) }).toMatchObject({
          code: 0,
          warnings: [],
        });
      }
    },
  );
});
