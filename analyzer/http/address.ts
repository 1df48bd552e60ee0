import * as z from 'zod';
import { credentialsFault, redactAddress } from '../redact.ts';

/** An address without anything that logs in or would be lost below it. */
export function webAddress() {
  return z.string().transform((address, context) => {
    const fault = addressFault(address);
    if (fault !== undefined) {
      context.addIssue({ code: 'custom', message: `${redactAddress(address)} ${fault}` });
      return z.NEVER;
    }
    return address.replace(/\/+$/, '');
  });
}

function addressFault(address: string): string | undefined {
  const fault = credentialsFault(address);
  if (fault !== undefined) return fault;
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address))
    return 'is not an http:// or https:// URL';
  return /[?#]/.test(address) ? 'has parameters in it' : undefined;
}
