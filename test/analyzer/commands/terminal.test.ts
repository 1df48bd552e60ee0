import { beforeAll, describe, expect, test } from 'vitest';
import { USAGE_OUTPUT } from '../../../analyzer/commands/terminal.ts';
import { plain, plainJson, plainLines, quote } from '../../../lib/plan/plain.ts';
import { plan } from '../core/fixture.ts';
import { openField } from '../field.ts';
import { bare, git, gitWith, scratch } from '../git/fixture.ts';
import { type Cli, openCli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;
beforeAll(async () => {
  perch = await openPerch();
});

/** One of each kind: escapes, C1, bidi, zero width, line ends, half characters, tags, a variation selector. */
const HOSTILE =
  '\u001b[2J\u009b1m\u0007\u0000\r\u202e\u2066\u200e\u200f\u061c\u200b\u200d\u2060\ufeff\u00ad\u2028\u2029\u0085\udc00\ud800\u{e0041}\ufe0f';
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

test('one line holds nothing hidden, and nothing else is touched', () => {
  expect(plain(`a${HOSTILE}b\n\tc`)).not.toMatch(HIDDEN);
  expect(plain('a\u001b[2J\n\u202e\u200bb\tc')).toBe('a [2J b c');
  expect(plain('Grüße 日本 → 5 % ✓ 🚀 a"b\'c')).toBe('Grüße 日本 → 5 % ✓ 🚀 a"b\'c');
});

test('several lines keep breaks and tabs, and name what is hidden', () => {
  const shown = plainLines(`a\n\tb\u001b[2J\u202e${HOSTILE}`);
  expect(shown).toMatch(/^a\n\tb<U\+001B>\[2J<U\+202E>/);
  expect(shown.replace(/[\n\t]/g, '')).not.toMatch(HIDDEN);
});

test('JSON stays the data that it was', () => {
  const data = { [`key${HOSTILE}`]: [HOSTILE, 'a\n\tb'], deep: { b: '🚀' } };
  for (const indent of [undefined, 2]) {
    const shown = plainJson(JSON.stringify(data, undefined, indent));
    expect(JSON.parse(shown)).toEqual(data);
    expect(shown.replaceAll('\n', '')).not.toMatch(HIDDEN);
  }
});

test('a quote is one line of bounded length, and ends in no half character', () => {
  expect(quote('a\n b\u202e  c')).toBe('a b c');
  expect(quote('x'.repeat(10_000_000), 10)).toBe(`${'x'.repeat(10)}…`);
  expect(quote(`${'x'.repeat(9)}🚀🚀`, 10)).toBe(`${'x'.repeat(9)}…`);
});

describe('complaints of the command line', () => {
  function said(text: string): string {
    let all = '';
    USAGE_OUTPUT.outputError(text, (it) => {
      all += it;
    });
    return all;
  }

  test.each([
    ["error: unknown option '--metrics-token=MARK'", "error: unknown option '--metrics-token***'"],
    ["error: unknown command 'https://a:MARK@b'", "error: unknown command '***'"],
    [
      "error: option '--interval <seconds>' argument 'Bearer 'MARK'MARK' is invalid. expected a number above 0",
      "error: option '--interval <seconds>' argument '***' is invalid. expected a number above 0",
    ],
    [
      "error: option '--context <names>' value 'MARK@MARK' from env 'PERCH_CONTEXT' is invalid. x",
      "error: option '--context <names>' value '***' from env 'PERCH_CONTEXT' is invalid. x",
    ],
  ])('%s', (complaint, shown) => {
    expect(said(complaint)).toBe(shown);
  });

  test('still show a value that is plain', () => {
    const text =
      "error: option '--interval <seconds>' argument 'ten' is invalid. expected a number";
    expect(said(text)).toBe(text);
    expect(said("error: unknown option '--onec'\n(Did you mean --once?)")).toContain("'--onec'");
  });

  test.each([
    ['an unknown option', ['status', '--metrics-token=MARKmark']],
    ['an unknown command', ['https://user:MARKmark@host/x']],
    ['a wrong value', ['analyze', '--once', '--interval', 'Bearer MARKmark']],
    ['a revision that is none', ['verify', 'https://user:MARKmark@host/x', '--repo', '.']],
    [
      'a repository with a slash in its password',
      ['status', '--repo', 'https://u:a/MARKmark@host/x'],
    ],
    ['a repository in the short form', ['status', '--repo', 'u:MARKmark@host:x']],
    ['a repository with a parameter', ['status', '--repo', 'https://host/x?access_token=MARKmark']],
    [
      'metrics with a slash in the password',
      ['analyze', '--once', '--metrics', 'http://u:1/MARKmark@host'],
    ],
    [
      'a receiver with a slash in the password',
      ['analyze', '--once', '--nudge', 'http://u:1/MARKmark@host'],
    ],
    [
      'a gateway with a slash in the password',
      ['analyze', '--once', '--push-gateway', 'http://u:1/MARKmark@host'],
    ],
  ])('repeat no secret: %s', async (_, args) => {
    const folder = await scratch();
    git(folder, 'init', '--quiet', '--bare', '--initial-branch=main');
    const { code, stdout, stderr } = await perch(...args.map((it) => (it === '.' ? folder : it)));
    expect(code).toBeGreaterThan(0);
    expect(stderr).not.toBe('');
    expect(stdout + stderr).not.toContain('MARK');
  });

  test('repeat no secret in a process of its own either', async () => {
    const cli = await openCli();
    const { code, stdout, stderr } = await cli('status', '--metrics-token=MARKmark');
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('unknown option')]);
    expect(stderr).not.toContain('MARK');
  });
});

test('names from a repository reach no terminal, log, diff or machine as they are', async () => {
  const field = await openField((await bare()).folder);
  const { folder } = field;
  await field.release({ app: plan('v1') });
  // A folder of dist/ with a hostile name, as only git itself lets through.
  const name = 'x\u202e\u009b2J\u200b';
  const blob = gitWith({ folder, input: `a: [\u001b[2J\u202e` }, 'hash-object', '-w', '--stdin');
  const tree = gitWith({ folder, input: `100644 blob ${blob}\tplan.yaml\n` }, 'mktree');
  const dist = gitWith(
    { folder, input: `${git(folder, 'ls-tree', 'main:dist')}\n040000 tree ${tree}\t${name}\n` },
    'mktree',
  );
  const root = gitWith({ folder, input: `040000 tree ${dist}\tdist\n` }, 'mktree');
  const commit = git(folder, 'commit-tree', root, '-p', 'main', '-m', 'odd');
  git(folder, 'update-ref', 'refs/heads/main', commit);
  for (const args of [
    ['status'],
    ['status', '--json'],
    ['verify'],
    ['verify', '--json'],
    ['history', 'absent'],
    ['diff', 'absent'],
    ['plan', name],
    ['analyze', '--once'],
    ['wait', 'absent\u202e', '--for', 'promoted', '--timeout', '1s'],
  ]) {
    const { stdout, stderr } = await perch(...args, '--repo', folder);
    expect(stdout + stderr, args.join(' ')).not.toBe('');
    expect((stdout + stderr).replace(/[\n\t]/g, ''), args.join(' ')).not.toMatch(HIDDEN);
  }
  const { stdout, stderr } = await perch('status', '--repo', folder);
  expect(stdout + stderr).toMatch(/x ?(?:<U\+202E><U\+009B>2J<U\+200B>|2J|\\u202E)/i);
});
