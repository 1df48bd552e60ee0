import { secondsOf } from './durations.ts';

/** Least and most of each field, and the names that stand for numbers. */
const FIELDS: readonly (readonly [number, number, readonly string[]])[] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']],
  [0, 6, ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']],
];

const NAMED = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** Whether Kubernetes can read a schedule: five fields of cron, or a word such as `@daily` or `@every 1h`. */
export function isSchedule(schedule: string): boolean {
  // A zone belongs into a field of its own.
  if (schedule.includes('TZ')) return false;
  if (schedule.startsWith('@every '))
    return secondsOf(schedule.slice('@every '.length)) !== undefined;
  if (schedule.startsWith('@')) return NAMED.includes(schedule);
  const fields = schedule.trim().split(/\s+/);
  return (
    fields.length === FIELDS.length &&
    fields.every((it, index) => {
      const [least, most, names] = FIELDS[index] ?? [0, 0, []];
      const ranges = it.split(',').filter((range) => range !== '');
      return ranges.every((range) => isRange(range, least, most, names));
    })
  );
}

function isRange(text: string, least: number, most: number, names: readonly string[]): boolean {
  const [range = '', step, ...steps] = text.split('/');
  const [low = '', high, ...more] = range.split('-');
  if (steps.length > 0 || (step !== undefined && !(numberOf(step, 0, []) > 0))) return false;
  // After a star, whatever follows a dash is not read.
  if (low === '*' || low === '?') return true;
  const start = numberOf(low, least, names);
  const end =
    high === undefined ? (step === undefined ? start : most) : numberOf(high, least, names);
  return more.length === 0 && start >= least && end <= most && start <= end;
}

/** NaN for what is neither a number nor a name. */
function numberOf(text: string, least: number, names: readonly string[]): number {
  const index = names.indexOf(text.toLowerCase());
  if (index >= 0) return index + least;
  return /^\+?\d+$/.test(text) ? Number(text) : Number.NaN;
}
