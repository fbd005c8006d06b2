import model from '../model/model.json?swanc&calibration=samples.npy&batch=1024&target=webgpu';

/** The network takes 1024 points at a time: the plane is a grid of 64 × 64, in four runs. */
const side = 64;
const batch = 1024;
const colours = [
  [230, 85, 75],
  [60, 140, 230],
  [70, 175, 110],
] as const;
const arms = ['red', 'blue', 'green'];

const canvas = element('plane', HTMLCanvasElement);
const answer = element('answer', HTMLOutputElement);

try {
  const loaded = await model.load({ onWarning: (text) => console.info(text) });
  const start = performance.now();
  const plane = await classify(loaded, gridOf());
  const took = performance.now() - start;
  draw(plane);
  answer.value = 'Move over the picture.';
  canvas.addEventListener('pointermove', (event) => point(event, plane));
  tell({
    'runs on': `${loaded.device} (${loaded.deviceReason})`,
    file: `${(model.size / 1024).toFixed(1)} KB, ${model.mode}`,
    'the plane took': `${took.toFixed(1)} ms for ${side * side} points`,
    'compiled by': model.compiler,
  });
} catch (error) {
  answer.value = `The model cannot be loaded: ${error instanceof Error ? error.message : String(error)}`;
}

/** Points of the plane from -1 to 1, row by row. */
function gridOf(): Float32Array {
  return Float32Array.from({ length: 2 * side * side }, (_, index) => {
    const cell = Math.floor(index / 2);
    return (2 * ((index % 2 === 0 ? cell % side : Math.floor(cell / side)) + 0.5)) / side - 1;
  });
}

/** Probabilities of the arms, three for each point. */
async function classify(loaded: Awaited<ReturnType<typeof model.load>>, points: Float32Array): Promise<Float32Array> {
  const classes = new Float32Array((points.length / 2) * arms.length);
  for (let first = 0; first < points.length / 2; first += batch) {
    const { arm } = await loaded.run({ point: points.slice(2 * first, 2 * (first + batch)) });
    classes.set(arm.data, first * arms.length);
  }
  return classes;
}

function draw(plane: Float32Array): void {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('there is no canvas here');
  const image = context.createImageData(side, side);
  for (let cell = 0; cell < side * side; cell++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * cell + channel] = colours.reduce(
        (sum, colour, arm) => sum + (colour[channel] ?? 0) * (plane[arms.length * cell + arm] ?? 0),
        0,
      );
    }
    image.data[4 * cell + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function point({ offsetX, offsetY }: PointerEvent, plane: Float32Array): void {
  const cellAt = (offset: number, size: number): number =>
    Math.max(0, Math.min(side - 1, Math.floor((offset / size) * side)));
  const cell = cellAt(offsetY, canvas.clientHeight) * side + cellAt(offsetX, canvas.clientWidth);
  const parts = arms.map((name, arm) => `${name} ${Math.round(100 * (plane[arms.length * cell + arm] ?? 0))} %`);
  answer.value = parts.join(' · ');
}

function tell(facts: Readonly<Record<string, string>>): void {
  const items = Object.entries(facts).flatMap(([name, text]) => [item('dt', name), item('dd', text)]);
  element('facts', HTMLDListElement).replaceChildren(...items);
}

function item(tag: 'dt' | 'dd', text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`the page has no ${id}`);
}
