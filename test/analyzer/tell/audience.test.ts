import pino from 'pino';
import { expect, test } from 'vitest';
import { audienceOf } from '../../../analyzer/tell/audience.ts';
import type { Failure, Listener, Notice } from '../../../analyzer/tell/listener.ts';

const FAILED: Notice = { kind: 'failed', error: new Error('x'), seconds: 1 };

function listener(name: string, hear: Listener['hear']): Listener & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    name,
    heard,
    hear: (notice) => {
      heard.push(notice.kind);
      return hear(notice);
    },
    close: async () => void heard.push('closed'),
  };
}

function audience(...listeners: readonly Listener[]) {
  const logged: unknown[] = [];
  const write = (line: string) => {
    const { time: _, ...more } = JSON.parse(line);
    logged.push(more);
  };
  return { logged, ...audienceOf(listeners, pino({ base: null }, { write })) };
}

test('everybody hears everything in order, and is closed', async () => {
  const [one, other] = [listener('one', async () => []), listener('other', async () => [])];
  const it = audience(one, other);
  for (const notice of [{ kind: 'began' } as const, FAILED]) it.tell(notice);
  await Promise.all(it.unfinished());
  await it.close();
  expect([one.heard, other.heard]).toEqual(Array(2).fill(['began', 'failed', 'closed']));
  expect([it.logged, it.unfinished()]).toEqual([[], []]);
});

test('nobody waits for one that is slow, but who asks what is unfinished', async () => {
  let finish: (failures: readonly Failure[]) => void = () => undefined;
  const slow = listener('slow', () => new Promise((done) => (finish = done)));
  const fast = listener('fast', async () => []);
  const it = audience(slow, fast);
  it.tell(FAILED);
  expect(fast.heard).toEqual(['failed']);
  const waiting = it.unfinished();
  expect(waiting).toHaveLength(2);
  finish([{ what: 'a hook was not told', reason: 'HTTP 503', release: 'app' }]);
  await Promise.all(waiting);
  expect(it.logged).toEqual([
    { level: 40, msg: 'a hook was not told', reason: 'HTTP 503', release: 'app' },
  ]);
});

test('a bug in one of them is logged with its name, and stops nobody', async () => {
  const wrong = listener('chat', () => {
    throw new Error('no such key');
  });
  const fine = listener('fine', async () => []);
  const it = audience(wrong, fine);
  it.tell(FAILED);
  await Promise.all(it.unfinished());
  expect(fine.heard).toEqual(['failed']);
  expect(it.logged).toEqual([
    { level: 50, listener: 'chat', reason: 'no such key', msg: 'a bug in telling others' },
  ]);
});
