import { expect, test } from 'vitest';
import { Duration, type SessionCookie } from '../../../lib/index.ts';
import { cookieMistakes } from '../../../lib/strategy/session-cookie.ts';
import { texts } from './outline.ts';

test.each<[SessionCookie, string | undefined]>([
  [{ name: 'shop-canary' }, undefined],
  [
    {
      name: '__Host-shop',
      maxAge: Duration.days(7),
      domain: 'example.com',
      path: '/cart',
      sameSite: 'None',
      secure: true,
      httpOnly: true,
      partitioned: true,
    },
    undefined,
  ],
  [{ name: '' }, 'sessionAffinity.name must be a token'],
  [{ name: 'a=b' }, 'sessionAffinity.name must be a token'],
  [{ name: 'a; Secure' }, 'sessionAffinity.name must be a token'],
  [{ name: 'a', maxAge: Duration.millis(10) }, 'sessionAffinity.maxAge must be a whole number'],
  [{ name: 'a', domain: 'example.com; Path=/' }, 'sessionAffinity.domain must be a domain'],
  [{ name: 'a', path: 'cart' }, 'sessionAffinity.path must be a path'],
  [{ name: 'a', path: '/\r\nSet-Cookie: b=c' }, 'sessionAffinity.path must be a path'],
  [{ name: 'a', sameSite: 'None' }, 'sessionAffinity.sameSite needs secure'],
  [{ name: 'a', partitioned: true }, 'sessionAffinity.partitioned needs secure'],
])('%j', (cookie, expected) => {
  const found = texts(cookieMistakes('shop', cookie));
  expect(found).toEqual(expected === undefined ? [] : [expect.stringContaining(expected)]);
});
