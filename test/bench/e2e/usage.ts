import { readdir, readFile } from 'node:fs/promises';

/** What a process and its git have taken so far. */
export interface Usage {
  /** User and system time of the process and of all its children, those that ended too. */
  readonly cpuSeconds: number;
  /** Peak resident memory of the process itself; MB of 10^6 bytes. */
  readonly peakMb: number;
}

/** proc(5) counts in hundredths of a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Reads /proc. @throws Error when there is no such process */
export async function usageOf(pid: number): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const peakKib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return { cpuSeconds: await cpuSeconds(pid), peakMb: (peakKib * 1024) / 1e6 };
}

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name in parentheses, with anything in it; utime is the 14th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = fields.slice(11, 15).reduce((sum, it) => sum + Number(it), 0) / TICKS_PER_SECOND;
  const running = await Promise.all((await childrenOf(pid)).map(cpuSeconds));
  return running.reduce((sum, it) => sum + it, own);
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = threads.map((it) =>
    readFile(`/proc/${pid}/task/${it}/children`, 'utf8').catch(() => ''),
  );
  return (await Promise.all(lists)).flatMap((it) => it.trim().split(/\s+/)).flatMap(toPid);
}

function toPid(text: string): readonly number[] {
  return text === '' ? [] : [Number(text)];
}
