import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type HelmProps, helm, include, render } from '../../../lib/index.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { deployment, mistakesOf, sample } from '../sample.ts';

const PATH = process.env.PATH;

afterEach(() => {
  process.env.PATH = PATH;
});

const RECORDED = fileURLToPath(new URL('files/helm-create.yaml', import.meta.url));

/** Puts a command `helm` on the PATH that prints a text, and notes what it was given. */
function standIn(output: string, more = ''): { readonly said: () => readonly string[] } {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'output'), output);
  const script = `#!/bin/sh\nprintf '%s\\n' "$@" > '${folder}/said'\ncat >> '${folder}/said'\n${more}\ncat '${folder}/output'\n`;
  writeFileSync(join(folder, 'helm'), script, { mode: 0o755 });
  process.env.PATH = [folder, PATH].join(delimiter);
  return { said: () => readFileSync(join(folder, 'said'), 'utf8').split('\n') };
}

const CHART: HelmProps = { chart: './chart', releaseName: 'shop' };

const release = (props: HelmProps) =>
  sample({ workload: helm(props), service: { port: 80, targetPort: 'http' } });

describe('the command', () => {
  test('is given the chart and the namespace of the release', async () => {
    const { said } = standIn(JSON.stringify(deployment()));
    const { plan } = await render(sample({ workload: helm(CHART) }));
    expect(plan.images).toEqual(['shop:1']);
    expect(said()).toEqual([
      'template',
      'shop',
      './chart',
      '--namespace',
      'prod',
      // No values.
      '{}',
    ]);
  });

  test('is given all that is said of the chart, and the values on standard input', async () => {
    const { said } = standIn(JSON.stringify(deployment()));
    const values = { image: { tag: '1e3' }, replicas: 2 };
    const made = helm({
      ...CHART,
      chart: 'shop',
      repo: 'https://example.com/charts',
      version: '1.2.3',
      namespace: 'other',
      values,
      flags: ['--kube-version', '1.34.0'],
    });
    await render(sample({ workload: made }));
    expect(said()).toEqual([
      ...['template', 'shop', 'shop', '--repo', 'https://example.com/charts'],
      ...['--version', '1.2.3', '--namespace', 'other', '--values', '-'],
      ...['--kube-version', '1.34.0', JSON.stringify(values)],
    ]);
  });

  test('finds a chart beside the app', async () => {
    const { said } = standIn(JSON.stringify(deployment()));
    const folder = join(temporaryFolder(), 'chart');
    mkdirSync(folder);
    await render(sample({ workload: helm({ ...CHART, chart: pathToFileURL(folder) }) }));
    expect(said()[2]).toBe(folder);
  });
});

describe('a chart of a repository', () => {
  const told = async (props: Partial<HelmProps>) => {
    standIn(JSON.stringify(deployment()));
    const { warnings } = await render(sample({ workload: helm({ ...CHART, ...props }) }));
    return warnings.filter((it) => it.problem.startsWith('helm')).map(mistakeText);
  };
  const repo = 'https://example.com/charts';

  test.each<[string, Partial<HelmProps>, string]>([
    ['of an address', { chart: 'shop', repo }, '{"chart":"shop"}'],
    ['of a registry', { chart: 'oci://e.com:5000/shop' }, '{"chart":"oci://e.com:5000/shop"}'],
    ['that helm knows by name', { chart: 'example/shop' }, '{"chart":"example/shop"}'],
    ['in a range', { chart: 'shop', repo, version: '1.x' }, '{"chart":"shop","version":"1.x"}'],
  ])('%s without an exact version is a warning', async (_, props, got) => {
    expect(await told(props)).toEqual([
      `shop/helm shop: helm takes the newest version of the chart on the day of the synth, got ${got}; name one exact version, such as 1.4.2: then each new one comes with a pull request`,
    ]);
  });

  test.each<[string, Partial<HelmProps>]>([
    ['a folder of the project', {}],
    ['a folder that has no dot before it', { chart: 'test/lib' }],
    ['an exact version', { chart: 'shop', repo, version: 'v1.2.3-rc.1+build' }],
    ['one among the flags', { chart: 'shop', repo, flags: ['--version', '1.2.3'] }],
    ['a digest', { chart: `oci://e.com/shop@sha256:${'a'.repeat(64)}` }],
  ])('%s is none', async (_, props) => {
    expect(await told(props)).toEqual([]);
  });
});

describe('mistakes', () => {
  test('a command that is not installed', async () => {
    process.env.PATH = temporaryFolder();
    expect(await mistakesOf(release(CHART))).toEqual([
      'shop/helm shop: the helm command is not installed; install it (https://helm.sh/docs/intro/install), ' +
        'or write what `helm template` prints into a file and use include',
    ]);
  });

  test('a chart that it refuses', async () => {
    standIn('', 'echo "Error: execution error: no image" >&2; exit 1');
    expect(await mistakesOf(release(CHART))).toEqual([
      'shop/helm shop: helm failed: Error: execution error: no image, got "helm template shop ./chart --namespace prod"; ' +
        'correct the chart, its version or its values',
    ]);
  });

  test('output that tools read in different ways, with the chart’s file', async () => {
    const output = `---\n# Source: shop/templates/a.yaml\n${JSON.stringify(deployment())}\n---\n# Source: shop/templates/b.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: { day: 2024-01-31 }\n`;
    standIn(output);
    expect(await mistakesOf(release(CHART))).toEqual([
      'shop/helm shop: line 10 of what helm prints (shop/templates/b.yaml) has 2024-01-31 without quotes, ' +
        'which is text to kubectl and Helm, and a time to kustomize, Flux and cdk8s; write "2024-01-31" in quotes',
    ]);
  });
});

describe('what `helm create` makes becomes a release by its remedies', () => {
  const output = readFileSync(RECORDED, 'utf8');

  test('of the chart', async () => {
    standIn(output);
    expect(await mistakesOf(release(CHART))).toEqual([
      expect.stringMatching(
        /Service has the name of one that the release makes.*omit: \[\{ kind: 'Service', name: 'shop' \}\]/,
      ),
      expect.stringMatching(/Pod shop-test-connection.*skipTests: true/),
    ]);
    const tested = { ...CHART, skipTests: true };
    expect(await mistakesOf(release(tested))).toEqual([
      expect.stringContaining("omit: [{ kind: 'Service', name: 'shop' }]"),
    ]);
    const omit = [{ kind: 'Service', name: 'shop' }];
    expect(await mistakesOf(release({ ...tested, omit }))).toEqual([]);
    expect(await mistakesOf(release({ ...CHART, skipHooks: true, omit }))).toEqual([]);
  });

  test('of what it printed into a file', async () => {
    const omit = [
      { kind: 'Pod', name: 'shop-test-connection' },
      { kind: 'Service', name: 'shop' },
    ];
    const made = sample({
      workload: include(RECORDED, { omit }),
      service: { port: 80, targetPort: 'http' },
    });
    const { plan } = await render(made);
    expect(plan.images).toEqual(['example/shop:1.16.0']);
  });
});
