import type { JsonObject } from '../../manifest/json.ts';
import {
  all,
  type Check,
  fields,
  needed,
  oneOf,
  only,
  own,
  text,
  when,
  whole,
  wrong,
} from './check.ts';
import { isSchedule } from './cron.ts';
import { podTemplate } from './pods.ts';

const INDEXED = 'Indexed';

const isIndexed = (it: JsonObject) => it.completionMode === INDEXED;

const mayEnd = all(
  needed('restartPolicy', 'as Never or OnFailure'),
  fields({
    restartPolicy: oneOf('Never', 'OnFailure'),
    activeDeadlineSeconds: whole(1, 2_147_483_647),
  }),
);

const jobSpec: Check = all(
  fields({
    parallelism: whole(0),
    completions: whole(0),
    activeDeadlineSeconds: whole(0),
    backoffLimit: whole(0),
    backoffLimitPerIndex: whole(0),
    maxFailedIndexes: whole(0),
    ttlSecondsAfterFinished: whole(0),
    completionMode: oneOf('NonIndexed', INDEXED),
    podReplacementPolicy: oneOf('TerminatingOrFailed', 'Failed'),
    template: podTemplate(mayEnd),
  }),
  wrong(
    'parallelism',
    (it) => isIndexed(it) && Number(it.parallelism) > 100_000,
    'must be at most 100000 with completionMode Indexed',
    'lower it',
  ),
  only('backoffLimitPerIndex', isIndexed, 'with completionMode Indexed'),
  only('maxFailedIndexes', isIndexed, 'with completionMode Indexed'),
  only('successPolicy', isIndexed, 'with completionMode Indexed'),
  needed('backoffLimitPerIndex', 'with maxFailedIndexes', (it) => {
    return isIndexed(it) && own(it, 'maxFailedIndexes') !== undefined;
  }),
  when(
    (it) => own(it, 'podFailurePolicy') !== undefined,
    fields({
      podReplacementPolicy: oneOf('Failed'),
      template: fields({ spec: fields({ restartPolicy: oneOf('Never') }) }),
    }),
  ),
);

const selectsItself = only(
  'selector',
  (it) => it.manualSelector === true,
  'with manualSelector: the server makes one',
);

/** What a Job must keep. */
export const job: Check = fields({
  spec: all(
    jobSpec,
    selectsItself,
    // Of one without parallelism too, the server makes 1 of both.
    needed(
      'completions',
      'with completionMode Indexed and parallelism',
      (it) => isIndexed(it) && own(it, 'parallelism') !== undefined,
    ),
  ),
});

/** Names of zones in tzdata; the API of the language takes upper and lower case alike, and offsets. */
function isTimeZone(it: string): boolean {
  if (!/^[A-Za-z]/.test(it) || it.toLowerCase() === 'local') return false;
  if (!it.split('/').every((part) => /^[A-Za-z._0-9+][-A-Za-z._0-9+]{0,13}$/.test(part)))
    return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: it });
    return true;
  } catch {
    return false;
  }
}

/** What a CronJob must keep. */
export const cronJob: Check = fields({
  spec: all(
    needed('schedule'),
    fields({
      schedule: text(
        (it) => it === '' || isSchedule(it),
        'a schedule of cron with five fields',
        'write it as `0 3 * * *`, and a time zone in timeZone',
      ),
      timeZone: text(isTimeZone, 'the name of a time zone', 'write it as Europe/Berlin'),
      concurrencyPolicy: oneOf('', 'Allow', 'Forbid', 'Replace'),
      startingDeadlineSeconds: whole(0),
      successfulJobsHistoryLimit: whole(0),
      failedJobsHistoryLimit: whole(0),
      jobTemplate: fields({
        spec: all(
          jobSpec,
          needed('completions', 'with completionMode Indexed', isIndexed),
          only('selector', () => false, 'in a Job of its own: the server makes one'),
          wrong(
            'manualSelector',
            (it) => it.manualSelector === true,
            'must not be true',
            'leave it out',
          ),
        ),
      }),
    }),
  ),
});
