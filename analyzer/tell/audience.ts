import type { Logger } from 'pino';
import type { Listener, Notice } from './listener.ts';

/** All who are told of ticks and pushes. */
export interface Audience {
  /** Begins to tell everybody, and waits for nobody. */
  tell(notice: Notice): void;
  /** What is still being told: the end of the process waits for it. */
  unfinished(): readonly Promise<void>[];
  close(): Promise<void>;
}

/** Gathers listeners. What one of them cannot tell is logged; it stops neither the others nor a tick. */
export function audienceOf(listeners: readonly Listener[], log: Logger): Audience {
  const telling = new Set<Promise<void>>();
  const told = async (listener: Listener, notice: Notice) => {
    try {
      for (const { what, ...more } of await listener.hear(notice)) log.warn(more, what);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error({ listener: listener.name, reason }, 'a bug in telling others');
    }
  };
  return {
    tell: (notice) => {
      for (const it of listeners) {
        const one = told(it, notice).finally(() => telling.delete(one));
        telling.add(one);
      }
    },
    unfinished: () => [...telling],
    close: async () => {
      for (const it of listeners) await it.close();
    },
  };
}
