import { Duration } from 'cdk8s';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SessionCookie, TextMatch } from '../../../lib/index.ts';
import {
  cookieMistakes,
  cookiePattern,
  sessionCookieMistakes,
  setCookie,
} from '../../../lib/traffic/cookies.ts';
import { tries } from '../../tries.ts';
import { cookiesIn, textHolds } from './requests.ts';

const matches = (cookies: Readonly<Record<string, TextMatch>>, header: string) =>
  new RegExp(`^(?:${cookiePattern(cookies)})$`).test(header);

describe('a cookie among others', () => {
  test.each<[string, TextMatch, boolean]>([
    ['group=beta', { exact: 'beta' }, true],
    ['a=1; group=beta; b=2', { exact: 'beta' }, true],
    ['a=1;group=beta;b=2', { exact: 'beta' }, true],
    ['a=1;\tgroup=beta ; b=2', { exact: 'beta' }, true],
    ['group=alpha; group=beta', { exact: 'beta' }, true],
    // Names and values of others that hold ours.
    ['mygroup=beta', { exact: 'beta' }, false],
    ['group2=beta', { exact: 'beta' }, false],
    ['a=group=beta', { exact: 'beta' }, false],
    ['GROUP=beta', { exact: 'beta' }, false],
    ['group=beta2', { exact: 'beta' }, false],
    ['group=betray; x=beta', { exact: 'beta' }, false],
    ['group', { exact: '' }, false],
    ['group=', { exact: '' }, true],
    ['group=bet', { prefix: 'beta' }, false],
    ['x=1; group=beta=2', { prefix: 'beta' }, true],
    ['group=x; y=beta', { regex: '.*beta' }, false],
    ['group=x; y=beta', { regex: '[^a]*beta' }, false],
    ['group=x; y=beta', { regex: '\\D+' }, true],
    ['group=1; y=beta', { regex: '\\D+' }, false],
    ['group=beta-7', { regex: '^(?:alpha|beta)-\\d+$' }, true],
    ['group=beta-7x', { regex: '^(?:alpha|beta)-\\d+$' }, false],
  ])('%s with %j: %s', (header, value, expected) => {
    expect(cookieMistakes({ group: value })).toEqual([]);
    expect(matches({ group: value }, header)).toBe(expected);
  });

  test('exactly as a server reads the header, for odd cookies', () => {
    const odd = fc.string({ unit: fc.constantFrom(...'ab.=;, \t"*?[('), maxLength: 6 });
    const name = fc.constantFrom('a', 'b', 'ab', 'a.b', 'a*');
    const header = fc
      .array(
        fc.oneof(
          odd,
          fc.tuple(name, odd).map(([key, it]) => `${key}=${it}`),
        ),
        { maxLength: 5 },
      )
      .chain((all) => fc.constantFrom('; ', ';', ' ;\t').map((it) => all.join(it)));
    const value: fc.Arbitrary<TextMatch> = fc.oneof(
      odd.map((exact) => ({ exact })),
      odd.map((prefix) => ({ prefix })),
      fc
        .constantFrom('.*', 'a+', '[^b]*', '(?:a|b)\\S*', '.?=.*', '^a$')
        .map((regex) => ({ regex })),
    );
    const asked = fc.dictionary(name, value, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
    fc.assert(
      fc.property(header, asked, (text, cookies) => {
        fc.pre(cookieMistakes(cookies).length === 0);
        const sent = cookiesIn(text);
        const expected = Object.entries(cookies).every(([key, it]) =>
          sent.some(([other, got]) => other === key && textHolds(it, got)),
        );
        expect(matches(cookies, text)).toBe(expected);
      }),
      { numRuns: tries(600) },
    );
  });

  test('flags of RE2 stay within the value', () => {
    const value = { group: { regex: '(?i)beta' } };
    expect(cookieMistakes(value)).toEqual([]);
    expect(cookiePattern(value)).toBe('(?:.*;)?[ \\t]*group=(?:(?i)beta)[ \\t]*(?:;.*)?');
  });

  test.each<[Readonly<Record<string, TextMatch>>, string]>([
    [{ group: { exact: 'a;b' } }, 'the value of cookie group has a semicolon, or white space'],
    [{ group: { prefix: ' a' } }, 'the value of cookie group has a semicolon, or white space'],
    [{ group: { regex: 'a;b' } }, 'the value of cookie group has ;b, which may pass its end'],
    [
      { group: { regex: '[ -~]+' } },
      'the value of cookie group has [ -~]+, which may pass its end',
    ],
    [{ group: { regex: '[\\W]' } }, 'the value of cookie group has [\\W], which may pass its end'],
    [{ group: { regex: '\\x3b' } }, 'the value of cookie group has \\x3b, which may pass its end'],
    [{ group: { regex: '(?=a)' } }, 'the value of cookie group has (?=a), which may pass its end'],
    [{ group: { regex: 'a)|(.*' } }, 'the value of cookie group is not a complete expression'],
    [{ group: { regex: '' } }, 'the value of cookie group is not a complete expression'],
    [{ 'a b': { exact: 'c' } }, 'a cookie’s name is not a token'],
    [
      Object.fromEntries(['a', 'b', 'c', 'd'].map((it) => [it, { exact: 'e' }])),
      'a match asks for more than 3 cookies at once',
    ],
  ])('%j is refused', (cookies, problem) => {
    expect(cookieMistakes(cookies)).toEqual([
      expect.objectContaining({ problem: expect.stringContaining(problem) }),
    ]);
  });
});

describe('the session cookie', () => {
  const cookie: SessionCookie = {
    name: 'shop%version',
    maxAge: Duration.hours(2),
    domain: 'example.com',
    path: '/a%20b',
    sameSite: 'None',
    secure: true,
    httpOnly: true,
    partitioned: true,
  };

  test('has every attribute, and is taken back with the same domain and path', () => {
    expect(setCookie(cookie, 'c0ffee1234')).toBe(
      'shop%version=c0ffee1234; Max-Age=7200; Domain=example.com; Path=/a%20b; SameSite=None; Secure; HttpOnly; Partitioned',
    );
    expect(setCookie(cookie, 'taken back')).toBe(
      'shop%version=; Max-Age=0; Domain=example.com; Path=/a%20b; SameSite=None; Secure; HttpOnly; Partitioned',
    );
    expect(setCookie({ name: 'shop' }, 'c0ffee1234')).toBe('shop=c0ffee1234; Max-Age=86400');
    expect(sessionCookieMistakes(cookie)).toEqual([]);
  });

  test.each<[SessionCookie, string]>([
    [{ name: 'a', sameSite: 'None' }, 'is one that browsers take with `secure` alone'],
    [{ name: 'a', partitioned: true }, 'is one that browsers take with `secure` alone'],
    [{ name: '__Host-a', secure: true }, 'begins with __Host- but is not for one host'],
    [{ name: 'a', path: 'shop' }, 'has a path that browsers ignore'],
    [{ name: 'a', domain: 'a.example; Secure' }, 'has a domain or a path that no cookie can have'],
    [{ name: 'a', maxAge: Duration.millis(1500) }, 'has a maxAge that is not in whole seconds'],
    [{ name: 'a;b' }, 'name is not a token'],
    [{ name: 'a', primaryName: 'a' }, 'of the canary and of the primary have one name'],
    [{ name: 'a', primaryName: '__Host-b', secure: true }, 'cookie __Host-b begins with __Host-'],
    [{ name: 'a', primaryName: 'b', path: 'shop' }, 'cookie a has a path that browsers ignore'],
  ])('%j is refused', (wrong, problem) => {
    expect(sessionCookieMistakes(wrong)).toEqual([
      expect.objectContaining({ problem: expect.stringContaining(problem) }),
    ]);
  });
});
