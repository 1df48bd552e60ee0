import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { conclude, rollsBack } from './ways.ts';

const BAD: Version = { temper: 'bad', number: 2 };
const BACK_SECONDS = 45;
/** An honest question is answered within it, whoever else is there. */
const ANSWER_SECONDS = 5;

/** Clients of the analyzer's own server. */
export const listen: readonly Scenario[] = [
  {
    name: 'listen/slow-clients',
    promise: `slow clients of /metrics, /healthz and /releases/<id> delay no rollback; 20 honest ones at once are answered within ${ANSWER_SECONDS} s, and a probe in three tries`,
    run: slowClients,
  },
];

async function slowClients(stage: Stage): Promise<Outcome> {
  const world = await stage.open();
  const port = await freePort();
  await world.release('alpha', BAD);
  const analyzer = world.analyzer({ args: ['--listen', `127.0.0.1:${port}`] });
  const up = await world.until(20, async () => (await ask(port, 'GET', '/healthz')).status > 0);
  if (up === undefined) world.problems.push('nobody listens');
  // As many as scrape and probe a busy cluster at the same moment.
  const honest = await Promise.all(
    Array.from({ length: 20 }, (_, it) => ask(port, 'GET', PATHS[it % PATHS.length] ?? '')),
  );
  // Before its first pass the analyzer knows of no release.
  const dropped = honest.filter((it, index) => {
    const isOfRelease = index % PATHS.length === PATHS.indexOf(RELEASE_PATH);
    return it.status !== 200 && !(isOfRelease && it.status === 404);
  }).length;
  if (dropped > 0)
    world.problems.push(`${dropped} of 20 honest questions at once were not answered`);
  const large = Buffer.alloc(300_000, 0x61);
  await Promise.all(Array.from({ length: 20 }, () => ask(port, 'POST', '/metrics', large)));
  const slow = Array.from({ length: 300 }, () => slowly(port));
  const waits: number[] = [];
  const isBack = async () => {
    waits.push(await probe(port));
    return (await world.state('alpha'))?.position.kind === 'stable';
  };
  await world.until(BACK_SECONDS, isBack);
  for (const end of slow) end();
  const longest = Math.max(...waits, ...honest.map((it) => it.seconds));
  if (longest >= PROBE_SECONDS)
    world.problems.push(`beside slow clients /healthz was not answered in ${PROBE_TRIES} tries`);
  if (analyzer.isOver()) world.problems.push(`the analyzer ended: ${analyzer.stderr()}`);
  const seen = `300 slow clients, ${20 - dropped} of 20 answered at once, probes within ${longest.toFixed(1)} s`;
  const end = await conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, seen);
  return { ...end, longestSeconds: longest };
}

const RELEASE_PATH = '/releases/alpha';
const PATHS = ['/metrics', '/healthz', RELEASE_PATH];

/** What a kubelet does before it starts a container again. */
const PROBE_TRIES = 3;
const PROBE_SECONDS = PROBE_TRIES * ANSWER_SECONDS;

/** @returns seconds until /healthz was answered, at most those of all tries */
async function probe(port: number): Promise<number> {
  const start = performance.now();
  for (let tries = 0; tries < PROBE_TRIES; tries++) {
    const began = performance.now();
    if ((await ask(port, 'GET', '/healthz')).status > 0) return (performance.now() - start) / 1000;
    await sleep(Math.max(0, ANSWER_SECONDS * 1000 - (performance.now() - began)));
  }
  return PROBE_SECONDS;
}

/** A client that sends a header every now and then, and never ends. @returns what ends it */
function slowly(port: number): () => void {
  let ended = false;
  let socket = open();
  function open(): Socket {
    const opened = connect(port, '127.0.0.1');
    opened.on('error', () => undefined);
    opened.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n');
    // Whoever is thrown out comes back.
    opened.on('close', () => {
      if (!ended)
        setTimeout(() => {
          if (!ended) socket = open();
        }, 200);
    });
    return opened;
  }
  const timer = setInterval(() => socket.write('X-More: x\r\n'), 1000);
  return () => {
    ended = true;
    clearInterval(timer);
    socket.destroy();
  };
}

interface Answered {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly seconds: number;
}

function ask(port: number, method: string, path: string, body?: Buffer): Promise<Answered> {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  return new Promise((resolve) => {
    const timeout = AbortSignal.timeout(ANSWER_SECONDS * 1000);
    const asked = request(
      { host: '127.0.0.1', port, path, method, signal: timeout, agent: false },
      (response) => {
        response.resume();
        const done = () => resolve({ status: response.statusCode ?? 0, seconds: seconds() });
        response.on('end', done).on('error', done);
      },
    );
    asked.on('error', () => resolve({ status: 0, seconds: seconds() }));
    asked.end(body);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const address = server.address();
  server.close();
  await sleep(10);
  return typeof address === 'object' && address !== null ? address.port : 0;
}
