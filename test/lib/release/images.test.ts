import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { Apps, canary, images, type Release, render } from '../../../lib/index.ts';
import { type Mistake, MistakesError, mistakesOfCalls, mistakeText } from '../../../lib/mistake.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { deployment, sample, workload } from '../sample.ts';

function file(text: string): string {
  const path = join(temporaryFolder(), 'images.yaml');
  writeFileSync(path, text);
  return path;
}

test('an image by its name, from a path or a URL', () => {
  const path = file(
    'shop: example/shop:1 # {"$imagepolicy": "flux-system:shop"}\nother: other@sha256:ab\n',
  );
  expect(images(path)('shop')).toBe('example/shop:1');
  expect(images(pathToFileURL(path))('other')).toBe('other@sha256:ab');
});

/** What a call is told by the next root that is rendered. */
function told(call: () => unknown): readonly string[] {
  call();
  return mistakesOfCalls(new Apps(), []).map(mistakeText);
}

test('an unknown name lists the known ones', () => {
  const path = file('shop: a:1\nb: b:1\n');
  expect(told(() => images(path)('shoop'))).toEqual([
    expect.stringMatching(/has no image "shoop"; there are: b, shop; add a line for it$/),
  ]);
  expect(told(() => images(path)('toString'))).toEqual([
    expect.stringMatching(/no image "toString"/),
  ]);
});

test.each(['- a', 'shop: latest', 'shop: {a: b}', ''])('%j is not a list of images', (text) => {
  expect(told(() => images(file(text))('shop'))).toEqual([
    expect.stringMatching(/is not a list of images/),
  ]);
});

/** What is wrong with all that is below the root of a release. */
async function mistakesBeside(release: Release): Promise<readonly Mistake[]> {
  const { root } = release.node;
  if (!(root instanceof Apps)) throw new Error('a sample has a root of its own');
  const error: unknown = await root.render().catch((it: unknown) => it);
  return error instanceof MistakesError ? error.mistakes : [];
}

const strategy = canary({ stepWeight: 0 });

test('an image that is missing outside of a workload is a mistake in the list, and hides no other', async () => {
  const missing = images(file('shop: a:1\n'))('shoop');
  const release = sample({
    workload: workload(deployment({ containers: [{ name: 'main', image: missing }] })),
    strategy,
  });
  // However often it is rendered.
  for (let times = 0; times < 2; times++) {
    const [first, ...others] = await mistakesBeside(release);
    expect(first).toMatchObject({
      problem: expect.stringMatching(/has no image "shoop"$/),
      at: expect.stringMatching(/^test\/lib\/release\/images\.test\.ts:\d+$/),
    });
    expect(others.map(mistakeText)).toEqual([expect.stringMatching(/stepWeight/)]);
  }
});

test('a release that is right is not rendered with an image that is missing', async () => {
  images(file('shop: a:1\n'))('shoop');
  await expect(render(sample())).rejects.toThrow(/has no image "shoop"/);
  await expect(render(sample())).resolves.toBeDefined();
});

test('of two Apps with an image that is missing outside of a workload, both are told', async () => {
  const image = images(file('shop: a:1\n'))('shoop');
  const containers = [{ name: 'main', image }];
  for (let times = 0; times < 2; times++) {
    const release = sample({ workload: workload(deployment({ containers })) });
    expect((await mistakesBeside(release)).map(mistakeText)).toContainEqual(
      expect.stringMatching(/has no image "shoop"/),
    );
  }
  expect(await mistakesBeside(sample())).toEqual([]);
});

test('inside of a workload it is told of its release, with all that is wrong there', async () => {
  const image = images(file('shop: a:1\n'));
  const release = sample({
    workload: (scope) => {
      workload(deployment({ containers: [{ name: 'main', image: image('shoop') }] }))(scope);
    },
    strategy,
  });
  expect((await mistakesBeside(release)).map((it) => [it.id, it.problem])).toEqual(
    expect.arrayContaining([
      ['shop', expect.stringMatching(/has no image "shoop"$/)],
      ['shop', expect.stringMatching(/stepWeight/)],
    ]),
  );
});
