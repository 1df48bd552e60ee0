import * as z from 'zod';

/** A name as one part of a host name, RFC 1123. */
export const dnsLabel = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected a DNS label');

/** A duration. */
export const seconds = z.number().int().nonnegative();

/** A share of 100. */
export const percent = z.number().min(0).max(100);
