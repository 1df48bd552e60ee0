import { request } from 'node:http';
import { connect, createServer } from 'node:net';
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
    promise: `slow and large clients of /metrics and /healthz delay no rollback, and others are answered within ${ANSWER_SECONDS} s`,
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
  const slow = Array.from({ length: 300 }, () => slowly(port));
  const large = Buffer.alloc(300_000, 0x61);
  const honest = await Promise.all(
    Array.from({ length: 20 }, (_, it) =>
      ask(port, 'POST', it % 2 === 0 ? '/metrics' : '/healthz', large),
    ),
  );
  const late: number[] = [];
  const isBack = async () => {
    late.push((await ask(port, 'GET', '/metrics')).seconds);
    return (await world.state('alpha'))?.position.kind === 'stable';
  };
  await world.until(BACK_SECONDS, isBack);
  for (const end of slow) end();
  const longest = Math.max(...late, ...honest.map((it) => it.seconds));
  if (longest >= ANSWER_SECONDS)
    world.problems.push(`an honest question waited ${longest.toFixed(1)} s`);
  if (analyzer.isOver()) world.problems.push(`the analyzer ended: ${analyzer.stderr()}`);
  const seen = `300 slow, 20 of 300 KB (${[...new Set(honest.map((it) => it.status))].join(', ')}), answers in at most ${longest.toFixed(1)} s`;
  const end = await conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, seen);
  return { ...end, longestSeconds: longest };
}

/** A client that sends a header every now and then, and never ends. @returns what ends it */
function slowly(port: number): () => void {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n');
  const timer = setInterval(() => socket.write('X-More: x\r\n'), 1000);
  socket.on('close', () => clearInterval(timer));
  return () => {
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
