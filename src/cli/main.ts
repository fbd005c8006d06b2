#!/usr/bin/env node
import { runCli } from './run.js';
import { processTerminal } from './terminal.js';

const interrupt = new AbortController();
// Once: a second Ctrl-C ends the process at once, as without us.
process.once('SIGINT', () => interrupt.abort());
// A reader such as `head` that has seen enough is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
process.exitCode = await runCli(process.argv.slice(2), processTerminal(interrupt.signal));
