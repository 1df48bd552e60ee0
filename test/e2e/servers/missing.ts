/**
 * Whether tests must do without a server. Says so loudly, because a skipped test looks like a
 * passed one; with PERCH_E2E_REQUIRE=1, as in CI, a missing server is a failure.
 *
 * @example describe('…', { skip: isMissing(missingPrometheus()) }, () => {})
 * @param reason why the server cannot be had, or nothing when it can
 * @throws Error with the reason when PERCH_E2E_REQUIRE=1
 */
export function isMissing(reason: string | undefined): boolean {
  if (reason === undefined) return false;
  if (process.env.PERCH_E2E_REQUIRE === '1') throw new Error(reason);
  console.warn(`\nSKIPPED, NOT TESTED: ${reason}\n`);
  return true;
}
