import type { Hours } from '../../../lib/plan/hours.ts';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const DAY_MINUTES = 24 * 60;

/**
 * When steps may begin: undefined where they may now, else the next time in Unix seconds. A change of the clocks
 * in between is not foreseen; whoever waits asks again.
 *
 * @param all hours of the week; none: always
 * @param now Unix seconds
 */
export function opensAt(all: readonly Hours[], now: number): number | undefined {
  if (all.length === 0) return undefined;
  const waits = all.flatMap((it) => minutesUntil(it, now));
  const least = Math.min(...waits);
  // From the beginning of the minute that the clock shows.
  return least === 0 ? undefined : Math.floor(now / 60) * 60 + least * 60;
}

function minutesUntil(hours: Hours, now: number): readonly number[] {
  const local = localTime(hours.timeZone, now);
  return hours.days.map((day) => {
    const ahead = (DAYS.indexOf(day) - local.day + 7) % 7;
    const isOpen = ahead === 0 && local.minute >= hours.fromMinute && local.minute < hours.toMinute;
    if (isOpen) return 0;
    const wait = ahead * DAY_MINUTES + hours.fromMinute - local.minute;
    return wait > 0 ? wait : wait + 7 * DAY_MINUTES;
  });
}

function localTime(
  timeZone: string,
  now: number,
): { readonly day: number; readonly minute: number } {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = new Map(format.formatToParts(now * 1000).map((it) => [it.type, it.value]));
  const names: readonly (string | undefined)[] = DAYS;
  const day = names.indexOf(parts.get('weekday'));
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}
