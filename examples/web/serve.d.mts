import type { Server } from 'node:http';

/** Serves the files of a folder at 127.0.0.1; port 0, the default, is any that is free. */
export function serve(folder: string, port?: number): Promise<{ readonly url: string; readonly server: Server }>;
