import { side } from './digit.mjs';
import { Network } from './network.mjs';
import { Pad, paint } from './pad.mjs';
import { ClassView, element, GateView, LatencyView, milliseconds } from './views.mjs';

/** The page: what is drawn goes through the chosen network, and what comes of it into the views. */

const $ = (id) => document.getElementById(id);
const status = (text) => {
  $('status').textContent = text;
};
const say = (text) => {
  $('spoken').textContent = text;
};

const classes = new ClassView({ digit: $('digit'), sure: $('sure'), list: $('classes') });
/** Says what ended all work here, beside the pad, which is of no use now. */
const fail = (text) => {
  status(text);
  document.body.classList.add('failed');
  classes.show(undefined, 'not loaded');
};

/** Milliseconds in which nothing is drawn before the forms are timed. */
const quiet = 500;

const [demo, samples] = await Promise.all([
  fetch('./demo.json').then((response) => response.json()),
  fetch('./samples.bin').then(async (response) => new Uint8Array(await response.arrayBuffer())),
]).catch((error) => {
  fail(`The page is not complete: ${error.message}`);
  throw error;
});

/** The network that is chosen: its views, and its models from when they are loaded until they are released. */
let current;
/** The end of all loading so far: one network is in memory at a time. */
let loading = Promise.resolve();
/** What is wrong with the page's address. */
let notice = '';
/** Set while what is drawn has not been looked at; `isEnd`: a stroke has ended, so the result stays for a while. */
let wanted;
let isLooking = false;
let timer;
let timing;

const pad = new Pad({ board: $('board'), canvas: $('pad'), pen: $('pen') }, { onChange: changed, onSay: say });
fillSettings();
fillSamples();
choose();

function fillSettings() {
  const radios = demo.networks.map(({ id, title }, index) => {
    const input = element('input', { type: 'radio', name: 'network', value: id });
    input.checked = index === 0;
    return element('label', {}, [input, element('span', { text: title })]);
  });
  $('networks').append(...radios);
  const asked = new URLSearchParams(location.search).get('device');
  const devices = [...$('device').options].map(({ value }) => value);
  if (devices.includes(asked)) $('device').value = asked;
  else if (asked !== null)
    notice = `There is no device “${asked}”, only ${devices.join(', ')}: the best there is was taken.`;
  $('device').addEventListener('change', () => {
    notice = '';
  });
  $('settings').addEventListener('change', choose);
  $('settings').addEventListener('submit', (event) => event.preventDefault());
}

function fillSamples() {
  const shown = Array.from({ length: 10 }, () => 0);
  const show = (digit) => {
    const start = (digit * demo.samplesPerDigit + (shown[digit]++ % demo.samplesPerDigit)) * side * side;
    pad.show(Float32Array.from(samples.subarray(start, start + side * side), (value) => value / 255));
  };
  const buttons = shown.map((_, digit) => {
    const button = element('button', { type: 'button', text: String(digit), 'aria-label': `Sample of a ${digit}` });
    button.addEventListener('click', () => show(digit));
    return button;
  });
  $('samples').append(...buttons);
  $('clear').addEventListener('click', () => pad.clear());
  document.addEventListener('keydown', (event) => {
    const isField = event.target instanceof HTMLSelectElement;
    if (event.ctrlKey || event.metaKey || event.altKey || isField) return;
    if (/^[0-9]$/.test(event.key)) show(Number(event.key));
    else if (event.key === 'Delete' || event.key === 'Backspace') pad.clear();
    else return;
    event.preventDefault();
  });
}

/** Shows the network that is chosen and loads it, once the one before is gone. */
function choose() {
  const id = new FormData($('settings')).get('network');
  const description = demo.networks.find((network) => network.id === id);
  const before = current;
  const own = {
    description,
    gates: new GateView({ total: $('total'), container: $('layers') }, description.gates),
    latency: new LatencyView({ note: $('measured'), container: $('forms') }, description),
    abort: new AbortController(),
    /** Why there is no class. */
    why: 'loading…',
  };
  current = own;
  before?.abort.abort();
  timing?.abort();
  $('about').textContent = description.text;
  $('where').textContent = '';
  status('Loading…');
  document.body.classList.remove('failed');
  classes.show(undefined, own.why);
  document.body.setAttribute('aria-busy', 'true');
  loading = loading.then(async () => {
    await before?.network?.close();
    if (current === own) await open(own);
  });
}

async function open(own) {
  const warnings = [];
  try {
    own.network = await Network.open(own.description, $('device').value, {
      signal: own.abort.signal,
      onWarning: (text) => warnings.push(text),
      onProgress: (done, all) => status(`Loading: form ${done + 1} of ${all}…`),
    });
  } catch (error) {
    own.why = 'not loaded';
    if (current === own) fail(`The models cannot be loaded: ${error.message}`);
    return;
  } finally {
    if (current === own) document.body.removeAttribute('aria-busy');
  }
  if (current !== own) return;
  own.why = 'nothing drawn';
  const { device, deviceReason, threads } = own.network;
  const name = device === 'webgpu' ? 'WebGPU' : `WebAssembly, ${threads === 1 ? 'one thread' : `${threads} threads`}`;
  const isChosen = device === 'webgpu' || $('device').value === device;
  $('where').textContent = `in this browser: ${name}${isChosen ? '' : ` (${deviceReason})`}`;
  status([notice, ...new Set(warnings)].join(' ').trim());
  changed(true);
}

/** What is drawn changed. */
function changed(isEnd) {
  timing?.abort();
  clearTimeout(timer);
  current?.latency.wait('');
  wanted = { isEnd: isEnd || wanted?.isEnd === true };
  if (!isLooking) lookWhileWanted();
}

/** One image at a time: what is drawn meanwhile is one change, however many steps it had. */
async function lookWhileWanted() {
  isLooking = true;
  while (wanted !== undefined) {
    await new Promise(requestAnimationFrame);
    const { isEnd } = wanted;
    wanted = undefined;
    const own = current;
    try {
      await look(own, pad.digit, isEnd);
    } catch (error) {
      if (current !== own) continue;
      classes.show(undefined, 'not run');
      status(`The network cannot be run: ${error.message}`);
    }
  }
  isLooking = false;
}

async function look(own, image, isEnd) {
  paint($('seen'), image);
  document.body.classList.toggle('drawn', image !== undefined);
  if (image === undefined || own.network === undefined) {
    classes.show(undefined, own.why);
    own.gates.clear();
    if (isEnd) say(image === undefined ? 'empty' : own.why);
    return;
  }
  const { probabilities, layers } = await own.network.look(image);
  if (current !== own) return;
  const best = classes.show(probabilities);
  const sentence = own.gates.show(layers, isEnd);
  if (!isEnd) return;
  say(`Class ${best}, ${Math.round(100 * probabilities[best])} percent. ${sentence}`);
  timer = setTimeout(() => time(own, image), quiet);
}

async function time(own, image) {
  timing = new AbortController();
  const { signal } = timing;
  if (own.network === undefined) return;
  try {
    const result = await own.network.time(image, {
      signal,
      onProgress: (part) => own.latency.wait(`Timing: ${Math.round(100 * part)} %`),
    });
    if (current !== own) return;
    own.latency.show(result);
    const texts = [...result.medians].map(([form, median]) => `${form} ${milliseconds(median)}`);
    say(`Latency: ${texts.join(', ')}`);
  } catch (error) {
    if (current !== own) return;
    if (signal.aborted) own.latency.wait('');
    else status(`The forms cannot be timed: ${error.message}`);
  }
}
