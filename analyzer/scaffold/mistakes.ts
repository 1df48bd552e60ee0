import type { Choices } from './choices.ts';

/** A choice that is written as text. */
export type TextChoice = Exclude<keyof Choices, 'router' | 'sync' | 'ci' | 'packageManager'>;

interface Form {
  readonly pattern: RegExp;
  readonly expected: string;
}

const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

const FORMS: Readonly<Record<TextChoice, Form>> = {
  // The other files of apps/ have these names.
  release: {
    pattern: /^(?!(?:main|perch)$)[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/,
    expected:
      'expected lower-case letters, digits and hyphens, such as shop, and neither main nor perch',
  },
  namespace: {
    pattern: LABEL,
    expected: 'expected lower-case letters, digits and hyphens, such as shop',
  },
  image: {
    pattern: /^[a-z0-9][\w./:-]*(?::[\w][\w.-]*|@sha256:[0-9a-f]{64})$/i,
    expected: 'expected an image with its tag or digest, such as example/shop:1.4.2',
  },
  port: {
    pattern: /^(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/,
    expected: 'expected a port from 1 to 65535',
  },
  repository: {
    pattern: /^(?:https?|ssh):\/\/[^\s'"\\]+$/,
    expected: 'expected a URL, such as https://git.example.com/team/releases.git',
  },
  prometheus: {
    pattern: /^https?:\/\/[^\s'"\\]+$/,
    expected: 'expected a URL, such as http://prometheus.monitoring:9090',
  },
};

/** What is wrong with what somebody has written for a choice, and what was expected. */
export function choiceMistake(field: TextChoice, value: string): string | undefined {
  const { pattern, expected } = FORMS[field];
  return pattern.test(value) ? undefined : expected;
}
