import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CI_SYSTEMS, DEFAULTS, ROUTERS } from '../../../analyzer/scaffold/choices.ts';
import { choiceMistake } from '../../../analyzer/scaffold/mistakes.ts';
import { PACKAGE_PARTS, projectFiles } from '../../../analyzer/scaffold/project.ts';
import { functionName } from '../../../analyzer/scaffold/release-file.ts';
import { fromProject, readText } from '../../../lib/files.ts';

/** That every choice compiles and renders is tried with the package itself, in test/e2e/newcomer.test.ts. */

describe('the files of a new repository', () => {
  test('are the same but for the release, whatever the router', () => {
    const texts = ROUTERS.map((router) => projectFiles({ ...DEFAULTS, router }));
    const rest = texts.map((it) =>
      Object.fromEntries([...it].filter(([path]) => path !== 'apps/podinfo.ts')),
    );
    for (const it of rest) expect(it).toEqual(rest[0]);
    expect(new Set(texts.map((it) => it.get('apps/podinfo.ts'))).size).toBe(ROUTERS.length);
  });

  test('have a CI job that installs, synthesizes and compares, by what installs packages', () => {
    for (const packageManager of ['npm', 'pnpm', 'yarn'] as const)
      for (const ci of CI_SYSTEMS) {
        const files = projectFiles({ ...DEFAULTS, ci, packageManager });
        const jobs = ['.github/workflows/releases.yaml', '.gitlab-ci.yml'].flatMap(
          (it) => files.get(it) ?? [],
        );
        expect(jobs).toHaveLength(ci === 'none' ? 0 : 1);
        for (const it of jobs) {
          expect(parse(it)).toBeTypeOf('object');
          expect(it).toContain(`${packageManager} run synth`);
          expect(it).toContain('git diff --exit-code --stat -- dist');
        }
      }
  });

  test('checks types under `npx cdk8s synth` too: it runs the script', () => {
    for (const packageManager of ['npm', 'pnpm', 'yarn'] as const) {
      const text = projectFiles({ ...DEFAULTS, packageManager }).get('cdk8s.yaml') ?? '';
      expect(parse(text)).toMatchObject({ app: `${packageManager} run synth`, output: 'dist' });
    }
    expect(PACKAGE_PARTS.scripts.synth).toMatch(/^tsc && /);
    // And so does this repository.
    expect(parse(readText(fromProject('cdk8s.yaml')))).toMatchObject({ app: 'npm run synth' });
  });

  test('without Flux and Argo CD nothing of the installation is there', () => {
    expect([...projectFiles(DEFAULTS).keys()]).not.toContain('apps/perch.ts');
    expect(projectFiles(DEFAULTS).get('apps/images.yaml')).not.toContain('perch');
  });

  test('packages have the versions that this project is tested with', () => {
    const { dependencies, devDependencies } = PACKAGE_PARTS;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

test('a release has the name of a function, whatever its id', () => {
  const names = ['shop', 'my-shop', '9lives', 'class', 'istio', 'a-1-b'].map(functionName);
  expect(names).toEqual(['shop', 'myShop', 'release9lives', 'releaseClass', 'releaseIstio', 'a1B']);
});

describe('what somebody chooses', () => {
  test.each([
    [
      'release',
      ['shop', 'a', '9-lives'],
      ['Shop', 'main', 'perch', 'a_b', '-a', '', 'a'.repeat(64)],
    ],
    ['namespace', ['main', 'kube-system'], ['a.b', 'Ä']],
    [
      'image',
      ['nginx:1', 'example/shop:1.4.2', 'registry.test:5000/a/b:c'],
      ['nginx', 'a b:c', "a':b", 'x: y'],
    ],
    ['port', ['1', '9898', '65535'], ['0', '65536', '-1', '80.5', 'http', '008']],
    [
      'repository',
      ['https://git.example.com/a.git', 'ssh://git@git.example.com/a.git'],
      ["https://a'b", 'git.example.com', 'file:///a'],
    ],
    ['prometheus', ['http://prometheus:9090'], ['prometheus:9090', 'http://a b']],
  ] as const)('%s', (field, good, bad) => {
    for (const it of good) expect(choiceMistake(field, it), it).toBeUndefined();
    for (const it of bad) expect(choiceMistake(field, it), it).toMatch(/^expected /);
  });
});
