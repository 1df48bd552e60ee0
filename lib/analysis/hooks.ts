import { Duration } from 'cdk8s';
import type { Hook } from '../plan/plan.ts';

/** An HTTP endpoint; docs/hooks.md says what it is sent. */
export interface HookProps {
  /** Unique in its release; a DNS label. */
  readonly name: string;
  /** `http` or `https`, without a credential: Git shows it to every reader. */
  readonly url: string;
  /**
   * For one attempt, from connecting to the last byte. At most an hour for `pre-rollout` and `rollout`, which may do
   * long work; at most a minute for the others, which are asked anew in each pass, or told in passing.
   * @default Duration.seconds(10)
   */
  readonly timeout?: Duration;
  /**
   * Attempts after one that was not answered, up to 10. Where a call may have been taken and must not be made twice,
   * there is no other attempt.
   * @default 0
   */
  readonly retries?: number;
  /**
   * Handed on in the payload.
   * @default - none
   */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Name of the key that signs the payload: a file in the analyzer's `--hook-keys`.
   * @default - what is sent is not signed
   */
  readonly key?: string;
  /**
   * Name of the authority that is trusted instead of the system's: a PEM file in the analyzer's `--hook-authorities`.
   * @default - the system's
   */
  readonly authority?: string;
}

/** A hook that passes once for its step. */
export interface PreRolloutProps extends HookProps {
  /**
   * Whether it may run a second time where nobody can tell whether it ran: the connection broke, or the analyzer
   * was started again while it waited. Where it may not, a person decides: `perch promote` or `perch abort`.
   * @default false
   */
  readonly repeatable?: boolean;
}

/** A hook that runs while the candidate is judged. */
export interface RolloutProps extends HookProps {
  /**
   * Whether each step is left only when it has passed once, as a load test does, instead of calling it once each
   * check period.
   * @default false
   */
  readonly await?: boolean;
  /**
   * Whether a hook that is awaited may run a second time where nobody can tell whether it ran.
   * @default false
   */
  readonly repeatable?: boolean;
}

/** A hook as the release's author writes it. */
export interface HookDefinition {
  readonly hook: Hook;
}

/** Asked before a rollout starts, while nothing has been touched yet, until it answers 2xx. Asked again and again. */
export function confirmRollout(props: HookProps): HookDefinition {
  return definition('confirm-rollout', props);
}

/**
 * Runs in the last step before the candidate gets its first request or a copy of one, until it passes once. One that
 * answers anything but 2xx counts as a failed check, and runs again after a check period. Where nobody can tell
 * whether it ran, it runs again only if `repeatable`.
 */
export function preRollout(props: PreRolloutProps): HookDefinition {
  return definition('pre-rollout', props, repeatability(props));
}

/**
 * Runs in every step of the analysis, once each check period, or until it passes once if `await`. What is not 2xx
 * counts as a failed check. Where nobody can tell whether it ran, it runs again, unless it is awaited and not
 * `repeatable`.
 */
export function rollout(props: RolloutProps): HookDefinition {
  const once = props.await === true ? { once: true } : {};
  return definition('rollout', props, { ...once, ...repeatability(props) });
}

/** Asked before each step that raises the canary's weight, until it answers 2xx. Asked again and again. */
export function confirmTrafficIncrease(props: HookProps): HookDefinition {
  return definition('confirm-traffic-increase', props);
}

/** Asked before the candidate is promoted, until it answers 2xx; the checks go on. Asked again and again. */
export function confirmPromotion(props: HookProps): HookDefinition {
  return definition('confirm-promotion', props);
}

/** Told once when a rollout is over, promoted or taken back. Not called again, whatever it answers. */
export function postRollout(props: HookProps): HookDefinition {
  return definition('post-rollout', props);
}

/** Asked in every step; 2xx takes the rollout back. Asked again and again. */
export function rollback(props: HookProps): HookDefinition {
  return definition('rollback', props);
}

/** Told once of every transition. Not called again, whatever it answers. */
export function event(props: HookProps): HookDefinition {
  return definition('event', props);
}

function repeatability({ repeatable }: PreRolloutProps): Pick<Hook, 'repeatable'> {
  return repeatable === undefined ? {} : { repeatable };
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
