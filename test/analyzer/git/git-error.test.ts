import { expect, test } from 'vitest';
import { GitError } from '../../../analyzer/git/index.ts';
import { redact } from '../../../analyzer/redact.ts';

test.each([
  [
    "unable to access 'https://me:p@ss@host/a.git/': 403",
    "unable to access 'https://***@host/a.git/': 403",
  ],
  ['https://token@host/a and http://b:c@d', 'https://***@host/a and http://***@d'],
  ['> Authorization: Basic bWU6c2VjcmV0', '> Authorization: ***'],
  ['authorization: Bearer abc def', 'authorization: *** def'],
  ['git@github.com:a/b.git: Permission denied', 'git@github.com:a/b.git: Permission denied'],
])('redacts %j', (text, redacted) => {
  expect(redact(text)).toBe(redacted);
});

test('an error holds no credentials in its message or its output of git', () => {
  const error = new GitError('http://a:b@c', { retryable: true, stderr: 'http://a:b@c', cause: 1 });
  expect(error).toMatchObject({ message: 'http://***@c', stderr: 'http://***@c', cause: 1 });
});
