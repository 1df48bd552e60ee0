import { describe, expect, test } from 'vitest';
import { channelKinds, openChannels } from '../../../analyzer/notify/registry.ts';
import {
  type Asked,
  type ChannelUnderTest,
  channelContract,
  END,
  HOSTILE,
  MESSAGE,
  SECRET,
} from '../../contract/channels.ts';

/** A webhook whose address is its secret. */
function hook(
  kind: string,
  success: ChannelUnderTest['success'],
  taken: (asked: Asked) => void,
): ChannelUnderTest {
  return {
    kind,
    options: (address, file) => ({ urlFile: file(`${address}/hooks/${SECRET}`) }),
    success,
    taken: (asked) => {
      expect([asked.method, asked.path.split('?')[0]]).toEqual(['POST', `/hooks/${SECRET}`]);
      taken(asked);
    },
    checksBody: false,
  };
}

const ESCAPED = HOSTILE.replaceAll('&', '&amp;')
  .replaceAll('<', '&lt;')
  .replaceAll('>', '&gt;')
  .replaceAll('"', '&quot;');

/** Nothing of it may be a mention, a link or a tag. */
function expectMarkdownEscaped(text: string): void {
  expect(text).not.toContain('**bold**');
  expect(text).not.toContain('@everyone');
  expect(text).not.toContain('](http');
  expect(text).not.toContain(' <users');
}

const slackBlocks = (title: string) => ({
  attachments: [
    {
      color: '#a30200',
      blocks: expect.arrayContaining([
        { type: 'header', text: { type: 'plain_text', text: title, emoji: false } },
        { type: 'section', text: { type: 'plain_text', text: HOSTILE, emoji: false } },
      ]),
    },
  ],
});

const SUBJECTS: readonly ChannelUnderTest[] = [
  hook('slack-webhook', { status: 200, body: 'ok' }, ({ text, body }) => {
    expect(body).toMatchObject({ text: MESSAGE.title, ...slackBlocks(MESSAGE.title) });
    expect((body as { text: string }).text).not.toContain('<');
    expect(text).toContain('&lt;!channel&gt;');
  }),
  {
    kind: 'slack',
    options: (address, file) => ({ address, tokenFile: file(SECRET), channel: 'C1' }),
    success: { status: 200, body: '{"ok":true,"ts":"1.2"}' },
    taken: ({ path, headers, body }) => {
      expect([path, headers.authorization]).toEqual(['/chat.postMessage', `Bearer ${SECRET}`]);
      expect(body).toMatchObject({ channel: 'C1', ...slackBlocks(MESSAGE.title) });
      expect(body).not.toHaveProperty('thread_ts');
    },
    checksBody: true,
  },
  hook('teams', { status: 202, body: '' }, ({ body }) => {
    expect(body).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            type: 'AdaptiveCard',
            body: expect.arrayContaining([
              { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: HOSTILE }] },
            ]),
          },
        },
      ],
    });
  }),
  hook('discord', { status: 204, body: '' }, ({ body, text }) => {
    expect(body).toMatchObject({
      allowed_mentions: { parse: [] },
      embeds: [{ color: 0xa30200, timestamp: MESSAGE.at, url: MESSAGE.link }],
    });
    expectMarkdownEscaped(text);
  }),
  hook('mattermost', { status: 200, body: 'ok' }, ({ body, text }) => {
    expect(body).toMatchObject({ attachments: [{ color: '#a30200', title_link: MESSAGE.link }] });
    expectMarkdownEscaped(text);
  }),
  hook('rocket-chat', { status: 200, body: '{"success":true}' }, ({ body, text }) => {
    expect(body).toMatchObject({ attachments: [{ color: '#a30200', title_link: MESSAGE.link }] });
    expectMarkdownEscaped(text);
  }),
  hook('google-chat', { status: 200, body: '{}' }, ({ path, body }) => {
    expect(path).toContain('messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD');
    expect(body).toMatchObject({
      thread: { threadKey: expect.stringMatching(/^[0-9a-f]{32}$/) },
      cardsV2: [
        {
          card: {
            sections: [{ widgets: expect.arrayContaining([{ textParagraph: { text: ESCAPED } }]) }],
          },
        },
      ],
    });
  }),
  {
    kind: 'telegram',
    options: (address, file) => ({ address, tokenFile: file(SECRET), chat: '-100' }),
    success: { status: 200, body: '{"ok":true,"result":{}}' },
    taken: ({ path, body }) => {
      expect(path).toBe(`/bot${SECRET}/sendMessage`);
      expect(body).toMatchObject({
        chat_id: '-100',
        parse_mode: 'HTML',
        text: expect.stringContaining(`<b>${MESSAGE.title}</b>\n${ESCAPED}`),
      });
    },
    checksBody: true,
  },
  {
    kind: 'matrix',
    options: (address, file) => ({ address, tokenFile: file(SECRET), room: '!a/b:example.org' }),
    success: { status: 200, body: '{"event_id":"$1"}' },
    taken: ({ method, path, headers, body }) => {
      expect([method, headers.authorization]).toEqual(['PUT', `Bearer ${SECRET}`]);
      expect(path).toMatch(
        /^\/_matrix\/client\/v3\/rooms\/!a%2Fb%3Aexample\.org\/send\/m\.room\.message\/[0-9a-f]{32}$/,
      );
      expect(body).toMatchObject({
        msgtype: 'm.text',
        formatted_body: expect.stringContaining(ESCAPED),
        'm.mentions': {},
      });
    },
    checksBody: true,
  },
  {
    kind: 'pagerduty',
    options: (address, file) => ({ address, keyFile: file(SECRET) }),
    success: { status: 202, body: '{"status":"success"}' },
    taken: ({ path, body }) => {
      expect(path).toBe('/v2/enqueue');
      expect(body).toMatchObject({
        routing_key: SECRET,
        event_action: 'trigger',
        dedup_key: 'perch/shop/0123456789',
        payload: { source: 'shop', severity: 'error', custom_details: { id: MESSAGE.id } },
      });
    },
    checksBody: false,
  },
  {
    kind: 'opsgenie',
    options: (address, file) => ({ address, keyFile: file(SECRET) }),
    success: { status: 202, body: '{"result":"Request will be processed"}' },
    taken: ({ path, headers, body }) => {
      expect([path, headers.authorization]).toEqual(['/v2/alerts', `GenieKey ${SECRET}`]);
      expect(body).toMatchObject({ alias: 'perch/shop/0123456789', priority: 'P2' });
    },
    checksBody: false,
  },
  {
    kind: 'grafana',
    options: (address, file) => ({ address, tokenFile: file(SECRET) }),
    success: { status: 200, body: '{"id":1}' },
    taken: ({ path, headers, body }) => {
      expect([path, headers.authorization]).toEqual(['/api/annotations', `Bearer ${SECRET}`]);
      expect(body).toMatchObject({
        time: 1_800_000_000_000,
        tags: ['perch', 'rollingBack', 'error', 'release:shop', 'namespace:web'],
        text: expect.stringContaining(ESCAPED),
      });
    },
    checksBody: false,
  },
  {
    kind: 'alertmanager',
    options: (address, file) => ({ address, tokenFile: file(SECRET) }),
    success: { status: 200, body: '' },
    taken: ({ path, body }) => {
      expect(path).toBe('/api/v2/alerts');
      expect(body).toMatchObject([
        {
          labels: { alertname: 'PerchRollout', release: 'shop', severity: 'critical' },
          startsAt: MESSAGE.at,
          generatorURL: MESSAGE.link,
        },
      ]);
    },
    checksBody: false,
  },
  {
    kind: 'webhook',
    options: (address, file) => ({
      urlFile: file(`${address}/hooks/${SECRET}`),
      keyFile: file(SECRET),
    }),
    success: { status: 204, body: '' },
    taken: ({ headers, body }) => {
      expect(headers['x-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);
      expect(body).toMatchObject({
        specversion: '1.0',
        id: MESSAGE.id,
        type: 'dev.perch.rollout.rollingBack',
        subject: 'shop',
        time: MESSAGE.at,
        data: { severity: 'error', text: HOSTILE },
      });
    },
    checksBody: false,
  },
];

for (const it of SUBJECTS) channelContract(it);

test('every kind is under the contract', () => {
  expect(SUBJECTS.map((it) => it.kind).sort()).toEqual(Object.keys(channelKinds).sort());
});

describe('a configuration', () => {
  test('says what a channel is told; what wakes people is told errors alone', () => {
    const opened = openChannels(
      {
        team: { kind: 'teams', urlFile: '/url', severity: 'warn', namespaces: ['web'] },
        all: { kind: 'discord', urlFile: '/url' },
        night: { kind: 'pagerduty', keyFile: '/key', releases: ['shop'] },
      },
      'FILE',
    );
    expect(opened).toMatchObject([
      { name: 'team', severity: 'warn', namespaces: ['web'] },
      { name: 'all', severity: 'info' },
      { name: 'night', severity: 'error', releases: ['shop'], channel: { closes: true } },
    ]);
    expect(END.ends).toBe(true);
  });

  test.each<[unknown, RegExp]>([
    [{ a: { kind: 'fax' } }, /FILE does not describe channels: .*slack, slack-webhook, teams/],
    [{ a: { kind: 'teams' } }, /a\.urlFile/],
    [{ a: { kind: 'teams', urlFile: '/u', url: 'x' } }, /url/],
    [{ a: { kind: 'teams', urlFile: '/u', severity: 'bad' } }, /a\.severity/],
    [
      { a: { kind: 'matrix', address: 'http://u:p@m', tokenFile: '/t', room: 'r' } },
      /a password in it/,
    ],
    [
      { a: { kind: 'webhook', urlFile: '/u', template: '{"a":"{titel}"}' } },
      /\{titel\}.*\{title\}/,
    ],
    [{ a: { kind: 'webhook', urlFile: '/u', template: '{"a":{title}}' } }, /is not JSON/],
    ['x', /FILE does not describe channels/],
  ])('%j is refused', (value, expected) => {
    expect(() => openChannels(value, 'FILE')).toThrow(expected);
  });
});
