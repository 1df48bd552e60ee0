import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostKinds, openSites } from '../../../analyzer/hosts/registry.ts';

const HOSTS = join(import.meta.dirname, '../../../analyzer/hosts');
const open = (configuration: unknown) => openSites(configuration, '--hosts-config FILE');

describe('every kind of host', () => {
  const written = readdirSync(HOSTS)
    .filter((it) => /\): HostSite \{/.test(readFileSync(join(HOSTS, it), 'utf8')))
    .map((it) => it.replace('.ts', ''));

  test('is registered', () => {
    expect(written, 'add its lines to analyzer/hosts/registry.ts').toEqual(
      Object.keys(hostKinds).sort(),
    );
  });

  test.each(written)('is under the contract: %s', (name) => {
    const tests = readFileSync(join(import.meta.dirname, `${name}.test.ts`), 'utf8');
    expect(tests, 'call hostContract of test/contract/hosts.ts').toMatch(/\bhostContract\(/);
  });
});

test('hosts are described by name', () => {
  const sites = open({
    hub: { kind: 'github', app: { id: 'Iv1.a', privateKeyFile: '/key' } },
    lab: { kind: 'gitlab', address: 'https://git.example.com/lab/', tokenFile: '/token' },
  });
  expect(sites.map((it) => it.address)).toEqual([
    'https://github.com',
    'https://git.example.com/lab',
  ]);
});

describe('a description is refused', () => {
  const token = { tokenFile: '/token' };
  test.each<[string, unknown, RegExp]>([
    [
      'of an unknown kind',
      { a: { kind: 'cvs', ...token } },
      /at a\.kind\. .*github, gitlab, gitea/,
    ],
    ['without a kind', { a: token }, /at a\.kind\. .*docs\/hosts\.md/],
    ['of nothing', null, /does not describe Git hosts: .*null/],
    ['with an unknown option', { a: { kind: 'gitlab', ...token, x: 1 } }, /"x"/],
    ['without an address', { a: { kind: 'gitea', ...token } }, /at a\.address/],
    ['without a login', { a: { kind: 'github' } }, /host a: give it either a tokenFile or an app/],
    [
      'with two logins',
      { a: { kind: 'github', ...token, app: { id: '1', privateKeyFile: '/key' } } },
      /host a: give it either a tokenFile or an app/,
    ],
    [
      'with an address that is none',
      { a: { kind: 'gitea', address: 'git.example.com', ...token } },
      /git\.example\.com is not an http:\/\/ or https:\/\/ URL at a\.address/,
    ],
    [
      'with parameters in its address',
      { a: { kind: 'gitea', address: 'https://git.example.com/?a=b', ...token } },
      /has parameters in it/,
    ],
  ])('%s', (_, configuration, reason) => {
    expect(() => open(configuration)).toThrow(reason);
  });

  test('with a token in its address, which is not repeated', () => {
    const address = 'https://bot:canary-token@git.example.com';
    expect(() => open({ a: { kind: 'gitea', address, tokenFile: '/token' } })).toThrow(
      /^(?!.*canary).*https:\/\/\*\*\*@git\.example\.com has a user name, a token or a password/,
    );
  });
});
