import { connect } from 'node:net';
import { type ProgramOptions, startProgram } from './program.ts';

/** A server that a test may take away for a while. */
export interface Server {
  /** What its log and messages call it. */
  readonly name: string;
  /** The id of its process; nothing while it is stopped. */
  readonly pid: number | undefined;
  /**
   * Starts it again, on the same port and with the same data; back when it is ready. Does nothing
   * when it runs.
   *
   * @throws Error with the end of its log when it does not get ready
   */
  start(): Promise<void>;
  /** Ends it and waits until it is gone. Does nothing when it is stopped. */
  stop(): Promise<void>;
}

/** What to start, and when it is ready. */
export interface ServerOptions extends ProgramOptions {
  readonly name: string;
  /** What throws or says false is asked again until it says true. */
  readonly isReady: () => Promise<boolean>;
}

/**
 * Starts a server; back when it is ready.
 *
 * @throws Error with the end of its log when it does not get ready; then nothing runs
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  let program: ReturnType<typeof startProgram> | undefined;
  const server: Server = {
    name: options.name,
    get pid() {
      return program?.pid;
    },
    async start() {
      if (program !== undefined) return;
      program = startProgram(options);
      try {
        await program.until('it was ready', options.isReady);
      } catch (error) {
        await server.stop();
        throw error;
      }
    },
    async stop() {
      await program?.stop();
      program = undefined;
    },
  };
  await server.start();
  return server;
}

/** Whether an HTTP server answers with a status that is no failure. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await response.body?.cancel();
  return response.ok;
}

/** Whether something listens on a port of 127.0.0.1. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
