import { table } from '../../../analyzer/table.ts';

/** One row of what the stories print at their end. */
interface Row {
  readonly story: string;
  readonly servers: string;
  readonly result: string;
  readonly seconds: string;
}

const rows: Row[] = [];

/** What a story is called, and who applies in it. */
export interface StoryName {
  readonly story: string;
  readonly tool: string;
}

/** Runs a story and notes how it ended; what it gives back stands in the table. */
export async function tell(name: StoryName, run: () => Promise<string | undefined>): Promise<void> {
  const begin = performance.now();
  const note = (result: string) => {
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    const servers = `${name.tool}, kube-apiserver, contour, envoy, prometheus, git`;
    rows.push({ story: name.story, servers, result, seconds });
  };
  try {
    const more = await run();
    note(more === undefined ? 'as it should' : `as it should; ${more}`);
  } catch (error) {
    note('FAILED');
    throw error;
  }
}

/** Prints what was told since the last time. */
export function printStories(): void {
  const told = rows.splice(0);
  if (told.length === 0) return;
  const head = ['STORY', 'REAL SERVERS', 'RESULT', 'SECONDS'];
  const cells = told.map((it) => [it.story, it.servers, it.result, it.seconds]);
  console.info(`\n${table(head, cells)}\n`);
}
