// Runs in the page: see webgpu-page.ts. Keeps the lines of the engine's log that webgpu-log.ts reads.

const used =
  /VerifyEachNodeIsAssignedToAnEp|Starting program "|MemcpyToHost|MemcpyFromHost|[Gg]raph capture|[Rr]eplay|capture graph/;
let lines = [];
for (const method of ['log', 'info', 'warn', 'error', 'debug']) {
  console[method] = (...values) => {
    const text = values.join(' ');
    if (used.test(text)) lines.push(text);
  };
}

// After the console is replaced: the engine takes its methods when it is loaded.
const ort = await import('/ort/ort.webgpu.mjs');
ort.env.wasm.wasmPaths = '/ort/';
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'verbose';

const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function toBase64(bytes) {
  let text = '';
  for (let start = 0; start < bytes.length; start += 32768) {
    text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  }
  return btoa(text);
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
  float16: globalThis.Float16Array ?? Uint16Array,
};

function tensorOf({ type, dims, data }) {
  return new ort.Tensor(type, new arrays[type](fromBase64(data).buffer), dims);
}

/** The same tensor in a buffer on the device, whose size is a multiple of 16 bytes. */
async function toDevice({ type, dims, data }) {
  const device = await ort.env.webgpu.device;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const size = Math.ceil(bytes.length / 16) * 16;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ size, usage });
  const padded = new Uint8Array(size);
  padded.set(bytes);
  device.queue.writeBuffer(buffer, 0, padded);
  return ort.Tensor.fromGpuBuffer(buffer, { dataType: type, dims, download: () => download(device, buffer, data) });
}

/** What is in a buffer, as an array like `data`. */
async function download(device, buffer, data) {
  const staging = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const copy = staging.getMappedRange().slice(0, data.byteLength);
  staging.destroy();
  return new data.constructor(copy);
}

async function allToDevice(entries) {
  const moved = [];
  for (const [name, tensor] of entries) moved.push([name, await toDevice(tensor)]);
  return Object.fromEntries(moved);
}

globalThis.webgpu = async ({ model, feeds, runs, device = 'none', session: more = {} }) => {
  lines = [];
  let session;
  let sessionLog = [];
  try {
    session = await ort.InferenceSession.create(fromBase64(model), {
      // An object, for the engine forgets to record with a provider that is given by its name alone.
      executionProviders: [{ name: 'webgpu' }],
      logSeverityLevel: 0,
      logVerbosityLevel: 1,
      ...(device === 'none' ? {} : { preferredOutputLocation: 'gpu-buffer' }),
      ...(device === 'capture' ? { enableGraphCapture: true } : {}),
      ...more,
    });
    sessionLog = lines;
    const given = Object.entries(feeds).map(([name, feed]) => [name, tensorOf(feed)]);
    const inputs = device === 'none' ? Object.fromEntries(given) : await allToDevice(given);
    let results = {};
    for (let run = 0; run < runs; run++) {
      lines = [];
      results = await session.run(inputs);
    }
    const runLog = lines;
    const outputs = {};
    for (const [name, tensor] of Object.entries(results)) {
      const data = await tensor.getData();
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      outputs[name] = { type: tensor.type, dims: tensor.dims, data: toBase64(bytes) };
    }
    return { outputs, sessionLog, runLog };
  } catch (error) {
    return { error: String(error), outputs: {}, sessionLog: sessionLog.length === 0 ? lines : sessionLog, runLog: [] };
  } finally {
    await session?.release();
  }
};
