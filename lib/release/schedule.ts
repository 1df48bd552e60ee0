import * as z from 'zod';
import type { Mistake } from '../mistake.ts';
import { labelMistakes } from '../names.ts';
import type { Hours } from '../plan/hours.ts';
import type { Plan } from '../plan/plan.ts';
import { fields, listOf } from '../props/fields.ts';

/** A day of the week. */
export type Day = Hours['days'][number];

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const satisfies readonly Day[];

const PHASES = [
  'Initialized',
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
  'Succeeded',
  'Failed',
] as const;

/** Hours of the week. */
export interface HoursProps extends z.infer<typeof hoursProps> {}

/** The schema of `HoursProps`. */
export const hoursProps = fields({
  /** @default - Monday to Friday */
  days: listOf(z.enum(DAYS)).optional(),
  /** `HH:MM`, such as `09:00`. */
  from: z.string(),
  /** `HH:MM` on the same day, after `from`; `24:00` is its end. */
  to: z.string(),
  /** IANA name, such as `Europe/Berlin`. */
  timeZone: z.string(),
});

/** Another release that must come first. */
export interface DependsOn extends z.infer<typeof dependsOn> {}

/** The schema of `DependsOn`. */
export const dependsOn = fields({
  /** Its id. */
  release: z.string(),
  /**
   * Phases in which it must be. With a newer candidate that has not started it is Waiting; two releases that wait
   * for each other both wait.
   * @default - Succeeded or Initialized: it is at rest, and its newest candidate has not failed
   */
  phases: listOf(z.enum(PHASES)).optional(),
});

/** A phase in which another release can be waited for. */
export type Phase = (typeof PHASES)[number];

const WORKDAYS: readonly Day[] = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'];

/** What a release says about when it may move. */
export interface ScheduleProps {
  /** @default - always */
  readonly hours?: readonly HoursProps[] | undefined;
  /** @default - none */
  readonly dependsOn?: readonly DependsOn[] | undefined;
  /** @default - none */
  readonly rollbackWindow?: number | undefined;
  /** @default false */
  readonly suspend?: boolean | undefined;
  /** @default 1 */
  readonly attempt?: number | undefined;
}

/** The plan's part of it, and what is wrong with it. */
export interface Schedule {
  readonly plan: Pick<Plan, 'hours' | 'dependsOn' | 'rollbackWindow' | 'suspend' | 'attempt'>;
  readonly mistakes: readonly Mistake[];
}

/** Writes the schedule out as the plan has it. */
export function compileSchedule(path: string, id: string, props: ScheduleProps): Schedule {
  const { hours = [], dependsOn = [], rollbackWindow, suspend, attempt = 1 } = props;
  const mistakes = [
    ...hours.flatMap((it, index) => hoursMistakes(path, `hours[${index}]`, it)),
    ...dependsOn.flatMap((it) => dependencyMistakes(path, id, it)),
    ...windowMistakes(path, rollbackWindow),
    ...attemptMistakes(path, attempt),
  ];
  return {
    plan: {
      ...(hours.length === 0 || mistakes.length > 0 ? {} : { hours: hours.map(compileHours) }),
      ...(dependsOn.length === 0
        ? {}
        : {
            dependsOn: dependsOn.map(({ release, phases = ['Succeeded', 'Initialized'] }) => ({
              release,
              phases: [...phases],
            })),
          }),
      ...(rollbackWindow === undefined ? {} : { rollbackWindow }),
      ...(suspend === true ? { suspend } : {}),
      ...(attempt === 1 ? {} : { attempt }),
    },
    mistakes,
  };
}

function compileHours({ days = WORKDAYS, from, to, timeZone }: HoursProps): Hours {
  return { days: [...days], fromMinute: minuteOf(from), toMinute: minuteOf(to), timeZone };
}

/** NaN for what is no time of a day. */
function minuteOf(text: string): number {
  const [, hour, minute] = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text) ?? [];
  const all = Number(hour) * 60 + Number(minute);
  return all <= 1440 ? all : Number.NaN;
}

function hoursMistakes(path: string, field: string, it: HoursProps): Mistake[] {
  const mistakes: Mistake[] = [];
  const from = minuteOf(it.from);
  const to = minuteOf(it.to);
  if (!(from < to))
    mistakes.push({
      path,
      problem: `${field} must begin before it ends, in HH:MM`,
      got: `${it.from} to ${it.to}`,
      remedy: 'use 00:00 to 24:00; split hours that reach over midnight into two',
    });
  if (it.days?.length === 0)
    mistakes.push({
      path,
      problem: `${field}.days names no days of the week`,
      got: it.days,
      remedy: `use ${DAYS.join(', ')}, or leave it out for Monday to Friday`,
    });
  if (!isTimeZone(it.timeZone))
    mistakes.push({
      path,
      problem: `${field}.timeZone is not a time zone`,
      got: it.timeZone,
      remedy: 'use an IANA name, such as Europe/Berlin or UTC',
    });
  return mistakes;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function dependencyMistakes(path: string, id: string, it: DependsOn): Mistake[] {
  const mistakes = labelMistakes(path, 'dependsOn release', it.release);
  if (it.release === id)
    mistakes.push({
      path,
      problem: 'the release depends on itself',
      got: it.release,
      remedy: 'name another release, or leave it out',
    });
  if (it.phases?.length === 0)
    mistakes.push({
      path,
      problem: `dependsOn ${it.release} names no phase that can be waited for`,
      got: it.phases,
      remedy: `use one of ${PHASES.join(', ')}`,
    });
  return mistakes;
}

function attemptMistakes(path: string, attempt: number): Mistake[] {
  if (Number.isSafeInteger(attempt) && attempt >= 1) return [];
  const remedy = 'use 2 for the second attempt, or leave it out for the first';
  return [{ path, problem: 'attempt must be a whole number from 1 on', got: attempt, remedy }];
}

function windowMistakes(path: string, rollbackWindow: number | undefined): Mistake[] {
  if (rollbackWindow === undefined) return [];
  if (Number.isInteger(rollbackWindow) && rollbackWindow >= 1 && rollbackWindow <= 20) return [];
  return [
    {
      path,
      problem: 'rollbackWindow must be a number of candidates',
      got: rollbackWindow,
      remedy: 'use 1 to 20',
    },
  ];
}
