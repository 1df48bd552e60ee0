import { describe, expect, test } from 'vitest';
import { openSites } from '../../../analyzer/hosts/registry.ts';
import { placeOf } from '../../../analyzer/hosts/site.ts';

const tokenFile = '/token';
const sites = openSites(
  {
    hub: { kind: 'github', tokenFile },
    enterprise: { kind: 'github', address: 'https://github.example.com', tokenFile },
    lab: { kind: 'gitlab', tokenFile },
    'own-lab': { kind: 'gitlab', address: 'https://git.example.com/lab', tokenFile },
    tea: { kind: 'gitea', address: 'https://git.example.com/tea', tokenFile },
    local: { kind: 'gitea', address: 'http://127.0.0.1:3000', tokenFile },
    cloud: { kind: 'bitbucket-cloud', tokenFile },
    center: { kind: 'bitbucket-data-center', address: 'https://stash.example.com', tokenFile },
    below: { kind: 'bitbucket-data-center', address: 'https://one.example.com/stash', tokenFile },
    azure: { kind: 'azure-devops', address: 'https://dev.azure.com/acme', tokenFile },
    other: { kind: 'azure-devops', address: 'https://dev.azure.com/other', tokenFile },
    old: { kind: 'azure-devops', address: 'https://acme.visualstudio.com', tokenFile },
    server: { kind: 'azure-devops', address: 'https://tfs.example.com/tfs/Main', tokenFile },
  },
  'FILE',
);

describe('a remote is', () => {
  test.each<[string, string, string]>([
    ['https://github.com/team/live.git', 'https://github.com', 'team/live'],
    ['https://github.com/team/live', 'https://github.com', 'team/live'],
    ['https://github.com/team/live/', 'https://github.com', 'team/live'],
    ['https://GitHub.com/team/live.git', 'https://github.com', 'team/live'],
    ['git@github.com:team/live.git', 'https://github.com', 'team/live'],
    ['git@github.com:/team/live.git', 'https://github.com', 'team/live'],
    ['ssh://git@github.com/team/live.git', 'https://github.com', 'team/live'],
    ['ssh://git@ssh.github.com:443/team/live.git', 'https://github.com', 'team/live'],
    ['git@github.example.com:team/live.git', 'https://github.example.com', 'team/live'],
    ['https://gitlab.com/team/sub/sub/live.git', 'https://gitlab.com', 'team/sub/sub/live'],
    ['ssh://git@altssh.gitlab.com:443/team/live.git', 'https://gitlab.com', 'team/live'],
    ['https://git.example.com/lab/team/live.git', 'https://git.example.com/lab', 'team/live'],
    ['https://git.example.com/tea/team/live.git', 'https://git.example.com/tea', 'team/live'],
    ['http://127.0.0.1:3000/team/live.git', 'http://127.0.0.1:3000', 'team/live'],
    ['ssh://git@127.0.0.1:2222/team/live.git', 'http://127.0.0.1:3000', 'team/live'],
    ['https://bitbucket.org/team/live.git', 'https://bitbucket.org', 'team/live'],
    ['git@bitbucket.org:team/live.git', 'https://bitbucket.org', 'team/live'],
    ['https://stash.example.com/scm/TEAM/live.git', 'https://stash.example.com', 'TEAM/live'],
    ['https://stash.example.com/scm/~ann/live.git', 'https://stash.example.com', '~ann/live'],
    ['ssh://git@stash.example.com:7999/TEAM/live.git', 'https://stash.example.com', 'TEAM/live'],
    [
      'https://one.example.com/stash/scm/TEAM/live.git',
      'https://one.example.com/stash',
      'TEAM/live',
    ],
    ['https://dev.azure.com/acme/shop/_git/live', 'https://dev.azure.com/acme', 'shop/live'],
    ['https://dev.azure.com/acme/_git/live', 'https://dev.azure.com/acme', 'live/live'],
    [
      'https://dev.azure.com/acme/my%20shop/_git/live',
      'https://dev.azure.com/acme',
      'my shop/live',
    ],
    ['git@ssh.dev.azure.com:v3/acme/shop/live', 'https://dev.azure.com/acme', 'shop/live'],
    ['git@ssh.dev.azure.com:v3/other/shop/live', 'https://dev.azure.com/other', 'shop/live'],
    ['https://acme.visualstudio.com/shop/_git/live', 'https://acme.visualstudio.com', 'shop/live'],
    [
      'https://tfs.example.com/tfs/Main/shop/_git/live',
      'https://tfs.example.com/tfs/Main',
      'shop/live',
    ],
    [
      'ssh://tfs.example.com:22/tfs/Main/shop/_git/live',
      'https://tfs.example.com/tfs/Main',
      'shop/live',
    ],
  ])('%s', (remote, address, repository) => {
    const place = placeOf(remote, sites);
    expect(place.kind === 'known' ? [place.site.address, place.repository] : place.reason).toEqual([
      address,
      repository,
    ]);
  });
});

describe('a remote is nowhere', () => {
  test.each<[string, RegExp]>([
    ['/srv/live.git', /is not an https or ssh address/],
    ['../live', /is not an https or ssh address/],
    ['file:///srv/live.git', /is not an https or ssh address/],
    ['C:\\live', /is not an https or ssh address/],
    ['git://github.com/team/live.git', /is not an https or ssh address/],
    ['https://git.example.net/team/live.git', /no known host has .* --hosts-config/],
    ['https://github.com.evil.example/team/live.git', /no known host has/],
    ['https://github.com:8443/team/live.git', /no known host has/],
    ['https://git.example.com/laboratory/team/live.git', /no known host has/],
    [
      'https://github.com/team',
      /does not end in the path of a repository of https:\/\/github\.com/,
    ],
    ['https://github.com/a/b/c', /does not end in the path/],
    ['https://stash.example.com/TEAM/live.git', /does not end in the path/],
    ['https://dev.azure.com/acme/shop/live', /does not end in the path/],
    ['git@ssh.dev.azure.com:v3/nobody/shop/live', /does not end in the path/],
  ])('%s', (remote, reason) => {
    expect(placeOf(remote, sites)).toEqual({
      kind: 'unknown',
      reason: expect.stringMatching(reason),
    });
  });

  test('and a token in it is not shown', () => {
    const place = placeOf('https://bot:canary-token@git.example.net/a/b', sites);
    expect(JSON.stringify(place)).not.toContain('canary');
  });
});
