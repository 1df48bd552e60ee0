import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { images } from '../../../lib/release/images.ts';
import { temporaryFolder } from '../../cleanups.ts';

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

test('an unknown name lists the known ones', () => {
  const path = file('shop: a:1\nb: b:1\n');
  expect(() => images(path)('shoop')).toThrow(/has no image "shoop"; it has b, shop: add a line/);
  expect(() => images(path)('toString')).toThrow(/no image "toString"/);
});

test.each(['- a', 'shop: latest', 'shop: {a: b}', ''])('%j is not a list of images', (text) => {
  expect(() => images(file(text))('shop')).toThrow(/is not a list of images/);
});
