import { Duration } from 'cdk8s';
import { expect, test } from 'vitest';
import { givesCookie, takesCookie } from '../../../../lib/traffic/gateway-api/cookies.ts';

test('a cookie is set with all its attributes, and taken back with the same domain and path', () => {
  const cookie = {
    name: 'shop',
    maxAge: Duration.hours(1),
    domain: 'example.com',
    path: '/',
    sameSite: 'None',
    secure: true,
    httpOnly: true,
    partitioned: true,
  } as const;
  const header = (value: string) => ({
    type: 'ResponseHeaderModifier',
    responseHeaderModifier: { add: [{ name: 'Set-Cookie', value }] },
  });
  const rest = 'Domain=example.com; Path=/; SameSite=None; Secure; HttpOnly; Partitioned';
  expect(givesCookie(cookie, 'abc')).toEqual(header(`shop=abc; Max-Age=3600; ${rest}`));
  expect(takesCookie(cookie)).toEqual(header(`shop=; Max-Age=0; ${rest}`));
  expect(givesCookie({ name: 'shop' }, 'abc')).toEqual(header('shop=abc; Max-Age=86400'));
});
