import type { Mistake } from '../mistake.ts';
import type { SessionCookie } from '../traffic/traffic.ts';
import { durationMistakes } from './judged.ts';

/** What RFC 6265 allows in the name of a cookie. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What RFC 6265 does not allow in an attribute, or would end it. */
const BORDER = /[^\x20-\x7e]|[;,\s]/;

/** What browsers would not take of a cookie. */
export function cookieMistakes(path: string, cookie: SessionCookie | undefined): Mistake[] {
  if (cookie === undefined) return [];
  const { name, maxAge, domain, sameSite, secure, partitioned } = cookie;
  const mistakes = durationMistakes(path, 'sessionAffinity.maxAge', maxAge);
  const add = (field: keyof SessionCookie, problem: string, remedy: string) =>
    void mistakes.push({
      path,
      problem: `strategy.sessionAffinity.${field} ${problem}`,
      got: cookie[field],
      remedy,
    });
  if (!TOKEN.test(name)) add('name', 'must be a token', 'use letters, digits and dashes');
  if (domain !== undefined && (domain === '' || BORDER.test(domain)))
    add('domain', 'must be a domain', 'use the domain alone, such as example.com');
  if (cookie.path !== undefined && (!cookie.path.startsWith('/') || BORDER.test(cookie.path)))
    add('path', 'must be a path', 'begin it with a slash, without spaces and semicolons');
  if (sameSite === 'None' && secure !== true)
    add('sameSite', 'needs secure', 'set secure: browsers drop such a cookie without it');
  if (partitioned === true && secure !== true)
    add('partitioned', 'needs secure', 'set secure: browsers drop such a cookie without it');
  return mistakes;
}
