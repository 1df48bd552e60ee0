import type { Reproof } from '../mistake.ts';
import type { Side } from '../names.ts';
import type { SessionCookie, TextMatch } from './traffic.ts';

/** Cookies that one condition asks for at once: their pattern holds every order of them. */
const MOST_COOKIES = 3;

/**
 * RE2 over a whole Cookie header (RFC 6265) that has all of these cookies, in any order and among others. Names
 * are compared with their borders, and a value ends at the next semicolon, also for a `regex`.
 */
export function cookiePattern(cookies: Readonly<Record<string, TextMatch>>): string {
  const all = Object.entries(cookies).map(([name, value]) => {
    const { pattern } = valuePattern(value);
    return `[ \\t]*${quoted(name)}=${pattern}[ \\t]*`;
  });
  const orders = permutations(all).map((it) => `(?:.*;)?${it.join(';(?:.*;)?')}(?:;.*)?`);
  return orders.length === 1 ? (orders[0] ?? '') : `(?:${orders.join('|')})`;
}

/** What of a condition on cookies one pattern cannot say. */
export function cookieMistakes(cookies: Readonly<Record<string, TextMatch>>): readonly Reproof[] {
  const entries = Object.entries(cookies);
  const many =
    entries.length > MOST_COOKIES
      ? [
          {
            problem: `a match asks for more than ${MOST_COOKIES} cookies at once`,
            got: Object.keys(cookies),
            remedy: 'ask for one that says it all',
          },
        ]
      : [];
  const names = entries.flatMap(([name]) => nameMistakes(name));
  const values = entries.flatMap(([name, value]) => {
    const { problem } = valuePattern(value);
    if (problem === undefined) return [];
    return [{ problem: `the value of cookie ${name} ${problem}`, got: value, remedy: CONFINED }];
  });
  return [...many, ...names, ...values];
}

const CONFINED =
  'a value holds no semicolon: use literals, ., \\d, \\w, \\s, groups, and classes without a semicolon in them';

function nameMistakes(name: string): readonly Reproof[] {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return [];
  return [
    {
      problem: 'a cookie’s name is not a token (RFC 6265)',
      got: name,
      remedy: 'use letters, digits, dashes and underscores',
    },
  ];
}

/** What matches one value up to the semicolon after it, and why nothing can. */
interface ValuePattern {
  readonly pattern: string;
  /** @default - none */
  readonly problem?: string;
}

function valuePattern(value: TextMatch): ValuePattern {
  if ('regex' in value) return confined(value.regex);
  const text = 'exact' in value ? value.exact : value.prefix;
  const pattern = 'exact' in value ? quoted(text) : `${quoted(text)}[^;]*`;
  return text.includes(';') || text !== text.trim()
    ? { pattern, problem: 'has a semicolon, or white space at an end' }
    : { pattern };
}

/** An author's expression over one value, so rewritten that it cannot run over a semicolon. */
function confined(regex: string): ValuePattern {
  const source = regex.replace(/^\^/, '').replace(/(?<!\\)\$$/, '');
  let pattern = '';
  let rest = source;
  let depth = 0;
  while (rest !== '') {
    const rule = TOKENS.find((it) => it.form.test(rest));
    const token = rule?.form.exec(rest)?.[0] ?? '';
    const written = rule?.write(token);
    if (written === undefined)
      return { pattern: quoted(regex), problem: `has ${rest.slice(0, 6)}, which may pass its end` };
    depth += written.startsWith('(') && !/^\(\?[imsU-]+\)$/.test(written) ? 1 : 0;
    depth -= written === ')' ? 1 : 0;
    if (depth < 0) break;
    pattern += written;
    rest = rest.slice(token.length);
  }
  if (depth !== 0 || regex === '')
    return { pattern: quoted(regex), problem: 'is not a complete expression' };
  return { pattern: `(?:${pattern})` };
}

/** The parts of an expression that are understood; what none of them takes is refused. */
const TOKENS: readonly {
  readonly form: RegExp;
  readonly write: (token: string) => string | undefined;
}[] = [
  { form: /^\\[DWS]/, write: (it) => `[^;\\${(it[1] ?? '').toLowerCase()}]` },
  { form: /^\\(?:[dwsbt]|[^\w;])/, write: (it) => it },
  { form: /^\./, write: () => '[^;]' },
  { form: /^\[\^(?!\])(?:\\[^;]|[^\]\\[])+\]/, write: (it) => `[^;${it.slice(2)}` },
  {
    form: /^\[(?![\]^])(?:\\[dwst\W]|[^\]\\[])+\]/,
    write: (it) => (holdsSemicolon(it) ? undefined : it),
  },
  { form: /^\((?:\?(?::|P?<\w+>|[imsU-]+[:)])|(?!\?))/, write: (it) => it },
  { form: /^[^\\.[\]^$;(]/, write: (it) => it },
];

/** Whether a class names the semicolon, alone or within a range. */
function holdsSemicolon(charClass: string): boolean {
  const ranges = charClass.slice(1, -1).matchAll(/(\\?.)-(\\?.)/g);
  const within = ([, from = '', to = '']: RegExpMatchArray) =>
    (from.at(-1) ?? '') <= ';' && (to.at(-1) ?? '') >= ';';
  return charClass.includes(';') || [...ranges].some(within);
}

/** A text as an expression that matches it alone; RE2 takes a backslash before any punctuation. */
function quoted(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

function permutations(all: readonly string[]): readonly (readonly string[])[] {
  if (all.length <= 1) return [all];
  return all.flatMap((first, index) =>
    permutations(all.filter((_, at) => at !== index)).map((others) => [first, ...others]),
  );
}

/** A cookie by which users stay on a track. */
export interface TrackCookie {
  readonly track: Side;
  readonly cookie: SessionCookie;
}

/** The canary's cookie comes first: a user who asked twice at once may have got both. */
export function trackCookies(cookie: SessionCookie): readonly TrackCookie[] {
  const { primaryName: name } = cookie;
  const canary = { track: 'canary', cookie } as const;
  if (name === undefined) return [canary];
  return [canary, { track: 'primary', cookie: { ...cookie, name } }];
}

/** The Set-Cookie header (RFC 6265) that gives a user the cookie, or takes it back. */
export function setCookie(cookie: SessionCookie, value: string | 'taken back'): string {
  const { name, domain, path, sameSite, secure, httpOnly, partitioned } = cookie;
  const taken = value === 'taken back';
  const seconds = taken ? 0 : (cookie.maxAge?.toSeconds() ?? 86_400);
  const parts = [
    `${name}=${taken ? '' : value}`,
    `Max-Age=${seconds}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    ...(path === undefined ? [] : [`Path=${path}`]),
    ...(sameSite === undefined ? [] : [`SameSite=${sameSite}`]),
    ...(secure === true ? ['Secure'] : []),
    ...(httpOnly === true ? ['HttpOnly'] : []),
    ...(partitioned === true ? ['Partitioned'] : []),
  ];
  return parts.join('; ');
}

/** What browsers would not take of a session's cookies. */
export function sessionCookieMistakes(cookie: SessionCookie): readonly Reproof[] {
  const { name, primaryName } = cookie;
  const all = trackCookies(cookie).map((it) => it.cookie);
  const found = all.flatMap(attributeMistakes);
  const same =
    name !== primaryName
      ? []
      : [
          {
            problem: 'the session cookies of the canary and of the primary have one name',
            got: name,
            remedy: 'let primaryName differ from name',
          },
        ];
  return [
    ...all.flatMap((it) => nameMistakes(it.name)),
    ...same,
    // Most attributes are those of both.
    ...found.filter((it, index) => found.findIndex((one) => one.remedy === it.remedy) === index),
  ];
}

function attributeMistakes(cookie: SessionCookie): readonly Reproof[] {
  const { name, domain, path, sameSite, secure, partitioned, maxAge } = cookie;
  const needsSecure =
    sameSite === 'None' || partitioned === true || /^__(?:Secure|Host)-/.test(name);
  const host = name.startsWith('__Host-') && (path !== '/' || domain !== undefined);
  const odd = [domain, path].filter(
    (it) => it !== undefined && !/^[\x21-\x3a\x3c-\x7e]+$/.test(it),
  );
  const shortest = maxAge?.toMilliseconds({ integral: false }) ?? 1000;
  const rules: readonly (readonly [boolean, string, string])[] = [
    [
      needsSecure && secure !== true,
      'is one that browsers take with `secure` alone',
      'add `secure: true`: sameSite None, partitioned, and names with __Secure- or __Host- need it',
    ],
    [host, 'begins with __Host- but is not for one host', "give `path: '/'` and no domain"],
    [odd.length > 0, 'has a domain or a path that no cookie can have', 'leave ; and spaces out'],
    [
      path !== undefined && !path.startsWith('/'),
      'has a path that browsers ignore',
      'begin it with /',
    ],
    [
      shortest < 1000 || shortest % 1000 !== 0,
      'has a maxAge that is not in whole seconds',
      'use at least one second',
    ],
  ];
  const wrong = rules.filter(([is]) => is);
  return wrong.map(([, problem, remedy]) => ({
    problem: `the session cookie ${name} ${problem}`,
    got: { ...cookie, ...(maxAge === undefined ? {} : { maxAge: `${shortest / 1000}s` }) },
    remedy,
  }));
}
