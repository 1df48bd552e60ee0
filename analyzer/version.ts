/** What the bundle was made from. */
export interface Version {
  /** As in package.json; `unknown` where the sources run without a bundle. */
  readonly version: string;
  /** Git commit, with `-dirty` behind it where sources had been changed; `unknown` where there was no checkout. */
  readonly commit: string;
}

/** Replaced by .ci/build.js. */
declare const BUNDLED_VERSION: Version | undefined;

/** The version of this program. */
export const VERSION: Version =
  typeof BUNDLED_VERSION === 'undefined'
    ? { version: 'unknown', commit: 'unknown' }
    : BUNDLED_VERSION;

/** `0.1.0 (commit 1f2e3d…)` */
export function versionText({ version, commit }: Version): string {
  return `${version} (commit ${commit})`;
}
