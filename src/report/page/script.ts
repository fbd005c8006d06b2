import { fateWords } from './heatmap.js';

/**
 * What the page does by itself: tells of the unit under the pointer or the cursor keys, filters passes, and opens what is
 * folded before it is printed. Without it everything is there, folded.
 */
export const script = `'use strict';
const words = ${JSON.stringify(fateWords)};
const pitch = 12;

for (const heat of document.querySelectorAll('.heat')) {
  const { columns, units, fates, events, fired } = JSON.parse(heat.parentElement.querySelector('[data-for="heat"]').textContent);
  const readout = heat.parentElement.querySelector('[data-readout]');
  const cursor = heat.querySelector('.cursor');
  let current = 0;
  const show = (index) => {
    if (index < 0 || index >= units.length) return;
    current = index;
    cursor.setAttribute('x', pitch * (index % columns));
    cursor.setAttribute('y', pitch * Math.floor(index / columns));
    cursor.setAttribute('visibility', 'visible');
    const often = events === undefined ? '' : 'fires in ' + (100 * fired[index] / events).toFixed(1) + ' % (' + fired[index] + ' of ' + events + ' events), ';
    readout.textContent = 'Unit ' + units[index] + ': ' + often + words[fates[index]];
  };
  const hide = () => {
    cursor.setAttribute('visibility', 'hidden');
    readout.textContent = readout.dataset.hint;
  };
  readout.hidden = false;
  readout.dataset.hint = 'Point at a unit, or use the arrow keys.';
  hide();
  const point = (event) => {
    const box = heat.getBoundingClientRect();
    const scale = heat.viewBox.baseVal.width / box.width;
    const column = Math.floor((event.clientX - box.left) * scale / pitch);
    const row = Math.floor((event.clientY - box.top) * scale / pitch);
    if (column >= 0 && column < columns && row >= 0) show(row * columns + column);
  };
  heat.addEventListener('pointermove', point);
  heat.addEventListener('pointerdown', point);
  heat.addEventListener('pointerleave', () => { if (document.activeElement !== heat) hide(); });
  heat.addEventListener('focus', () => { if (heat.matches(':focus-visible')) show(current); });
  heat.addEventListener('blur', hide);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -Infinity, End: Infinity };
  heat.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = current + step;
    if (Number.isFinite(step)) show(next);
    else show(step < 0 ? 0 : units.length - 1);
  });
}

for (const filter of document.querySelectorAll('[data-filter]')) {
  const passes = filter.parentElement.querySelector('[data-passes]');
  const [text, kind, count] = [filter.querySelector('input'), filter.querySelector('select'), filter.querySelector('[data-count]')];
  const apply = () => {
    const wanted = text.value.trim().toLowerCase();
    const isFiltered = wanted !== '' || kind.value !== '';
    let found = 0;
    for (const pass of passes.querySelectorAll('details')) {
      const isNamed = pass.dataset.pass.toLowerCase().includes(wanted);
      let own = 0;
      for (const row of pass.querySelectorAll('tbody tr')) {
        const isKind = kind.value === '' || row.querySelector('.state.' + kind.value) !== null;
        row.hidden = !(isKind && (isNamed || row.textContent.toLowerCase().includes(wanted)));
        if (!row.hidden) own++;
      }
      pass.hidden = own === 0;
      pass.open = isFiltered && own > 0 && wanted !== '';
      found += own;
    }
    count.textContent = isFiltered ? found + (found === 1 ? ' finding' : ' findings') : '';
  };
  filter.hidden = false;
  text.addEventListener('input', apply);
  kind.addEventListener('change', apply);
}

// A picture that is a little too wide is made smaller; the rest is scrolled to, and said to be.
const least = 0.75;
const pictures = document.querySelectorAll('.picture');
for (const picture of pictures) {
  const drawing = picture.querySelector('svg');
  drawing.style.setProperty('--least', least * drawing.viewBox.baseVal.width + 'px');
}
const regions = document.querySelectorAll('.scroll');
const markScrolled = () => {
  for (const region of regions) {
    if (region.clientWidth === 0) continue;
    const isScrolled = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
    if (isScrolled) region.tabIndex = 0;
    else region.removeAttribute('tabindex');
  }
  for (const picture of pictures) picture.previousElementSibling.hidden = picture.scrollWidth <= picture.clientWidth;
};
markScrolled();
// The layer that the model starts with may stand in the middle of many.
for (const picture of pictures) {
  const [box, first] = [picture.getBoundingClientRect(), picture.querySelector('.stack')?.getBoundingClientRect()];
  if (first !== undefined && first.right > box.right) picture.scrollLeft = first.left - box.left - 12;
}
addEventListener('resize', markScrolled);
document.addEventListener('toggle', markScrolled, true);

let opened = [];
addEventListener('beforeprint', () => {
  opened = [...document.querySelectorAll('details:not([open]):not([data-pass])')];
  for (const details of opened) details.open = true;
});
addEventListener('afterprint', () => {
  for (const details of opened) details.open = false;
});
`;
