// Serves a folder on this machine alone: node examples/web/serve.mjs [folder] [port]
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/**
 * Serves the files of `folder` at 127.0.0.1, on any free port if `port` is 0. Two headers isolate the page from other
 * origins, without which browsers give WebAssembly no threads; another forbids it to load anything from elsewhere.
 */
export async function serve(folder, port = 0) {
  const root = resolve(folder);
  const headers = {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'content-security-policy': policyOf(readFileSync(join(root, 'index.html'), 'utf8')),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  };
  const server = createServer((request, response) => {
    const path = pathOf(request.url ?? '/');
    const file = path === undefined ? undefined : join(root, path.endsWith('/') ? `${path}index.html` : path);
    if (file === undefined || !statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404, headers).end('not found\n');
      return;
    }
    const type = types[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { ...headers, 'content-type': type });
    createReadStream(file).pipe(response);
  });
  await new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, server };
}

/** The path below the folder that an address asks for, always inside of it; undefined for what is no address. */
function pathOf(address) {
  try {
    const path = normalize(decodeURIComponent(new URL(address, 'http://localhost').pathname));
    return path.includes('\0') ? undefined : path;
  } catch {
    return undefined;
  }
}

/** What the page may load: its own files, and its import map, which browsers take from the page itself only. */
function policyOf(html) {
  const map = /<script type="importmap">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(map).digest('base64');
  return [
    "default-src 'self'",
    `script-src 'self' 'wasm-unsafe-eval' 'sha256-${hash}'`,
    "worker-src 'self'",
    "img-src 'self' data:",
  ].join('; ');
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { url } = await serve(process.argv[2] ?? 'out/web', Number(process.argv[3] ?? 8080));
  console.log(`${url} (Ctrl-C ends it)`);
}
