import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Found, GitHost, HostAnswer, Proposal } from '../../analyzer/hosts/host.ts';
import { openSites } from '../../analyzer/hosts/registry.ts';
import { placeOf } from '../../analyzer/hosts/site.ts';
import { afterFile, temporaryFolder } from '../cleanups.ts';
import {
  ANN,
  type Dialect,
  type ForgePull,
  type ForgeServer,
  ME,
  sha,
  startForge,
} from '../embedded/forge.ts';

/** A kind of host, and a server that answers as such a one does. */
export interface HostUnderTest {
  readonly kind: string;
  readonly dialect: Dialect;
  /** What the configuration says besides the kind, for a server at this address. */
  options(address: string, tokenFile: string): Readonly<Record<string, unknown>>;
  /** The repository's remote there. */
  remote(address: string): string;
  /** How each way to merge is told. */
  readonly merged: Readonly<Record<NonNullable<ForgePull['method']>, string>>;
  /** What it calls the states of a commit, in this order: pending, success, failure. */
  readonly states: readonly [string, string, string];
  /** A reviewer as the proposal names it, and as the server knows it. */
  readonly reviewer: readonly [string, string];
}

const TOKEN = 'canary-0123456789abcdef';
const NOW = 1_800_000_000;

const PROPOSAL: Proposal = {
  head: 'perch/shop',
  base: 'main',
  title: 'shop: step 2 of 5',
  body: 'What is in it.\n\nAnd why.',
  labels: [],
  reviewers: [],
  autoMerge: 'off',
};

/** What callers rely on, whichever host it is. */
export function hostContract(subject: HostUnderTest): void {
  let server: ForgeServer;
  let tokenFile: string;
  let host: GitHost;
  /** Everything that anybody was told. */
  const told: string[] = [];

  beforeEach(async () => {
    server = await startForge(subject.dialect, TOKEN);
    tokenFile = join(temporaryFolder(), 'token');
    writeFileSync(tokenFile, `${TOKEN}\n`);
    host = open();
  });

  function open(timeoutSeconds = 5): GitHost {
    const options = subject.options(server.address, tokenFile);
    const sites = openSites({ one: { kind: subject.kind, ...options } }, 'FILE');
    const place = placeOf(subject.remote(server.address), sites);
    if (place.kind === 'unknown') throw new Error(place.reason);
    const rest = () => Promise.resolve();
    return place.site.open(place.repository, { clock: () => NOW, timeoutSeconds, rest });
  }

  async function done<T>(asking: Promise<HostAnswer<T>>): Promise<T> {
    const answer = await asking;
    told.push(JSON.stringify(answer));
    if (answer.kind === 'failed') throw new Error(answer.failure.reason);
    return answer.value;
  }

  async function failed(asking: Promise<HostAnswer<unknown>>) {
    const answer = await asking;
    told.push(JSON.stringify(answer));
    if (answer.kind === 'done') throw new Error('it went well');
    return answer.failure;
  }

  const changes = () => server.requests.filter((it) => !/^(GET|HEAD)$/.test(it.method));

  describe('a pull request', () => {
    test('is opened', async () => {
      const made = await done(host.propose(PROPOSAL));
      expect(made).toMatchObject({
        number: 1,
        head: 'perch/shop',
        base: 'main',
        commit: sha('shop'),
        title: PROPOSAL.title,
        body: PROPOSAL.body,
      });
      expect(made.url).toMatch(/^https?:\/\//);
      expect(server.forge.pulls).toHaveLength(1);
      expect(await done(host.find('perch/shop'))).toEqual({ kind: 'open', pullRequest: made });
    });

    test('is brought up to date in place', async () => {
      await done(host.propose(PROPOSAL));
      const made = await done(host.propose({ ...PROPOSAL, title: 'step 3', body: 'other' }));
      expect(made).toMatchObject({ number: 1, title: 'step 3', body: 'other' });
      expect(server.forge.pulls).toMatchObject([{ title: 'step 3', body: 'other' }]);
    });

    test('that is as it should be is left alone', async () => {
      await done(host.propose(PROPOSAL));
      const before = changes().length;
      await done(host.propose({ ...PROPOSAL, body: PROPOSAL.body.replaceAll('\n', '\r\n') }));
      expect(changes()).toHaveLength(before);
    });

    test('keeps its reviewers when it is brought up to date', async () => {
      const [name, known] = subject.reviewer;
      const reviewed = { ...PROPOSAL, reviewers: [name] };
      await done(host.propose(reviewed));
      await done(host.propose({ ...reviewed, title: 'step 3' }));
      await done(host.propose({ ...PROPOSAL, title: 'step 4' }));
      expect([...(server.forge.pulls[0]?.reviewers ?? [])]).toEqual([known]);
    });

    test('has labels, where the host has them', async () => {
      const answer = host.propose({ ...PROPOSAL, labels: ['perch', 'rollout'] });
      if (host.features.labels) {
        await done(answer);
        expect([...(server.forge.pulls[0]?.labels ?? [])]).toEqual(['perch', 'rollout']);
      } else {
        expect(await failed(answer)).toMatchObject({ kind: 'refused' });
        expect(server.forge.pulls).toEqual([]);
      }
    });

    test.each(['merge', 'squash', 'rebase'] as const)(
      'is merged by itself by %s, where the host does that',
      async (autoMerge) => {
        const answer = host.propose({ ...PROPOSAL, autoMerge });
        if (host.features.autoMerge.includes(autoMerge)) {
          await done(answer);
          expect(server.forge.pulls[0]?.autoMerge).toBe(autoMerge);
        } else {
          expect(await failed(answer)).toMatchObject({ kind: 'refused' });
          expect(server.forge.pulls).toEqual([]);
        }
      },
    );

    test('is never opened twice, though somebody else is faster', async () => {
      server.fault = ({ method }) => {
        if (method !== 'POST' && method !== 'PUT') return false;
        if (server.forge.pulls.length === 0) server.forge.open('perch/shop');
        return false;
      };
      expect(await done(host.propose(PROPOSAL))).toMatchObject({
        number: 1,
        title: PROPOSAL.title,
      });
      expect(server.forge.pulls).toMatchObject([{ title: PROPOSAL.title }]);
    });

    test('is found, though the answer that it was opened was lost', async () => {
      server.fault = ({ method }, response) => {
        if (method !== 'POST' || server.forge.pulls.length > 0) return false;
        server.forge.open('perch/shop', { title: PROPOSAL.title, body: PROPOSAL.body });
        response.destroy();
        return true;
      };
      expect(await done(host.propose(PROPOSAL))).toMatchObject({ number: 1 });
      expect(server.forge.pulls).toHaveLength(1);
    });

    test('of a branch that is not there is refused in the host’s words', async () => {
      const failure = await failed(host.propose({ ...PROPOSAL, head: 'perch/nowhere' }));
      expect(['refused', 'not-found']).toContain(failure.kind);
      expect(failure.reason).toMatch(/^cannot open a (pull|merge) request of perch\/nowhere: 127/);
    });

    test('is closed with a comment, once', async () => {
      await done(host.propose(PROPOSAL));
      expect(await done(host.close('perch/shop', 'The rollout is over.'))).toMatchObject({
        kind: 'open',
      });
      expect(server.forge.pulls).toMatchObject([{ state: 'closed' }]);
      expect(await done(host.close('perch/shop', 'The rollout is over.'))).toMatchObject({
        kind: 'closed',
      });
      expect(server.forge.pulls[0]?.comments).toHaveLength(1);
      expect(server.forge.pulls[0]?.comments[0]?.text).toMatch(/^The rollout is over\./);
    });
  });

  describe('what is found', () => {
    const find = (): Promise<Found> => done(host.find('perch/shop'));

    test('is nothing, where there is none of that branch', async () => {
      server.forge.open('perch/other');
      server.forge.open('perch/shop-2');
      expect(await find()).toEqual({ kind: 'none' });
    });

    test('is none of a fork', async () => {
      server.forge.open('perch/shop', { fork: true });
      expect(await find()).toEqual({ kind: 'none' });
      expect(await done(host.propose(PROPOSAL))).toMatchObject({ number: 2 });
    });

    test.each(['merge', 'squash', 'rebase', 'fast-forward'] as const)(
      'was merged: %s',
      async (method) => {
        const pull = server.forge.open('perch/shop');
        server.forge.merge(pull, method);
        const found = await find();
        expect(found).toMatchObject({
          kind: 'merged',
          pullRequest: { number: 1, head: 'perch/shop' },
          commit: pull.mergeCommit,
          method: subject.merged[method],
        });
        expect(found).toMatchObject({ by: { name: ANN.name } });
      },
    );

    test('was closed by a person', async () => {
      Object.assign(server.forge.open('perch/shop'), { state: 'closed', by: ANN });
      expect(await find()).toMatchObject({ kind: 'closed', by: { name: ANN.name } });
    });

    test('is the open one, though others came after it', async () => {
      server.forge.open('perch/shop');
      Object.assign(server.forge.open('perch/shop'), { state: 'closed', by: ANN });
      expect(await find()).toMatchObject({ kind: 'open', pullRequest: { number: 1 } });
    });

    test('is the newest, where all are over', async () => {
      server.forge.merge(server.forge.open('perch/shop'), 'merge');
      Object.assign(server.forge.open('perch/shop'), { state: 'closed', by: ANN });
      expect(await find()).toMatchObject({ kind: 'closed', pullRequest: { number: 2 } });
    });
  });

  describe('a comment', () => {
    const texts = () => server.forge.pulls[0]?.comments.map((it) => it.text.split('\n')[0]);

    test('is written, rewritten in place, and else left alone', async () => {
      server.forge.open('perch/shop');
      await done(host.comment(1, 'plan', 'first'));
      await done(host.comment(1, 'other', 'another'));
      await done(host.comment(1, 'plan', 'second'));
      expect(texts()).toEqual(['second', 'another']);
      const before = changes().filter((it) => !it.path.endsWith('/graphql')).length;
      await done(host.comment(1, 'plan', 'second'));
      expect(changes().filter((it) => !it.path.endsWith('/graphql'))).toHaveLength(before);
    });

    test('of somebody else is not ours, whatever is in it', async () => {
      const pull = server.forge.open('perch/shop');
      server.forge.comment(pull, ANN, 'mine\n\n[perch]: # (plan)');
      await done(host.comment(1, 'plan', 'ours'));
      expect(texts()).toEqual(['mine', 'ours']);
    });

    test('is found behind many others', async () => {
      const pull = server.forge.open('perch/shop');
      for (let count = 0; count < 120; count++) server.forge.comment(pull, ANN, `no. ${count}`);
      await done(host.comment(1, 'plan', 'first'));
      for (let count = 0; count < 120; count++) server.forge.comment(pull, ANN, `no. ${count}`);
      await done(host.comment(1, 'plan', 'second'));
      expect(pull.comments).toHaveLength(241);
      expect(pull.comments[120]?.text).toMatch(/^second/);
    });
  });

  test.each([0, 1, 2])('a status is set: %d', async (index) => {
    const state = (['pending', 'success', 'failure'] as const)[index] ?? 'pending';
    const status = { context: 'perch/shop', description: 'step 2', url: 'https://perch.example' };
    await done(host.status({ commit: sha('shop'), state, ...status }));
    expect(server.forge.statuses).toEqual([
      { sha: sha('shop'), state: subject.states[index], ...status },
    ]);
    await done(host.status({ commit: sha('shop'), state, ...status }));
  });

  test('a deployment is reported, where the host shows any', async () => {
    const { deployments } = host;
    if (deployments.kind === 'unsupported') return;
    const one = {
      commit: sha('shop'),
      branch: 'main',
      environment: 'prod',
      description: 'step 2',
      url: 'https://perch.example',
    };
    await done(deployments.report({ ...one, state: 'running' }));
    await done(deployments.report({ ...one, state: 'success' }));
    expect(server.forge.deployments).toHaveLength(1);
    expect(server.forge.deployments[0]?.states).toHaveLength(2);
    expect(server.forge.deployments[0]?.states.at(-1)).toBe('success');
  });

  test('it tells whom we are logged in as', async () => {
    expect(await done(host.login())).toMatchObject({ name: ME.name });
  });

  describe('trouble', () => {
    const answering = (status: number, headers: Record<string, string> = {}, body = '{}') => {
      server.fault = (_, response) => {
        response.writeHead(status, headers).end(body);
        return true;
      };
    };

    test.each([
      [401, {}, 'unauthorised'],
      [403, {}, 'forbidden'],
      [404, {}, 'not-found'],
      [409, {}, 'conflict'],
      [422, {}, 'refused'],
      [500, {}, 'unavailable'],
      [503, { 'Retry-After': '1' }, 'unavailable'],
    ])('HTTP %d %j is %s', async (status, headers, kind) => {
      answering(status, headers);
      const failure = await failed(host.find('perch/shop'));
      expect(failure.kind).toBe(kind);
      expect(failure.reason).toContain(`HTTP ${status}`);
      expect(failure.reason).toMatch(
        /^cannot look for (pull|merge) requests of perch\/shop: .+; .+/,
      );
    });

    test.each([
      [429, { 'Retry-After': '120' }, NOW + 120],
      [403, { 'Retry-After': '90' }, NOW + 90],
      [403, { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': `${NOW + 300}` }, NOW + 300],
      [429, {}, NOW + 60],
    ])('HTTP %d %j is a limit', async (status, headers, until) => {
      answering(status, headers);
      expect(await failed(host.find('perch/shop'))).toMatchObject({ kind: 'rate-limited', until });
    });

    test('that is over soon is none', async () => {
      let count = 0;
      server.fault = (_, response) => {
        if (count++ > 1) return false;
        response.writeHead(503).end();
        return true;
      };
      expect(await done(host.find('perch/shop'))).toEqual({ kind: 'none' });
    });

    test.each<[string, (response: ServerResponse) => unknown, RegExp]>([
      ['says half of it', (it) => it.end('{"num'), /is not JSON/],
      ['shows a page', (it) => it.end('<!doctype html>'), /is not JSON/],
      ['says something else', (it) => it.end('{"ok":true}'), /is not one of such a host/],
      ['is nested without end', (it) => it.end('['.repeat(5000)), /nested/],
      ['breaks off', (it) => it.destroy(), /cannot be reached/],
    ])('%s', async (_, behave, reason) => {
      server.fault = (__, response) => {
        behave(response);
        return true;
      };
      const failure = await failed(host.find('perch/shop'));
      expect(failure.kind).toBe('unavailable');
      expect(failure.reason).toMatch(reason);
    });

    test('a body without end is not read', async () => {
      server.fault = (_, response) => {
        const chunk = `"${'x'.repeat(256 * 1024)}",`;
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on('drain', more);
        response.write('[');
        more();
        return true;
      };
      expect((await failed(host.find('perch/shop'))).reason).toMatch(/is over \d+ bytes/);
    });

    test('a slow host is not waited for', async () => {
      server.fault = () => true;
      expect((await failed(open(0.1).find('perch/shop'))).reason).toMatch(/took over 0\.1 s/);
    });

    test('whoever asks may give up', async () => {
      server.fault = () => true;
      const failure = await failed(host.find('perch/shop', AbortSignal.timeout(50)));
      expect(failure.kind).toBe('unavailable');
    });

    test('pages without end are not read', async () => {
      const pull = server.forge.open('perch/shop');
      for (let count = 0; count < 6000; count++) server.forge.comment(pull, ANN, 'noise');
      await host.comment(1, 'plan', 'ours');
      expect(server.requests.length).toBeLessThan(60);
    });

    test('the token goes to no other host', async () => {
      const heard: unknown[] = [];
      const elsewhere = createServer((request, response) => {
        heard.push(request.headers);
        response.end('[]');
      });
      elsewhere.listen(0, '127.0.0.1');
      await once(elsewhere, 'listening');
      afterFile(() => elsewhere.close());
      const { port } = elsewhere.address() as AddressInfo;
      for (const status of [301, 302, 307, 308]) {
        answering(status, { Location: `http://127.0.0.1:${port}/` });
        const { reason } = await failed(host.find('perch/shop'));
        expect(reason).toMatch(/a redirect to http:\/\/127\.0\.0\.1:\d+\/, which is not followed/);
      }
      expect(heard).toEqual([]);
    });
  });

  describe('the token', () => {
    test('is read at each use', async () => {
      server.token = 'another-0123456789';
      expect(await failed(host.find('perch/shop'))).toMatchObject({ kind: 'unauthorised' });
      writeFileSync(tokenFile, 'another-0123456789');
      expect(await done(host.find('perch/shop'))).toEqual({ kind: 'none' });
    });

    test.each([
      ['', /is empty/],
      ['two words', /one token in one line/],
      [`${TOKEN}\nX-Evil: 1`, /one token in one line/],
    ])('must be one: %j', async (text, reason) => {
      writeFileSync(tokenFile, text);
      const failure = await failed(host.find('perch/shop'));
      expect(failure.kind).toBe('unauthorised');
      expect(failure.reason).toMatch(reason);
      expect(server.requests).toEqual([]);
    });

    test.each([200, 301, 400, 401, 403, 404, 429, 500])(
      'is not shown, though the host repeats it: HTTP %d',
      async (status) => {
        server.fault = ({ headers }, response) => {
          const said = JSON.stringify(headers);
          response.writeHead(status, { 'X-Said': said, Location: `/?${said}` }).end(said);
          return true;
        };
        for (const asking of [
          host.propose(PROPOSAL),
          host.find('perch/shop'),
          host.close('perch/shop', 'bye'),
          host.comment(1, 'plan', 'text'),
          host.status({
            commit: sha('shop'),
            context: 'a',
            state: 'success',
            description: '',
            url: 'https://a',
          }),
          host.login(),
        ])
          told.push(JSON.stringify(await asking));
        expect(server.requests.filter((it) => `${it.path}${it.query}`.includes(TOKEN))).toEqual([]);
      },
    );

    test('was in no answer', () => {
      const secrets = [
        TOKEN,
        ...['', 'bot@example.com'].map((it) => Buffer.from(`${it}:${TOKEN}`).toString('base64')),
      ];
      for (const secret of secrets) {
        expect(told.filter((it) => it.includes(secret))).toEqual([]);
      }
      expect(told.length).toBeGreaterThan(20);
    });
  });
}
