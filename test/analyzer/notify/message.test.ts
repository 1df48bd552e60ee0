import { describe, expect, test } from 'vitest';
import {
  type Fact,
  type Happening,
  messageOf,
  type Severity,
} from '../../../analyzer/notify/message.ts';

const fact = (happening: Happening, more: Partial<Fact> = {}): Fact => ({
  release: 'shop',
  namespace: 'web',
  candidate: '0123456789',
  step: '02-weight-20',
  commit: 'c'.repeat(40),
  at: 1_800_000_000,
  happening,
  ...more,
});

const reason = 'why';

describe('a message', () => {
  test.each<[Happening, Severity, string, string]>([
    [{ kind: 'started', reason }, 'info', 'rollout started', 'why'],
    [{ kind: 'initialized' }, 'info', 'initialized', ''],
    [
      { kind: 'checkFailed', text: 'success-rate 69 % < 99 %', pointAt: 1_799_999_990 },
      'warn',
      'check failed',
      'success-rate 69 % < 99 %',
    ],
    [{ kind: 'hookFailed', hook: 'smoke', reason }, 'warn', 'hook failed', 'hook smoke: why'],
    [{ kind: 'promoted' }, 'info', 'promoted', ''],
    [{ kind: 'rollingBack', cause: 'failed', reason }, 'error', 'rolling back', 'why'],
    [{ kind: 'rollingBack', cause: 'inconclusive', reason }, 'error', 'rolling back', 'why'],
    [{ kind: 'rollingBack', cause: 'asked', reason }, 'warn', 'rolling back', 'why'],
    [{ kind: 'rolledBack', reason }, 'info', 'rolled back', 'why'],
    [{ kind: 'rejected', reason }, 'error', 'rejected before it started', 'why'],
    [{ kind: 'paused', reason }, 'warn', 'paused', 'why'],
    [{ kind: 'resumed', reason }, 'info', 'resumed', 'why'],
    [{ kind: 'waitingAtGate', reason }, 'warn', 'waiting at a gate', 'why'],
    [
      { kind: 'deadlineNear', reason, deadlineAt: 1_800_000_300 },
      'warn',
      'deadline near',
      'why. The deadline is 2027-01-15T08:05:00Z',
    ],
    [{ kind: 'inconclusive', reason }, 'error', 'inconclusive for too long', 'why'],
    [{ kind: 'planRefused', reason }, 'error', 'plan refused', 'why'],
    [{ kind: 'editedByHand', reason }, 'error', 'edited by hand', 'why'],
    [{ kind: 'syncOverdue', reason }, 'error', 'sync overdue', 'why'],
  ])('of %o', (happening, severity, title, text) => {
    const { kind } = happening;
    expect(messageOf(fact(happening))).toMatchObject({
      kind,
      severity,
      title: `shop: ${title}`,
      text,
      rollout: 'shop/0123456789',
      ends: kind === 'promoted' || kind === 'initialized',
      at: '2027-01-15T08:00:00Z',
    });
  });

  test('has an id of the commit, the release and what happened, whenever it is told', () => {
    const gate = fact({ kind: 'waitingAtGate', reason });
    const { id } = messageOf(gate);
    expect(id).toBe(`${'c'.repeat(40)}/shop/waitingAtGate`);
    expect(messageOf({ ...gate, at: gate.at + 60 }).id).toBe(id);
    const others: readonly Partial<Fact>[] = [
      { commit: 'd'.repeat(40) },
      // One commit moves all members of a group.
      { release: 'cart' },
      { happening: { kind: 'paused', reason } },
    ];
    for (const it of others) expect(messageOf({ ...gate, ...it }).id).not.toBe(id);
  });

  test('of another failed point, or another hook, about the same commit has an id of its own', () => {
    const failed = (pointAt: number) =>
      messageOf(fact({ kind: 'checkFailed', text: '', pointAt })).id;
    expect(failed(1)).not.toBe(failed(2));
    const hook = (name: string) => messageOf(fact({ kind: 'hookFailed', hook: name, reason })).id;
    expect(hook('a')).not.toBe(hook('b'));
  });

  test('has what is known as fields, and no other', () => {
    const { fields, link } = messageOf(fact({ kind: 'promoted' }), 'https://git.example.com/live');
    expect(fields.map((it) => it.name)).toEqual(['namespace', 'candidate', 'step', 'commit']);
    expect(link).toBe('https://git.example.com/live');
    const bare = fact(
      { kind: 'planRefused', reason },
      { namespace: undefined, candidate: undefined, step: undefined },
    );
    expect(messageOf(bare)).toMatchObject({
      rollout: 'shop/none',
      fields: [{ name: 'commit', value: 'c'.repeat(40) }],
      link: undefined,
    });
  });
});
