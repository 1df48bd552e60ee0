import { Duration } from 'cdk8s';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cookiesPattern,
  crossesCookies,
  givesCookie,
  pattern,
  takesCookie,
} from '../../../lib/traffic/gateway-cookies.ts';

describe('a pattern over the Cookie header', () => {
  const beta = new RegExp(cookiesPattern({ group: { exact: 'beta' } }));
  test.each([
    'group=beta',
    'a=b; group=beta',
    'group=beta; a=b',
    'a=b;group=beta;c=d',
    'group=alpha; group=beta',
  ])('finds the cookie in %s', (header) => expect(beta.test(header)).toBe(true));

  test.each([
    '',
    'group=betas',
    'group=alphabeta',
    'subgroup=beta',
    'a=group=beta',
    'a=b group=beta',
    'group=beta.',
    'GROUP=beta',
  ])('finds it not in "%s"', (header) => expect(beta.test(header)).toBe(false));

  test('names and values are taken as they are', () => {
    const it = new RegExp(cookiesPattern({ 'a.b*': { exact: 'x+y|z' } }));
    expect(it.test('a.b*=x+y|z')).toBe(true);
    expect(it.test('aXbb=x+y')).toBe(false);
    expect(it.test('a.b*=xxy|z')).toBe(false);
  });

  test('a prefix ends with its cookie', () => {
    const it = new RegExp(cookiesPattern({ v: { prefix: '2.' } }));
    expect(it.test('v=2.; w=1')).toBe(true);
    expect(it.test('v=2.9; w=1')).toBe(true);
    expect(it.test('v=20; w=1')).toBe(false);
    expect(new RegExp(cookiesPattern({ v: { prefix: '' } })).test('v=')).toBe(true);
  });

  test('a regular expression is one of the whole value, and ends with its cookie', () => {
    const it = new RegExp(cookiesPattern({ v: { regex: 'a.*c|[.]d' } }));
    expect(it.test('v=abbc')).toBe(true);
    expect(it.test('v=.d; w=1')).toBe(true);
    expect(it.test('v=ab; w=c')).toBe(false);
    expect(it.test('v=xd')).toBe(false);
    expect(it.test('v=acx')).toBe(false);
  });

  test('several cookies are found in any order, however many there are', () => {
    const names = fc.constantFrom('a', 'b', 'c');
    const texts = fc.constantFrom('1', '2');
    const header = fc.array(fc.tuple(names, texts), { maxLength: 6 });
    fc.assert(
      fc.property(fc.dictionary(names, texts, { minKeys: 1 }), header, (wanted, given) => {
        const it = new RegExp(
          cookiesPattern(
            Object.fromEntries(Object.entries(wanted).map(([key, exact]) => [key, { exact }])),
          ),
        );
        const has = Object.entries(wanted).every(([key, value]) =>
          given.some(([name, text]) => name === key && text === value),
        );
        expect(it.test(given.map((one) => one.join('=')).join('; '))).toBe(has);
      }),
    );
  });

  test.each([
    [';', true],
    ['a\\Sb', true],
    ['\\W', true],
    ['[^,]+', true],
    ['[ -~]', true],
    ['[[:^alpha:]]', true],
    ['a.*b', false],
    ['[^;,]+', false],
    ['[a-z0-9]{8}', false],
    ['\\d+\\.\\w+', false],
  ])('%s crosses: %s', (regex, expected) => expect(crossesCookies(regex)).toBe(expected));
});

test('a pattern is one of the whole value', () => {
  const found = (it: Parameters<typeof pattern>[0], value: string) =>
    new RegExp(pattern(it)).test(value);
  expect(found({ prefix: 'a.' }, 'a.b')).toBe(true);
  expect(found({ prefix: 'a.' }, 'aab')).toBe(false);
  expect(found({ prefix: 'a.' }, 'ba.')).toBe(false);
  expect(found({ regex: 'a|b' }, 'ab')).toBe(false);
  expect(found({ regex: 'a|b' }, 'b')).toBe(true);
});

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
