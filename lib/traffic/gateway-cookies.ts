import type { JsonObject } from '../json.ts';
import type { SessionCookie, TextMatch } from './traffic.ts';

/** What is special in a regular expression. */
const SPECIAL = /[\\^$.*+?()[\]{}|]/g;

/** A text as a regular expression (RE2) that matches it alone. */
export function escaped(text: string): string {
  return text.replace(SPECIAL, '\\$&');
}

/** What a value must be, as a regular expression over the whole of it. */
export function pattern(text: TextMatch): string {
  if ('exact' in text) return `^${escaped(text.exact)}$`;
  return 'prefix' in text ? `^${escaped(text.prefix)}.*$` : `^(?:${text.regex})$`;
}

/**
 * What a Cookie header must be to have all of these, in any order; names and values are whole ones.
 * RE2 cannot look ahead, so every order is written out.
 */
export function cookiesPattern(cookies: Readonly<Record<string, TextMatch>>): string {
  const pairs = Object.entries(cookies).map(
    ([name, text]) => `${escaped(name)}=${cookieValue(text)}`,
  );
  const all = orders(pairs).map((it) => it.join('[ \\t]*;(?:.*;)?[ \\t]*'));
  const inside = all.length === 1 ? all.join('') : `(?:${all.join('|')})`;
  return `^(?:.*;)?[ \\t]*${inside}[ \\t]*(?:;.*)?$`;
}

function cookieValue(text: TextMatch): string {
  if ('exact' in text) return escaped(text.exact);
  return 'prefix' in text ? `${escaped(text.prefix)}[^;]*` : `(?:${withinCookie(text.regex)})`;
}

/** A dot outside of a class would run on into the next cookie. */
function withinCookie(regex: string): string {
  return regex.replace(CLASS_OR_ESCAPE_OR_DOT, (it) => (it === '.' ? '[^;]' : it));
}

const CLASS_OR_ESCAPE_OR_DOT = /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]])*\]|\./g;

/** Whether a regular expression of a cookie's value has a part that matches `;`, and so the cookies after it. */
export function crossesCookies(regex: string): boolean {
  const parts = regex.match(CLASS_OR_ESCAPE_OR_DOT) ?? [];
  const plain = regex.replace(CLASS_OR_ESCAPE_OR_DOT, '');
  return plain.includes(';') || parts.some((it) => it !== '.' && matchesSemicolon(it));
}

function matchesSemicolon(part: string): boolean {
  // Not in the regular expressions of this language, or with another meaning.
  if (/^\\[PC]/.test(part) || part.includes('[:^')) return true;
  try {
    return new RegExp(part).test(';');
  } catch {
    return true;
  }
}

function orders(all: readonly string[]): readonly (readonly string[])[] {
  if (all.length <= 1) return [all];
  return all.flatMap((it, index) => orders(all.toSpliced(index, 1)).map((rest) => [it, ...rest]));
}

/** A filter of one backend that gives a cookie to whom it answers, beside the cookies of the application. */
export function givesCookie(cookie: SessionCookie, value: string): JsonObject {
  const seconds = cookie.maxAge?.toSeconds() ?? DAY_SECONDS;
  return answersWith(cookieText(cookie, value, seconds));
}

/** A filter that ends the cookie in the browser; it does so only with the domain and path that it was given with. */
export function takesCookie(cookie: SessionCookie): JsonObject {
  return answersWith(cookieText(cookie, '', 0));
}

const DAY_SECONDS = 86_400;

function answersWith(value: string): JsonObject {
  const add = [{ name: 'Set-Cookie', value }];
  return { type: 'ResponseHeaderModifier', responseHeaderModifier: { add } };
}

/** Set-Cookie as RFC 6265 writes it. */
function cookieText(it: SessionCookie, value: string, maxAgeSeconds: number): string {
  return [
    `${it.name}=${value}`,
    `Max-Age=${maxAgeSeconds}`,
    ...(it.domain === undefined ? [] : [`Domain=${it.domain}`]),
    ...(it.path === undefined ? [] : [`Path=${it.path}`]),
    ...(it.sameSite === undefined ? [] : [`SameSite=${it.sameSite}`]),
    ...(it.secure === true ? ['Secure'] : []),
    ...(it.httpOnly === true ? ['HttpOnly'] : []),
    ...(it.partitioned === true ? ['Partitioned'] : []),
  ].join('; ');
}
