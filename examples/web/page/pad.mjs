import { side, toDigit } from './digit.mjs';

/** Width of the pen and length of a step of the keyboard's, in pixels of the canvas. */
const penWidth = 20;
const step = 10;

const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * The drawing area: by pointer, by finger, and by arrow keys with a pen that Space puts down and lifts. `onChange` is
 * told whether the stroke has ended, and {@link Pad.digit} is what is drawn then; `onSay` gets what someone who cannot see it
 * has to know.
 * Ink is opaque black on nothing, so that a theme can invert it.
 */
export class Pad {
  #board;
  #canvas;
  #pen;
  #context;
  #onChange;
  #onSay;
  /** Where the pen is, and whether it is down. */
  #at = { x: 140, y: 140 };
  #isDown = false;
  #stroke;
  /** An image that is shown as it is, until something is drawn. */
  #sample;

  constructor({ board, canvas, pen }, { onChange, onSay }) {
    this.#board = board;
    this.#canvas = canvas;
    this.#pen = pen;
    this.#context = canvas.getContext('2d', { willReadFrequently: true });
    this.#onChange = onChange;
    this.#onSay = onSay;
    // Keys reach it from here on only.
    board.tabIndex = 0;
    this.#listen();
    this.#showPen();
  }

  /** The image for the networks; undefined while nothing is drawn. */
  get digit() {
    if (this.#sample !== undefined) return this.#sample;
    const { width, height } = this.#canvas;
    const { data } = this.#context.getImageData(0, 0, width, height);
    const ink = Float32Array.from({ length: width * height }, (_, index) => data[4 * index + 3] / 255);
    return toDigit(ink, width);
  }

  clear() {
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#sample = undefined;
    this.#setDown(false);
    this.#onChange(true);
  }

  /** Shows an image of 28 x 28, which is what the network gets, too. */
  show(image) {
    const { width, height } = this.#canvas;
    this.#context.clearRect(0, 0, width, height);
    this.#context.imageSmoothingQuality = 'high';
    this.#context.drawImage(canvasOf(image), 0, 0, width, height);
    this.#sample = image;
    this.#setDown(false);
    this.#onChange(true);
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.#stroke = event.pointerId;
      this.#lineTo(this.#pointOf(event), true);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (event.pointerId !== this.#stroke) return;
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const move of moves.length > 0 ? moves : [event]) this.#lineTo(this.#pointOf(move), false);
    });
    for (const end of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(end, (event) => {
        if (event.pointerId !== this.#stroke) return;
        this.#stroke = undefined;
        this.#onChange(true);
      });
    }
    this.#board.addEventListener('keydown', (event) => this.#key(event));
    this.#board.addEventListener('blur', () => {
      if (this.#isDown) this.#lift();
    });
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = arrows[event.key];
    if (arrow !== undefined) {
      const { width, height } = this.#canvas;
      const x = Math.min(width - step, Math.max(step, this.#at.x + step * arrow[0]));
      const y = Math.min(height - step, Math.max(step, this.#at.y + step * arrow[1]));
      if (this.#isDown) this.#lineTo({ x, y }, false);
      else this.#at = { x, y };
      this.#showPen();
    } else if (event.key === ' ') {
      if (!event.repeat) this.#isDown ? this.#lift() : this.#lower();
    } else {
      return;
    }
    event.preventDefault();
  }

  #lower() {
    this.#setDown(true);
    this.#lineTo(this.#at, true);
    this.#onSay('pen down');
  }

  /** What is said of the digit then tells that the stroke has ended. */
  #lift() {
    this.#setDown(false);
    this.#onChange(true);
  }

  #setDown(isDown) {
    this.#isDown = isDown;
    this.#showPen();
  }

  #pointOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return {
      x: ((clientX - left) / width) * this.#canvas.width,
      y: ((clientY - top) / height) * this.#canvas.height,
    };
  }

  #lineTo({ x, y }, isStart) {
    const context = this.#context;
    const from = isStart ? { x, y } : this.#at;
    context.lineWidth = penWidth;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(from.x, from.y);
    // A line of no length is drawn by no browser.
    context.lineTo(x + 0.01, y);
    context.stroke();
    this.#at = { x, y };
    this.#sample = undefined;
    this.#showPen();
    this.#onChange(false);
  }

  #showPen() {
    this.#pen.style.setProperty('--x', `${(100 * this.#at.x) / this.#canvas.width}%`);
    this.#pen.style.setProperty('--y', `${(100 * this.#at.y) / this.#canvas.height}%`);
    this.#pen.classList.toggle('down', this.#isDown);
  }
}

/** An image of numbers from 0 to 1 as black ink. */
export function canvasOf(image) {
  const canvas = document.createElement('canvas');
  canvas.width = side;
  canvas.height = side;
  paint(canvas, image);
  return canvas;
}

/** Paints an image of 28 x 28 into a canvas of that size; undefined clears it. */
export function paint(canvas, image) {
  const context = canvas.getContext('2d');
  context.clearRect(0, 0, side, side);
  if (image === undefined) return;
  const pixels = context.createImageData(side, side);
  for (const [index, value] of image.entries()) pixels.data[4 * index + 3] = Math.round(255 * value);
  context.putImageData(pixels, 0, 0);
}
