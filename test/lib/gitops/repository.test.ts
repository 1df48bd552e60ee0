import { expect, test } from 'vitest';
import { addressMistakes, httpAddressMistakes, portOf } from '../../../lib/gitops/repository.ts';

test.each([
  ['https://git.example.com/team/releases.git', 443],
  ['https://git.example.com:8443/a', 8443],
  ['http://prometheus:9090', 9090],
  ['http://prometheus/select', 80],
  ['ssh://git@git.example.com/a.git', 22],
  ['ssh://git@git.example.com:2222/a.git', 2222],
  ['git@git.example.com:team/a.git', 22],
])('%s is reached at port %i', (address, port) => {
  expect(addressMistakes('url', address)).toEqual([]);
  expect(portOf(address)).toBe(port);
});

test.each(['', 'releases', './releases', 'file:///srv/a', 'ftp://host/a', 'https://'])(
  '%j is not a valid address',
  (address) => {
    expect(addressMistakes('url', address)).toEqual([
      {
        problem: 'url is not a valid address',
        got: address,
        remedy: expect.stringContaining('https://'),
      },
    ]);
  },
);

test.each(['ftp://bot:t0ken@host/a', 'https://bot:t0ken@ho st/a'])(
  '%s is not valid, and may hold a credential: it is not repeated',
  (address) => {
    for (const found of [addressMistakes('url', address), httpAddressMistakes('url', address)]) {
      expect(found).toHaveLength(1);
      expect(JSON.stringify(found)).not.toContain('t0ken');
    }
  },
);

test.each(['https://bot:t0ken@host/a', 'https://t0ken@host/a', 'ssh://git:t0ken@host/a'])(
  '%s would show a credential, and so would its mistake',
  (address) => {
    const found = addressMistakes('url', address);
    expect(found).toEqual([
      expect.objectContaining({ problem: expect.stringContaining('credential') }),
    ]);
    expect(JSON.stringify(found)).not.toContain('t0ken');
  },
);
