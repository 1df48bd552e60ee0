import * as z from 'zod';

/** A name as one part of a host name, RFC 1123. */
export const dnsLabel = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected a DNS label');
