import { createReadStream, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.onnx': 'application/octet-stream',
};

/** An empty page, for scripts that are added to it. */
const page = '<!doctype html><title>swanc</title>';

export interface ServeOptions {
  /** Pages are cross-origin isolated, so that they may have threads. */
  readonly isolated?: boolean;
}

/** What makes a page cross-origin isolated, if all that it loads has it. */
const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** Serves folders, each under a path such as `/ort/`, and an empty page at `/`, on a free port of this machine alone. */
export async function serve(
  folders: Readonly<Record<string, string>>,
  options: ServeOptions = {},
): Promise<{ url: string; server: Server }> {
  const headers = options.isolated === true ? isolation : {};
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    if (path === '/') {
      response.writeHead(200, { ...headers, 'content-type': types['.html'] });
      response.end(page);
      return;
    }
    const [prefix, folder] = Object.entries(folders).find(([start]) => path.startsWith(start)) ?? [];
    const file = folder === undefined || prefix === undefined ? undefined : join(folder, path.slice(prefix.length));
    if (file === undefined || !statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { ...headers, 'content-type': types[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { url: `http://127.0.0.1:${address.port}`, server };
}
