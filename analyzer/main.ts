#!/usr/bin/env node
import { crash, endWithReader } from './commands/terminal.ts';
import { perch } from './perch.ts';

/** The process of the `perch` command; imported by nobody. */
process.once('uncaughtException', crash);
endWithReader();
void perch(process.argv.slice(2), (code) => {
  process.exitCode = code;
});
