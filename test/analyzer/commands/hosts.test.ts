import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sitesOf } from '../../../analyzer/commands/hosts.ts';
import { UsageError } from '../../../analyzer/usage-error.ts';
import { temporaryFolder } from '../../cleanups.ts';

async function sites(text: string) {
  const path = join(temporaryFolder(), 'hosts.yaml');
  writeFileSync(path, text);
  return sitesOf({ hostsConfig: path });
}

test('without the flag there are none', async () => {
  expect(await sitesOf({})).toEqual([]);
});

test('the file describes hosts', async () => {
  const [site] = await sites('hub: { kind: github, tokenFile: /token }');
  expect(site?.address).toBe('https://github.com');
});

test.each([
  ['hub: [', /hosts\.yaml is not YAML: .*docs\/hosts\.md/],
  ['hub: { kind: cvs }', /hosts\.yaml does not describe Git hosts: .*github, gitlab/],
  ['hub: { kind: github }', /hosts\.yaml: host hub: give it either a tokenFile or an app/],
])('%s is wrong usage', async (text, expected) => {
  const error = await sites(text).catch((it: unknown) => it);
  expect(error).toBeInstanceOf(UsageError);
  expect(error).toMatchObject({ message: expect.stringMatching(expected) });
});

test('a file that is not there is wrong usage', async () => {
  await expect(sitesOf({ hostsConfig: 'none.yaml' })).rejects.toThrow(
    '--hosts-config none.yaml cannot be read (ENOENT): give a file that describes Git hosts',
  );
});
