import { expect, test } from 'vitest';
import { type FluxImagesProps, fluxImages } from '../../../lib/index.ts';
import { folderOf, mistakesIn } from '../folder.ts';

const props: FluxImagesProps = {
  images: {
    shop: {
      image: 'example/shop',
      choose: { kind: 'numerical', order: 'asc' },
      tags: { pattern: '^main-(?P<n>[0-9]+)$', extract: '$n' },
      secret: 'registry',
    },
    site: { image: 'example/site', choose: { kind: 'semver', range: '1.x' } },
  },
  source: { url: 'https://git.example.com/team/releases.git' },
  pushBranch: 'images',
  author: { name: 'Bot', email: 'bot@example.com' },
};

test('a policy for each image, and an automation that writes into apps/ alone', async () => {
  const objects = await folderOf((scope) => fluxImages(scope, props));
  expect(objects.get('ImageRepository flux-system/shop')?.spec).toEqual({
    image: 'example/shop',
    interval: '300s',
    secretRef: { name: 'registry' },
  });
  expect(objects.get('ImagePolicy flux-system/shop')?.spec).toEqual({
    imageRepositoryRef: { name: 'shop' },
    policy: { numerical: { order: 'asc' } },
    filterTags: { pattern: '^main-(?P<n>[0-9]+)$', extract: '$n' },
  });
  expect(objects.get('ImagePolicy flux-system/site')?.spec).toMatchObject({
    policy: { semver: { range: '1.x' } },
  });
  expect(objects.get('ImageUpdateAutomation flux-system/perch-images')?.spec).toEqual({
    interval: '300s',
    sourceRef: { kind: 'GitRepository', name: 'perch-images' },
    git: {
      checkout: { ref: { branch: 'main' } },
      commit: { author: { name: 'Bot', email: 'bot@example.com' } },
      push: { branch: 'images' },
    },
    update: { path: './apps', strategy: 'Setters' },
  });
});

test('mistakes: pushing to the source branch, and a choice that Flux does not know', async () => {
  const odd = { image: 'example/odd', choose: { kind: 'newest' } };
  const found = await mistakesIn((scope) => {
    const images = { odd } as unknown as FluxImagesProps['images'];
    fluxImages(scope, { ...props, images, pushBranch: 'main' });
  });
  expect(found).toEqual([
    expect.stringMatching(/images.odd.choose.kind of fluxImages is not supported, got "newest"/),
    expect.stringMatching(/pushBranch of fluxImages is the source branch.*got "main"/),
  ]);
});
