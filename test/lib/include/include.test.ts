import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Helm, Include, JsonPatch } from 'cdk8s';
import type { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { type IncludeProps, include, type Mistake, render } from '../../../lib/index.ts';
import { listAt, objectAt } from '../../../lib/manifest/json.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { tryRender } from '../../../lib/render/render.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { mistakesIn } from '../folder.ts';
import { configMap, deployment, mistakesOf, objectIn, sample, workload } from '../sample.ts';

const IMAGE = '/spec/template/spec/containers/0/image';

/** A file of the folder beside this test. */
const recorded = (name: string) => new URL(`files/${name}`, import.meta.url);

function file(...objects: readonly unknown[]): string {
  const path = join(temporaryFolder(), 'app.yaml');
  writeFileSync(path, objects.map((it) => JSON.stringify(it)).join('\n---\n'));
  return path;
}

async function placed(make: (scope: Construct) => void): Promise<readonly Mistake[]> {
  const outcome = await tryRender(sample({ workload: make }));
  return outcome.kind === 'wrong' ? outcome.mistakes : [];
}

describe('the objects of a file', () => {
  test.each([
    ['by path', (it: string) => include(it)],
    ['by URL', (it: string) => include(pathToFileURL(it))],
    [
      'called in a workload',
      (it: string) => (scope: Construct) => {
        include(it)(scope);
      },
    ],
  ])('are those of the release: %s', async (_, of) => {
    const path = file(deployment(), configMap('a'));
    const rendered = await render(sample({ workload: of(path) }));
    const canary = objectIn(rendered, '01-canary-up', 'deployment-shop-canary.yaml');
    expect(objectAt(canary, 'spec').selector).toEqual({
      matchLabels: { app: 'shop', 'perch/track': 'canary' },
    });
    const written = await render(sample({ workload: workload(deployment(), configMap('a')) }));
    expect([...rendered.files]).toEqual([...written.files]);
  });

  test('are unpacked of lists', async () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [deployment(), configMap('a')] };
    const rendered = await render(sample({ workload: include(file(list)) }));
    const written = await render(sample({ workload: workload(deployment(), configMap('a')) }));
    expect([...rendered.files]).toEqual([...written.files]);
  });

  test('can be left out, and changed', async () => {
    const path = file(deployment(), configMap('a'), configMap('b'), configMap('c'));
    const made = include(path, {
      omit: [{ kind: 'ConfigMap', name: 'a' }, (it) => it.metadata.name === 'b'],
      patch(it) {
        if (it.kind === 'Deployment') it.addJsonPatch(JsonPatch.replace(IMAGE, 'shop:2'));
      },
    });
    const { plan } = await render(sample({ workload: made }));
    expect(plan.images).toEqual(['shop:2']);
    expect(Object.keys(plan.files).filter((it) => it.startsWith('configmap'))).toEqual([
      expect.stringMatching(/^configmap-c-/),
    ]);
  });

  test('can be what kustomize built', async () => {
    const service = { port: 80, targetPort: 'http' };
    const built = recorded('kustomize-build.yaml');
    expect(await mistakesOf(sample({ workload: include(built), service }))).toEqual([
      expect.stringContaining(
        "leave it out, as prop service describes it; of a file or a chart with `omit: [{ kind: 'Service', name: 'shop' }]`",
      ),
    ]);
    const omit = [{ kind: 'Service', name: 'shop' }];
    const rendered = await render(sample({ workload: include(built, { omit }), service }));
    expect(rendered.warnings).toEqual([]);
    const canary = objectIn(rendered, '01-canary-up', 'deployment-shop-canary.yaml');
    const [volume] = listAt(canary, 'spec', 'template', 'spec', 'volumes');
    expect(objectAt(volume, 'configMap')).toEqual({
      defaultMode: 420,
      name: expect.stringMatching(/^shop-config-6ct58987ht-[0-9a-f]{8}$/),
    });
  });

  test('of several files go together', async () => {
    const made = (scope: Construct) => {
      include(file(deployment()))(scope);
      include(file(configMap('a')))(scope);
    };
    expect(await mistakesOf(sample({ workload: made }))).toEqual([]);
  });

  test('go into folders of manifests', async () => {
    expect(await mistakesIn(include(file({ ...configMap('a') })))).toEqual([
      'folder/include app.yaml/ConfigMap a: ConfigMap a has no namespace and would go wherever it is applied; give it metadata.namespace',
    ]);
  });
});

describe('a file that was read loosely before is a mistake, with its line', () => {
  test.each<[string, readonly string[]]>([
    ['yaml-doubled-key.yaml', ['16: has the key envFrom twice in one place']],
    [
      'yaml-unclosed-list.yaml',
      [
        '14: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
    ],
    ['yaml-dates.yaml', [6, 7, 12, 18, 20, 21].map((it) => `${it}: has 20`)],
    ['yaml-short-commit-id.yaml', ['8: has 1234e567 without', '14: has 1234e567 without']],
  ])('%s', async (name, expected) => {
    const found = await placed(include(recorded(name)));
    const path = `test/lib/include/files/${name}`;
    expect(found.map(({ at, problem }) => `${at} ${problem}`)).toEqual(
      expected.map((it) => {
        const [line, problem = ''] = it.split(': ', 1).concat(it.slice(it.indexOf(': ') + 2));
        return expect.stringContaining(`${path}:${line} ${problem}`);
      }),
    );
  });
});

describe('mistakes', () => {
  test.each<[string, () => (scope: Construct) => void, readonly RegExp[]]>([
    [
      'a file that is not there',
      () => include('no-such.yaml'),
      [/^shop\/include no-such\.yaml: cannot be read: ENOENT.*give an existing file/],
    ],
    [
      'an address',
      () => include('https://example.com/app.yaml'),
      [/^shop\/include app\.yaml: cannot be read: .*download it into the repository/],
    ],
    [
      'a file of another encoding',
      () => {
        const path = file();
        writeFileSync(path, Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
        return include(path);
      },
      [/cannot be read: The encoded data was not valid/],
    ],
    [
      'the input of kustomize',
      () => {
        const path = join(temporaryFolder(), 'kustomization.yaml');
        writeFileSync(path, 'resources: [a.yaml]\n');
        return include(path);
      },
      [
        /holds an object without apiVersion.*; of a kustomization, include what `kustomize build` prints$/,
      ],
    ],
    [
      'a template of a chart',
      () => {
        const path = file();
        writeFileSync(path, 'apiVersion: v1\nkind: A\nmetadata:\n  name: {{ .Release.Name }}\n');
        return include(path);
      },
      [/; of a template of a Helm chart, use helm\(\{ … \}\)$/],
    ],
    ['a file without objects', () => include(file()), [/holds no object; give it one/]],
    [
      'a choice of nothing',
      () => include(file(deployment()), { omit: [{ kind: 'Service' }] }),
      [/omit names no object, got \{"kind":"Service"\}; name one of Deployment shop$/],
    ],
    [
      'a choice that is none',
      () => include(file(deployment()), { omit: [Object('Service')] }),
      [/^shop\/include app\.yaml: omit\[0\] of include is not a choice of objects/],
    ],
    [
      'a prop that there is not',
      () => include(file(deployment()), Object({ omits: [] })),
      [/include has no prop omits/],
    ],
    [
      'a patch that fits nothing',
      () =>
        include(file(deployment()), {
          patch: (it) => it.addJsonPatch(JsonPatch.remove('/spec/none/x')),
        }),
      [/Deployment shop: workload threw/],
    ],
  ])('%s', async (_, make, expected) => {
    const found = await mistakesOf(sample({ workload: make() }));
    expect(found).toEqual(expected.map((it) => expect.stringMatching(it)));
  });

  test.each([
    ['include', (scope: Construct, url: string) => void new Include(scope, 'it', { url })],
    [
      'helm',
      (scope: Construct, url: string) => {
        const command = join(temporaryFolder(), 'helm');
        writeFileSync(command, `#!/bin/sh\ncat '${url}'\n`, { mode: 0o755 });
        new Helm(scope, 'it', { chart: 'shop', helmExecutable: command });
      },
    ],
  ])('cdk8s’ own class is refused for %s', async (name, make) => {
    const path = file(deployment());
    const found = await placed((scope) => make(scope, path));
    expect(found.map(mistakeText)).toEqual([
      expect.stringMatching(
        new RegExp(`^shop/it: \\w+ of cdk8s hides errors of YAML.*; use ${name} of perch$`),
      ),
    ]);
  });

  test('labels that are no text are no longer left out of what constructs make', async () => {
    const wrong = deployment({}, { template: { labels: { app: 'shop', commit: 12345 } } });
    expect(await mistakesOf(sample({ workload: workload(wrong) }))).toEqual([
      'shop/object-0: spec.template.metadata.labels.commit of Deployment shop is not text, got 12345; write it in quotes',
    ]);
  });
});

test('props have the type that include takes', () => {
  const props: IncludeProps = { omit: [{ kind: 'Pod' }] };
  expect(props.omit).toHaveLength(1);
});
