import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GitError } from '../../analyzer/git/index.ts';
import {
  CREDENTIALS_LINE,
  credentialsFault,
  redact,
  redactAddress,
} from '../../analyzer/redact.ts';

const MARK = 'MARK';

/** Secrets that look like parts of addresses, of sentences and of each other; each holds the mark. */
const secret = fc
  .array(
    fc.constantFrom(
      '/',
      '@',
      ':',
      '?',
      '#',
      '&',
      '=',
      '%2F',
      '%40',
      "'",
      '"',
      '//',
      '://',
      '.',
      '-',
      'a',
      MARK,
    ),
    { maxLength: 8 },
  )
  .chain((parts) =>
    fc.integer({ min: 0, max: parts.length }).map((at) => parts.toSpliced(at, 0, MARK).join('')),
  );

/** Every form in which somebody writes a secret into an address. */
const FORMS: readonly [string, (it: string) => string][] = [
  ['a password', (it) => `https://user:${it}@git.example.com/org/app.git`],
  ['a token as the user', (it) => `https://${it}@git.example.com/org/app.git`],
  ['a token as the user, with a port', (it) => `http://x${it}@127.0.0.1:8080/app`],
  ['a password of ssh', (it) => `ssh://user:${it}@git.example.com/app.git`],
  ['a password in the short form', (it) => `user:${it}@git.example.com:org/app.git`],
  ['a token in the short form', (it) => `x${it}@git.example.com:org/app.git`],
  ['access_token', (it) => `https://git.example.com/app.git?access_token=${it}`],
  [
    'private_token, with more',
    (it) => `https://git.example.com/app.git?a=b&private_token=${it}&c=d`,
  ],
  ['a signature', (it) => `https://git.example.com/app.git?sig=${it}`],
  ['a fragment', (it) => `https://git.example.com/app.git#token=${it}`],
  ['both', (it) => `https://user:${it}@git.example.com/app.git?token=${it}`],
];

describe.each(FORMS)('%s', (_, addressOf) => {
  test('is in no address that is shown', () => {
    fc.assert(
      fc.property(secret, (it) => {
        expect(redactAddress(addressOf(it))).not.toContain(MARK);
      }),
    );
  });

  test('is in nothing that git says about it', () => {
    fc.assert(
      fc.property(secret, (it) => {
        const address = addressOf(it);
        for (const said of [
          `fatal: unable to access '${address}': The requested URL returned error: 403`,
          `fatal: '${address}' does not appear to be a git repository`,
          `error: pathspec "${address}" did not match`,
          `remote: see ${address} for more`,
          `To ${address}\n ! [rejected] main -> main (fetch first)`,
          `fetch ${address}`,
          `${address}: Permission denied (publickey).`,
        ]) {
          expect(redact(said), said).not.toContain(MARK);
          const error = new GitError(`git failed: ${said}`, { retryable: false, stderr: said });
          expect(`${error.message}${error.stderr}`).not.toContain(MARK);
        }
      }),
    );
  });

  test('is minded before it is used, where a slash or a question mark is in it as well', () => {
    for (const it of ['secret', 'se/cret', 'se@cret', 'se?cret', 'se%2Fcret']) {
      const fault = credentialsFault(addressOf(it));
      // A name alone is how ssh logs in.
      if (addressOf(it) === 'xsecret@git.example.com:org/app.git') expect(fault).toBeUndefined();
      else if (addressOf(it) === 'xse%2Fcret@git.example.com:org/app.git')
        expect(fault).toBeUndefined();
      else expect(fault, addressOf(it)).toMatch(/^has a/);
    }
  });
});

test.each([
  'https://git.example.com/org/app.git',
  'git@git.example.com:org/app.git',
  'ssh://git@git.example.com/org/app.git',
  '/srv/git/app@2:x.git',
  './app?.git',
  'https://git.example.com/app.git?service=x',
])('%s has nothing in it', (address) => {
  expect(credentialsFault(address)).toBeUndefined();
});

test.each([
  'https://git.example.com/org/app.git',
  'git@git.example.com:org/app.git',
  '/srv/git/app@2:x.git',
])('%s is shown as it is', (address) => {
  expect(redactAddress(address)).toBe(address);
  expect(redact(`${address}: it is not there (see ${address})`)).toContain(`see ${address})`);
});

test('advice that shows how a line of the credentials file looks is not eaten', () => {
  const advice = `name a credentials file with a line ${CREDENTIALS_LINE}, or set up an ssh key`;
  const error = new GitError(`https://a.example.com: ${advice} (fatal: 'https://x:y@b/c')`, {
    retryable: false,
  });
  expect(error.message).toBe(`https://a.example.com: ${advice} (fatal: 'https://***@b/c')`);
});

test('is not in an error that is shown whole, with its cause', () => {
  const cause = new Error(`unable to access 'https://user:${MARK}@host/x.git': 403`);
  const error = new GitError('git failed', { retryable: false, cause });
  expect(inspect(error)).toContain(MARK);
  expect(redact(inspect(error))).not.toContain(MARK);
});

test('a password with blanks is hidden where the address stands in quotes', () => {
  const said = "fatal: unable to access 'https://user:a b'c@git.example.com/x.git/': error";
  expect(redact(said)).toBe("fatal: unable to access 'https://***@git.example.com/x.git/': error");
});

test('what was hidden once stays as it is', () => {
  fc.assert(
    fc.property(secret, fc.constantFrom(...FORMS), (it, [, addressOf]) => {
      const once = redact(`see '${addressOf(it)}': no`);
      expect(redact(once)).toBe(once);
    }),
  );
});
