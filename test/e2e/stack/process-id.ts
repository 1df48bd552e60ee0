import { readFileSync } from 'node:fs';

/** A process, so that another one that got its number later is never taken for it. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, as Linux has it. */
  readonly startedAt: string;
}

/** A running process; nothing when there is none of that number. */
export function processId(pid: number): ProcessId | undefined {
  const startedAt = startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether it still runs. */
export function isAlive({ pid, startedAt }: ProcessId): boolean {
  return startOf(pid) === startedAt;
}

/** Field 22 of proc(5)'s stat; a process that ended and was not waited for is gone as well. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, with anything in it.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
