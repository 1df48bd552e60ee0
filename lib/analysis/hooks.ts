import { Duration } from 'cdk8s';
import * as z from 'zod';
import type { Hook } from '../plan/plan.ts';
import { duration, extended, fields, hasMembers, mapOf, thing } from '../props/fields.ts';
import { made } from '../props/made.ts';

/** An HTTP endpoint; docs/hooks.md says what it is sent. */
export interface HookProps extends z.infer<typeof hookProps> {}

/** The schema of `HookProps`. */
export const hookProps = fields({
  /** Unique in its release; a DNS label. */
  name: z.string(),
  /** `http` or `https`, without a credential: Git shows it to every reader. */
  url: z.string(),
  /**
   * For one attempt, from connecting to the last byte. At most an hour for `pre-rollout` and `rollout`, which may do
   * long work; at most a minute for the others, which are asked anew in each pass, or told in passing.
   * @default Duration.seconds(10)
   */
  timeout: duration.optional(),
  /**
   * Attempts after one that was not answered, up to 10. Where a call may have been taken and must not be made twice,
   * there is no other attempt.
   * @default 0
   */
  retries: z.number().optional(),
  /**
   * Handed on in the payload.
   * @default - none
   */
  metadata: mapOf(z.string()).optional(),
  /**
   * Name of the key that signs the payload: a file in the analyzer's `--hook-keys`.
   * @default - what is sent is not signed
   */
  key: z.string().optional(),
  /**
   * Name of the authority that is trusted instead of the system's: a PEM file in the analyzer's `--hook-authorities`.
   * @default - the system's
   */
  authority: z.string().optional(),
});

/** A hook that passes once for its step. */
export interface PreRolloutProps extends z.infer<typeof preRolloutProps> {}

/** The schema of `PreRolloutProps`. */
export const preRolloutProps = extended(hookProps, {
  /**
   * Whether it may run a second time where nobody can tell whether it ran: the connection broke, or the analyzer
   * was started again while it waited. Where it may not, a person decides: `perch promote` or `perch abort`.
   * @default false
   */
  repeatable: z.boolean().optional(),
});

/** A hook that runs while the candidate is judged. */
export interface RolloutProps extends z.infer<typeof rolloutProps> {}

/** The schema of `RolloutProps`. */
export const rolloutProps = extended(hookProps, {
  /**
   * Whether each step is left only when it has passed once, as a load test does, instead of calling it once each
   * check period.
   * @default false
   */
  await: z.boolean().optional(),
  /**
   * Whether a hook that is awaited may run a second time where nobody can tell whether it ran.
   * @default false
   */
  repeatable: z.boolean().optional(),
});

/** A hook as the release's author writes it. */
export interface HookDefinition {
  readonly hook: Hook;
}

/** What the functions below return. */
export const aHook = thing<HookDefinition>(
  { what: 'a hook', remedy: 'use a function for hooks, such as confirmPromotion({ … })' },
  (it) => hasMembers(it, { hook: 'object' }),
);

/** Asked before a rollout starts, while nothing has been touched yet, until it answers 2xx. Asked again and again. */
export function confirmRollout(props: HookProps): HookDefinition {
  return hook('confirmRollout', 'confirm-rollout', hookProps, props);
}

/**
 * Runs in the last step before the candidate gets its first request or a copy of one, until it passes once. One that
 * answers anything but 2xx counts as a failed check, and runs again after a check period. Where nobody can tell
 * whether it ran, it runs again only if `repeatable`.
 */
export function preRollout(props: PreRolloutProps): HookDefinition {
  return hook('preRollout', 'pre-rollout', preRolloutProps, props, repeatability);
}

/**
 * Runs in every step of the analysis, once each check period, or until it passes once if `await`. What is not 2xx
 * counts as a failed check. Where nobody can tell whether it ran, it runs again, unless it is awaited and not
 * `repeatable`.
 */
export function rollout(props: RolloutProps): HookDefinition {
  return hook('rollout', 'rollout', rolloutProps, props, (given) => ({
    ...(given.await === true ? { once: true } : {}),
    ...repeatability(given),
  }));
}

/** Asked before each step that raises the canary's weight, until it answers 2xx. Asked again and again. */
export function confirmTrafficIncrease(props: HookProps): HookDefinition {
  return hook('confirmTrafficIncrease', 'confirm-traffic-increase', hookProps, props);
}

/** Asked before the candidate is promoted, until it answers 2xx; the checks go on. Asked again and again. */
export function confirmPromotion(props: HookProps): HookDefinition {
  return hook('confirmPromotion', 'confirm-promotion', hookProps, props);
}

/** Told once when a rollout is over, promoted or taken back. Not called again, whatever it answers. */
export function postRollout(props: HookProps): HookDefinition {
  return hook('postRollout', 'post-rollout', hookProps, props);
}

/** Asked in every step; 2xx takes the rollout back. Asked again and again. */
export function rollback(props: HookProps): HookDefinition {
  return hook('rollback', 'rollback', hookProps, props);
}

/** Told once of every transition. Not called again, whatever it answers. */
export function event(props: HookProps): HookDefinition {
  return hook('event', 'event', hookProps, props);
}

function repeatability({ repeatable }: PreRolloutProps): Pick<Hook, 'repeatable'> {
  return repeatable === undefined ? {} : { repeatable };
}

function hook<T extends HookProps>(
  whole: string,
  type: Hook['type'],
  schema: z.ZodType<T>,
  props: unknown,
  more: (given: T) => Pick<Hook, 'once' | 'repeatable'> = () => ({}),
): HookDefinition {
  return made(
    whole,
    schema,
    props,
    (given) => definition(type, given, more(given)),
    () => definition(type, { name: 'unknown', url: 'https://unknown' }),
  );
}

function definition(
  type: Hook['type'],
  props: HookProps,
  more: Pick<Hook, 'once' | 'repeatable'> = {},
): HookDefinition {
  const {
    name,
    url,
    timeout = Duration.seconds(10),
    retries = 0,
    metadata,
    key,
    authority,
  } = props;
  return {
    hook: {
      name,
      type,
      url,
      timeoutSeconds: timeout.toMilliseconds({ integral: false }) / 1000,
      retries,
      ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
      ...(key === undefined ? {} : { key }),
      ...(authority === undefined ? {} : { authority }),
      ...more,
    },
  };
}
