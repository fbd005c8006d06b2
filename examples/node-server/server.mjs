// Serves predictions of a compiled model over HTTP, on this machine alone.
//
//     PORT=8080 node server.mjs [model.onnx]
//
// POST /predict takes samples as the bytes of their elements, one after the other, as a typed array holds them, and
// answers with those of the first output. GET /model tells names and shapes. SIGTERM and SIGINT end it once the requests
// that have arrived are answered.
import { once } from 'node:events';
import { createServer } from 'node:http';
import * as ort from 'onnxruntime-node';

const path = process.argv[2] ?? 'out/cpu/model.onnx';
const port = Number(process.env.PORT ?? 8080);
const mostSamples = 64;
/** Requests that are worked on at a time: each has memory of its own for its samples. */
const slots = 8;

const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const [input] = session.inputMetadata;
const [output] = session.outputMetadata;
// The batch comes first; it is a name where the model leaves it open.
const sampleShape = input.shape.slice(1);
const sampleSize = sampleShape.reduce((left, right) => left * right, 1);
if (session.inputNames.length !== 1 || input.type !== 'float32' || !Number.isInteger(sampleSize)) {
  throw new Error(`${path} must have one input, of float32 and of fixed size`);
}
const sampleBytes = 4 * sampleSize;

const free = Array.from({ length: slots }, () => new ArrayBuffer(mostSamples * sampleBytes));

/** Runs the model on `samples` samples that are in `memory`, where they stay: the tensor is a view. */
async function predict(memory, samples) {
  const feed = new ort.Tensor('float32', new Float32Array(memory, 0, samples * sampleSize), [samples, ...sampleShape]);
  const results = await session.run({ [input.name]: feed }, [output.name]);
  return results[output.name];
}

function refuse(request, response, status, message, headers = {}) {
  // What is not read would be taken for the next request.
  response.writeHead(status, { connection: 'close', 'content-type': 'text/plain', ...headers }).end(`${message}\n`);
  request.resume();
}

async function answer(request, response) {
  const length = Number(request.headers['content-length']);
  if (!Number.isInteger(length)) return refuse(request, response, 411, 'content-length is missing');
  if (length > mostSamples * sampleBytes) return refuse(request, response, 413, `at most ${mostSamples} samples`);
  if (length === 0 || length % sampleBytes !== 0) {
    return refuse(request, response, 400, `a sample is ${sampleBytes} bytes: ${sampleSize} numbers of float32`);
  }
  const memory = free.pop();
  if (memory === undefined) return refuse(request, response, 503, 'busy', { 'retry-after': '1' });
  try {
    // From the socket's buffers straight into the tensor's memory: the only time that samples are copied.
    const bytes = new Uint8Array(memory);
    let filled = 0;
    for await (const chunk of request) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
    const { data, dims } = await predict(memory, length / sampleBytes);
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': data.byteLength,
      'x-shape': dims.join(','),
      ...(server.listening ? {} : { connection: 'close' }),
    });
    response.end(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  } finally {
    free.push(memory);
  }
}

const server = createServer(async (request, response) => {
  try {
    const route = `${request.method} ${request.url}`;
    if (route === 'POST /predict') await answer(request, response);
    else if (route === 'GET /model') {
      const { name, type } = output;
      const model = {
        input: { ...input, bytesOfSample: sampleBytes },
        output: { name, type, shape: output.shape },
        mostSamples,
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(model));
    } else refuse(request, response, 404, 'POST /predict or GET /model');
  } catch (error) {
    // The client left in the middle of its request, or the model failed: neither is the end of the server.
    if (!request.destroyed) console.error(error);
    if (response.headersSent || request.destroyed) response.destroy();
    else refuse(request, response, 500, 'the prediction failed');
  }
});

// The first run of a session is slower than others.
await predict(free[0], 1);
server.listen(port, '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${server.address().port}/`);

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    // Takes no new connections; those that are open end with their answer.
    server.close();
    await once(server, 'close');
    await session.release();
    console.log('stopped');
  });
}
