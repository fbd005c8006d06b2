/** What of the page shows results. Each view is filled once for a network and then updated. */

export function element(tag, { className, text, ...attributes } = {}, children = []) {
  const made = document.createElement(tag);
  if (className !== undefined) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Parts as percentages, with a decimal where they are next to nothing or next to all. */
export function percent(part) {
  const isWhole = part === 0 || part > 0.9995 || (part >= 0.0995 && part < 0.985);
  return `${(100 * part).toFixed(isWhole ? 0 : 1)} %`;
}

/** The class, and the probabilities of all. */
export class ClassView {
  #digit;
  #sure;
  #rows;

  constructor({ digit, sure, list }) {
    this.#digit = digit;
    this.#sure = sure;
    this.#rows = Array.from({ length: 10 }, (_, name) => {
      const bar = element('i', { className: 'bar', 'aria-hidden': 'true' });
      const value = element('span', { className: 'value', text: '–' });
      const row = element('li', {}, [element('b', { text: String(name) }), bar, value]);
      return { row, bar, value };
    });
    list.replaceChildren(...this.#rows.map(({ row }) => row));
  }

  /** `probabilities` may be undefined: `why` says why there are none. Returns the class. */
  show(probabilities, why = '') {
    const best = probabilities === undefined ? -1 : probabilities.indexOf(Math.max(...probabilities));
    this.#digit.textContent = best < 0 ? '' : String(best);
    this.#sure.textContent = best < 0 ? why : percent(probabilities[best]);
    for (const [name, { row, bar, value }] of this.#rows.entries()) {
      const part = probabilities?.[name] ?? 0;
      row.classList.toggle('best', name === best);
      bar.style.setProperty('--part', part.toFixed(4));
      value.textContent = probabilities === undefined ? '–' : percent(part);
    }
    return best;
  }
}

/** The gates of a network, layer by layer, a cell for each unit. */
export class GateView {
  #total;
  #layers;
  /** States of a network that was given nothing. */
  #empty;

  constructor({ total, container }, gates) {
    this.#total = total;
    this.#layers = gates.map(({ name, units }, layer) => {
      const cells = units.map(() => element('i', { className: 'cell' }));
      const count = element('span', { className: 'count' });
      const grid = element('div', { className: 'cells', role: 'img' }, cells);
      grid.style.setProperty('--layer', String(layer));
      const head = element('div', { className: 'line' }, [element('h3', { text: name }), count]);
      return { name, cells, count, grid, section: element('div', { className: 'layer' }, [head, grid]) };
    });
    // Few units may be seen from afar.
    const all = gates.reduce((sum, { units }) => sum + units.length, 0);
    container.style.setProperty('--cell', all <= 300 ? '15px' : all <= 600 ? '12px' : '10px');
    container.replaceChildren(...this.#layers.map(({ section }) => section));
    this.#empty = gates.map(({ units, output, alwaysOn }) =>
      units.map(({ column }) => (column < 0 && !(output === null && alwaysOn) ? 'gone' : 'off')),
    );
    this.clear();
  }

  /** Shows which units are left, and no states. */
  clear() {
    for (const [layer, states] of this.#empty.entries()) {
      const gone = states.filter((state) => state === 'gone').length;
      const left = `${states.length - gone} of ${states.length}`;
      this.#fill(layer, states, gone === 0 ? `${states.length}` : `${left} left`, `${left} units are left`);
    }
    this.#total.textContent = '';
  }

  /**
   * `layers`: for each gate the states of its units, `on`, `off` or `gone`. A final result lights up layer by layer.
   * Returns what it shows as a sentence.
   */
  show(layers, isFinal) {
    const counts = layers.map((states) => states.filter((state) => state === 'on').length);
    for (const [layer, states] of layers.entries()) {
      const text = `${counts[layer]} of ${states.length}`;
      this.#fill(layer, states, text, `${text} units fire`, isFinal);
    }
    const [firing, all] = [counts, layers.map(({ length }) => length)].map((list) =>
      list.reduce((sum, n) => sum + n, 0),
    );
    this.#total.textContent = `${firing} of ${all} units fire: ${percent(firing / all)}`;
    return `${firing} of ${all} units fire.`;
  }

  #fill(layer, states, text, label, isFinal = false) {
    const { name, cells, count, grid } = this.#layers[layer];
    grid.classList.remove('settle');
    for (const [index, cell] of cells.entries()) cell.className = `cell ${states[index]}`;
    if (isFinal) {
      // Units that fired before light up once more only if the browser has seen them without the animation.
      grid.getBoundingClientRect();
      grid.classList.add('settle');
    }
    count.textContent = text;
    grid.setAttribute('aria-label', `${name}: ${label}`);
  }
}

const forms = [
  { name: 'mask', title: 'Mask', text: 'computes every unit and multiplies by the gates' },
  { name: 'dense', title: 'Dense', text: 'without the units that never fire' },
  { name: 'dynamic', title: 'Dynamic', text: 'also skips what this digit does not need' },
];

/** Latency and size of the forms. */
export class LatencyView {
  #note;
  #rows;

  constructor({ note, container }, network) {
    this.#note = note;
    this.#rows = forms.map(({ name, title, text }) => {
      const { bytes, isSame } = network.forms[name];
      const time = element('span', { className: 'time', text: isSame ? 'as dense: no plan to skip' : '–' });
      const ratio = element('span', { className: 'ratio' });
      const bar = element('i', { className: 'bar', 'aria-hidden': 'true' });
      const what = isSame ? text : `${text}; ${(bytes / 2 ** 20).toFixed(2)} MB`;
      const head = element('div', { className: 'what' }, [
        element('h3', { text: title }),
        element('p', { className: 'small', text: what }),
      ]);
      const figures = element('p', { className: 'figures' }, [time, ratio]);
      const row = element('div', { className: 'form' }, [head, bar, figures]);
      return { name, time, ratio, bar, row, isSame };
    });
    container.replaceChildren(...this.#rows.map(({ row }) => row));
  }

  /** `medians`: milliseconds by form. */
  show({ medians, rounds, repeats }) {
    const slowest = Math.max(...medians.values());
    const mask = medians.get('mask');
    for (const { name, time, ratio, bar, isSame } of this.#rows) {
      const own = medians.get(name);
      if (isSame || own === undefined) continue;
      time.textContent = milliseconds(own);
      ratio.textContent = name === 'mask' ? '' : `${(mask / own).toFixed(2)}× as fast`;
      bar.style.setProperty('--part', (own / slowest).toFixed(4));
    }
    const each = repeats === 1 ? 'a run' : `${repeats} runs in a row`;
    this.#note.textContent = `Medians of ${rounds} timings of ${each}, the forms in turns.`;
  }

  wait(text) {
    this.#note.textContent = text;
  }
}

/** Three digits of a time, in the unit that suits it. */
export function milliseconds(time) {
  if (time < 1) return `${Math.round(1000 * time)} µs`;
  return `${time.toFixed(time < 10 ? 2 : time < 100 ? 1 : 0)} ms`;
}
