/** The address to listen on cannot be had. */
export class ListenError extends Error {
  /** Another program has it: it may be free later. Else it is no address that this process can have. */
  readonly isInUse: boolean;

  /** @param address as `host:port` @param code what the system calls it */
  constructor(address: string, code: string | undefined) {
    super(`--listen: ${reason(address, code)} (${code ?? 'no reason given'})`);
    this.name = 'ListenError';
    this.isInUse = code === 'EADDRINUSE';
  }
}

function reason(address: string, code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return `another program listens on ${address} already: end it, or name a port that is free`;
    case 'EACCES':
      return `this user may not listen on ${address}: name a port from 1024 on`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${address} is not an address of this machine: name one that it has, or 0.0.0.0 for all of them`;
    default:
      return `cannot listen on ${address}`;
  }
}
