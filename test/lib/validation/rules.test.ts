import { expect, test } from 'vitest';
import { sentence } from '../../../lib/mistake.ts';
import { RELEASE_KINDS } from '../../../lib/plan/policy.ts';
import { RULES } from '../../../lib/validation/rules/rules.ts';
import { validate } from '../../../lib/validation/validate.ts';
import { placed, titleOf } from '../../contract/validation/case.ts';
import { CASES } from '../../contract/validation/cases.ts';

// The same table is held against a real API server in test/e2e/validation.test.ts.
test('synth refuses what the API server would refuse, for one reason alone, and nothing else', async () => {
  const odd: string[] = [];
  for (const it of CASES) {
    for (const value of it.wrong) {
      const found = await validate([{ path: 'a', object: placed(it, value) }]);
      if (found.length === 1) continue;
      const said = found.map((one) => `\n    ${sentence(one)}`).join('') || ' taken';
      odd.push(`${titleOf(it)} ${JSON.stringify(value)?.slice(0, 200)}:${said}`);
    }
    for (const value of it.right) {
      const found = await validate([{ path: 'a', object: placed(it, value) }]);
      for (const one of found)
        odd.push(
          `${titleOf(it)} ${JSON.stringify(value)?.slice(0, 200)} is right: ${sentence(one)}`,
        );
    }
  }
  expect(odd.join('\n')).toBe('');
});

test('every kind that a release may hold has its rules', () => {
  expect(Object.keys(RULES)).toEqual(expect.arrayContaining([...RELEASE_KINDS]));
});
